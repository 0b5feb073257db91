"""Fractions of units by hand, and in exact arithmetic."""

import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judging.units.decision import Unit
from harness.judging.units.fractions import Triple, excess, fractions, mean_of_largest

LARGEST = sys.float_info.max
A, B, C = (Unit("digits", name) for name in "abc")

whole = st.integers(-20, 20).map(float)
seeds = st.lists(st.tuples(whole, whole, whole), min_size=3, max_size=3)


def test_a_unit_by_hand_is_a_quotient_of_means() -> None:
    """Natural 1, 2, 3, changed 3, 2, 4, randomized 6, 9, 6: means 2, 3 and 7."""
    found = fractions({A: [(1.0, 3.0, 6.0), (2.0, 2.0, 9.0), (3.0, 4.0, 6.0)]})
    assert found.of_unit == {A: pytest.approx(0.2)}
    assert found.without_scale == ()


@given(seeds)
def test_fractions_in_exact_arithmetic(triples: list[Triple]) -> None:
    found = fractions({A: triples})
    sums = [sum(Fraction(value) for value in values if value is not None) for values in zip(*triples, strict=True)]
    if found.of_unit:
        assert found.of_unit[A] == pytest.approx(float((sums[1] - sums[0]) / (sums[2] - sums[0])))
    else:
        larger = [b is not None and a is not None and b > a for a, _, b in triples]
        deviating = len({a for a, _, _ in triples}) > 1 and len({b for _, _, b in triples}) > 1
        assert sum(larger) < 2 or sums[2] <= sums[0] or deviating


def test_units_that_randomized_data_do_not_move_have_no_scale() -> None:
    found = fractions(
        {
            A: [(0.0, 1.0, 2.0)] * 3,
            B: [(0.0, 1.0, 0.0)] * 3,  # tied
            C: [(0.0, 1.0, 1.0), (0.0, 1.0, 1.0), (0.0, 1.0, -3.0)],  # won, with a mean distance below 0
        }
    )
    assert found.of_unit == {A: 0.5}
    assert found.without_scale == (B, C)
    assert fractions({A: [(0.0, 1.0, -2.0)] * 3}).without_scale == (A,)


def test_a_seed_that_misses_a_value_is_left_out_and_most_seeds_must_be_there() -> None:
    assert fractions({A: [(0.0, 1.0, 4.0), (0.0, 1.0, 4.0), (None, 9.0, 9.0)]}).of_unit == {A: 0.25}
    assert fractions({A: [(0.0, 1.0, 4.0), (0.0, None, 4.0), (None, 9.0, 9.0)]}).without_scale == (A,)
    assert fractions({A: []}).without_scale == (A,)


def test_excess_is_the_measure_minus_the_gap_on_the_same_seeds() -> None:
    gaps = {A: [(0.0, 0.1, 1.0), (0.0, 0.1, 1.0), (0.0, None, 1.0)]}
    found = excess({A: [(0.0, 1.0, 2.0), (0.0, 1.0, 2.0), (0.0, 99.0, 2.0)]}, [gaps])
    assert found.of_unit == {A: pytest.approx(0.4)}


def test_without_a_fraction_of_the_gap_there_is_no_excess() -> None:
    assert excess({A: [(0.0, 1.0, 2.0)] * 3}, [{A: [(0.0, 1.0, 0.0)] * 3}]).without_scale == (A,)


@given(seeds)
def test_the_gap_exceeds_itself_by_nothing(triples: list[Triple]) -> None:
    assert set(excess({A: triples}, [{A: triples}]).of_unit.values()) <= {0.0}


@given(seeds, st.integers(-3, 3), st.integers(-64, 64))
def test_increasing_affine_maps_change_nothing(triples: list[Triple], exponent: int, shift: int) -> None:
    moved = [tuple(2.0**exponent * (value or 0) + shift for value in triple) for triple in triples]
    found, other = fractions({A: triples}), fractions({A: moved})  # type: ignore[dict-item]
    assert other.of_unit == pytest.approx(found.of_unit)
    assert other.without_scale == found.without_scale


def test_values_that_overflow_have_no_fraction() -> None:
    assert fractions({A: [(-1.7e308, 0.0, 1.7e308)] * 3}).without_scale == (A,)
    assert fractions({A: [(0.0, 1e300, 1e-300)] * 3}).without_scale == (A,)
    assert fractions({A: [(0.0, 5e307, 1e308)] * 3}).of_unit == {A: pytest.approx(0.5)}
    assert fractions({A: [(0.0, 0.0, LARGEST)] * 3}).of_unit == {A: 0.0}
    assert fractions({A: [(-LARGEST, -LARGEST, LARGEST)] * 3}).without_scale == (A,)


@given(st.lists(st.sampled_from([LARGEST, -LARGEST, LARGEST / 2, 1.0]), min_size=1, max_size=5))
def test_the_mean_of_the_largest_numbers_lies_between_them(values: list[float]) -> None:
    assert mean_of_largest(values) == pytest.approx(float(sum(map(Fraction, values)) / len(values)), rel=1e-12)
    assert min(values) <= mean_of_largest(values) <= max(values)


def test_measure_and_gap_must_correspond() -> None:
    with pytest.raises(ValueError, match="zip"):
        excess({A: [(0.0, 1.0, 2.0)] * 3}, [{A: [(0.0, 1.0, 2.0)] * 5}])
    with pytest.raises(KeyError):
        excess({A: [(0.0, 1.0, 2.0)] * 3}, [{B: [(0.0, 1.0, 2.0)] * 3}])
