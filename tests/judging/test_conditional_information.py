"""What a measure tells beyond two hyperparameters, on cases with known answers and against plain loops."""

import pytest
from hypothesis import given

from harness.judging.ranking import signed_conditional_information
from tests.references.grids import (
    SIXTEEN,
    SQUARE_GAPS,
    THIRTY_SIX,
    Numbers,
    cases,
    drawn,
    entropy,
    grid,
    naive_information,
    negated,
    on_square,
)


@pytest.mark.slow
@given(cases())
def test_information_is_that_of_plain_loops(case: tuple[Numbers, Numbers]) -> None:
    assert signed_conditional_information(*case) == pytest.approx(naive_information(*case), abs=1e-9)


def test_information_without_direction_takes_a_reversed_measure_for_a_perfect_one() -> None:
    gaps = drawn(SIXTEEN, 0)
    assert naive_information(negated(gaps), gaps, signed=False) == pytest.approx(1)
    assert signed_conditional_information(negated(gaps), gaps) == pytest.approx(-1)


def test_information_of_one_wrong_diagonal_is_a_bit_less_the_entropy_of_one_in_six() -> None:
    """Given the second hyperparameter it is 4 / (4 + 8 h(1/4)) = 0.38, given the first all there is to know."""
    expected = 1 - entropy(["wrong"] + 5 * ["right"])
    assert signed_conditional_information(on_square(1, 3, 2, 4), SQUARE_GAPS) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_a_function_of_two_hyperparameters_tells_nothing_beyond_them(seed: int) -> None:
    effect = drawn(grid(3, 2), seed)
    gaps = drawn(THIRTY_SIX, seed + 100)
    assert signed_conditional_information({place: effect[place[1:3]] for place in THIRTY_SIX}, gaps) <= 1e-12


def test_equal_gaps_have_no_order_to_be_told() -> None:
    with pytest.raises(ValueError, match="all 4 gaps are equal"):
        signed_conditional_information(SQUARE_GAPS, on_square(1, 1, 1, 1))
