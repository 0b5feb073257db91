"""How well a measure ranks a grid, on cases with known answers and against plain loops."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

import harness.judging.ranking
from harness.judging.ranking import (
    Environment,
    GridPoint,
    granulated_kendall,
    ranking,
    signed_conditional_information,
    worst_sign_error,
)
from tests.references.grids import (
    SIXTEEN,
    SQUARE,
    SQUARE_GAPS,
    THIRTY_SIX,
    Numbers,
    cases,
    drawn,
    grid,
    naive_granulated,
    naive_information,
    naive_worst,
    negated,
    on_square,
)


@given(cases())
def test_granulated_tau_is_that_of_plain_loops(case: tuple[Numbers, Numbers]) -> None:
    total, by_axis = granulated_kendall(*case)
    assert total == pytest.approx(naive_granulated(*case))
    assert total == pytest.approx(sum(by_axis.values()) / len(by_axis))


@pytest.mark.slow
@given(cases(), st.integers(0, 3))
def test_worst_sign_error_is_that_of_plain_loops(case: tuple[Numbers, Numbers], noise: int) -> None:
    try:
        expected = naive_worst(*case, noise)
    except ValueError:  # no pair at all
        with pytest.raises(ValueError, match="gaps more than"):
            worst_sign_error(*case, noise)
    else:
        assert worst_sign_error(*case, noise)[0] == pytest.approx(expected)


@pytest.mark.parametrize("values", [on_square(1, 2, 3, 2.5), on_square(1, 3, 2, 4), on_square(2, 2, 1, 5)])
def test_p_values_on_a_square_are_the_fractions_of_its_24_orders(values: Numbers) -> None:
    found = ranking(values, SQUARE_GAPS)
    orders = [on_square(*order) for order in itertools.permutations(values.values())]
    statistics: list[tuple[Callable[[Numbers, Numbers], float], float]] = [
        (naive_granulated, found.granulated_p),
        (naive_information, found.information_p),
    ]
    for naive, p_value in statistics:
        observed = naive(values, SQUARE_GAPS)
        assert p_value == sum(naive(order, SQUARE_GAPS) > observed - 1e-6 for order in orders) / 24


@pytest.mark.slow
@pytest.mark.parametrize("places", [SIXTEEN, THIRTY_SIX], ids=len)
def test_a_measure_that_is_the_gap_has_the_best_of_all_scores(places: list[GridPoint]) -> None:
    gaps = drawn(places, 0)
    best = ranking(gaps, gaps)
    assert best.granulated_tau == 1
    assert best.tau_by_axis == {0: 1, 1: 1, 2: 1, 3: 1}
    assert best.worst_sign_error == 0
    assert best.information == pytest.approx(1)
    assert best.granulated_p == best.information_p == 1 / 10_000


def test_a_measure_that_is_minus_the_gap_has_the_worst_of_all_scores() -> None:
    gaps = drawn(SIXTEEN, 0)
    worst = ranking(negated(gaps), gaps)
    assert worst.granulated_tau == -1
    assert worst.worst_sign_error == 1
    assert worst.information == pytest.approx(-1)
    assert worst.granulated_p == worst.information_p == 1


def test_a_constant_measure_knows_nothing() -> None:
    constant = ranking(dict.fromkeys(SIXTEEN, 3.0), drawn(SIXTEEN, 0))
    assert constant.granulated_tau == 0
    assert constant.worst_sign_error == 1 / 2
    assert constant.information == 0
    assert constant.granulated_p == constant.information_p == 1


def test_one_wrong_pair_of_four_on_a_square() -> None:
    total, by_axis = granulated_kendall(on_square(1, 2, 3, 2.5), SQUARE_GAPS)
    assert (total, by_axis) == (0.5, {0: 1.0, 1: 0.0})
    wrong = Environment(axis=1, low=0.0, high=1.0, pairs=2)
    assert worst_sign_error(on_square(1, 2, 3, 2.5), SQUARE_GAPS) == (0.5, wrong)


def test_a_measure_can_rank_well_overall_and_wrongly_along_every_hyperparameter_but_one() -> None:
    """The first hyperparameter decides most pairs; the others go the other way."""
    places = grid(3, 2, 2, 2)
    gaps = {place: 100 * place[0] + 4 * place[1] + 2 * place[2] + place[3] for place in places}
    values = {place: 100 * place[0] - 4 * place[1] - 2 * place[2] - place[3] for place in places}
    assert kendalltau(list(values.values()), list(gaps.values())).statistic > 0.3
    assert granulated_kendall(values, gaps) == (-0.5, {0: 1, 1: -1, 2: -1, 3: -1})
    assert signed_conditional_information(values, gaps) < 0


def test_the_worst_environment_is_named_even_if_the_mean_hides_it() -> None:
    """Widths are ordered as their gaps, depths 3 and 5 the other way round."""
    places: list[GridPoint] = list(itertools.product((32, 256, 1024), (1, 3, 5), (16, 64), (0.02, 0.08)))
    gaps = {place: place[0] + 5 * place[1] + 0.02 * place[2] + place[3] for place in places}
    swapped = {1: 1, 3: 5, 5: 3}
    values = {place: gaps[(place[0], swapped[place[1]], *place[2:])] for place in places}
    assert granulated_kendall(values, gaps)[0] > 0.8
    assert worst_sign_error(values, gaps) == (1.0, Environment(axis=1, low=3, high=5, pairs=12))


def test_pairs_within_the_noise_of_the_gap_are_not_held_against_a_measure() -> None:
    gaps = {place: 5 * place[0] + 2 * place[1] + 0.1 * place[2] for place in grid(2, 2, 2)}
    values = {place: 5 * place[0] + 2 * place[1] - place[2] for place in gaps}
    assert worst_sign_error(values, gaps, gap_noise=0.0) == (1.0, Environment(2, 0.0, 1.0, 4))
    assert worst_sign_error(values, gaps, gap_noise=0.2) == (0.0, Environment(0, 0.0, 1.0, 4))
    assert ranking(values, gaps, gap_noise=0.2).worst_sign_error == 0.0


def test_a_tie_in_the_gap_has_no_order_to_be_wrong_about() -> None:
    gaps = drawn(THIRTY_SIX, 0) | {THIRTY_SIX[0]: 0.5, THIRTY_SIX[1]: 0.5}
    assert signed_conditional_information(gaps, gaps) == pytest.approx(1)
    assert worst_sign_error(gaps, gaps)[0] == 0
    assert granulated_kendall(gaps, gaps)[0] == pytest.approx((3 + 17 / 18) / 4)  # here its pair counts


@pytest.mark.slow
def test_only_the_order_of_the_values_counts_however_large_they_are() -> None:
    gaps, order = drawn(SIXTEEN, 0), drawn(SIXTEEN, 1)
    largest = max(map(abs, order.values()))
    huge = {place: number / largest * 1.79e308 for place, number in order.items()}  # some differ by more than a float
    assert ranking(huge, gaps) == ranking(order, gaps)


@pytest.mark.slow
def test_the_order_of_the_places_does_not_matter() -> None:
    gaps, values = drawn(SIXTEEN, 0), drawn(SIXTEEN, 1)
    backwards = [dict(reversed(numbers.items())) for numbers in (values, gaps)]
    assert ranking(backwards[0], gaps) == ranking(values, backwards[1]) == ranking(values, gaps)


def test_gaps_within_their_noise_have_no_sign_error() -> None:
    with pytest.raises(ValueError, match=r"gaps more than 1.0 apart"):
        worst_sign_error(SQUARE_GAPS, SQUARE_GAPS, gap_noise=1.0)


def test_statistics_that_differ_by_rounding_alone_are_a_tie() -> None:
    """On 36 places one tau of 0 in ten comes out as 1e-17 or -1e-17."""
    assert harness.judging.ranking._p_value(lambda orders: 1e-17 * orders[..., 0], np.arange(8)[::-1]) == 1


@pytest.mark.slow
def test_the_p_values_of_noise_are_small_about_as_often_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """On 36 places whose gap has a structure; 200 draws, of which 10 and 2 are expected, 99 orders each."""
    monkeypatch.setattr(harness.judging.ranking, "PERMUTATIONS", 99)
    trend = {place: number + sum(place) for place, number in drawn(THIRTY_SIX, 0).items()}
    found = [ranking(drawn(THIRTY_SIX, 1 + seed), trend) for seed in range(200)]
    for p_values in ([one.granulated_p for one in found], [one.information_p for one in found]):
        assert 2 <= sum(p <= 0.05 for p in p_values) <= 20
        assert sum(p <= 0.01 for p in p_values) <= 8
    scores = [one.information for one in found]
    assert -0.08 < np.mean(scores) < 0
    assert max(scores) < 0.25


def test_places_that_only_one_mapping_has_are_named() -> None:
    with pytest.raises(ValueError, match=r"only one of values and gaps has the grid points \[\(1.0, 1.0\)\]"):
        granulated_kendall(on_square(1, 2, 3, 4), {place: 1.0 for place in SQUARE[:3]})


@pytest.mark.parametrize("places", [SQUARE[:3], SQUARE[:1], [], [(0.0,), (0.0, 1.0)]])
def test_a_grid_with_a_hole_is_refused(places: list[GridPoint]) -> None:
    some = {place: 1.0 for place in places}
    for function in (granulated_kendall, worst_sign_error, signed_conditional_information, ranking):
        with pytest.raises(ValueError, match=f"{len(places)} grid points do not fill a grid"):
            function(some, some)


@pytest.mark.parametrize("strange", [math.nan, math.inf])
def test_a_number_that_is_not_finite_is_refused(strange: float) -> None:
    with pytest.raises(ValueError, match=r"the value at .* is"):
        signed_conditional_information(on_square(1, 2, strange, 3), SQUARE_GAPS)
    with pytest.raises(ValueError, match=r"the gap at .* is"):
        signed_conditional_information(SQUARE_GAPS, on_square(1, 2, strange, 3))
