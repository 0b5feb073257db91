"""The numbers under a verdict, on cases with known answers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from harness.judging.twin_statistics import auc, count, effect_size, mean_kendall_tau, sign_test, stratified_auc

values = st.one_of(st.none(), st.floats(-1e6, 1e6))
pairs_of_values = st.lists(st.tuples(values, values), min_size=1, max_size=20)


def test_sign_test_of_18_in_20_is_211_in_2_to_the_20() -> None:
    assert sign_test(18, 20) == pytest.approx(211 / 2**20)
    assert sign_test(18, 20) < 0.001 < sign_test(17, 20)


def test_sign_test_of_no_wins_is_certain() -> None:
    assert sign_test(0, 20) == 1.0


@given(pairs_of_values)
def test_wins_ties_losses_and_missing_add_up(pairs: list[tuple[float | None, float | None]]) -> None:
    missing = sum(a is None or b is None for a, b in pairs)
    assert sum(count(pairs)) + missing == len(pairs)


@given(pairs_of_values)
def test_swapping_the_twins_swaps_wins_and_losses(pairs: list[tuple[float | None, float | None]]) -> None:
    assert count([(b, a) for a, b in pairs]) == count(pairs)[::-1]


def test_auc_counts_every_cross_pair_and_half_of_the_ties() -> None:
    assert auc([(1.0, 2.0), (2.0, 3.0)]) == pytest.approx((1 + 0.5 + 1 + 1) / 4)


def test_auc_without_values_is_none() -> None:
    assert auc([(None, 1.0)]) is None


def test_auc_interval_of_complete_separation_is_not_a_point() -> None:
    strata = [[(float(i), 10.0 + i) for i in range(5)] for _ in range(4)]
    estimate, interval = stratified_auc(strata)
    assert estimate == 1.0
    assert interval is not None
    assert interval[1] == 1.0
    assert 0.7 < interval[0] < 0.95


def test_auc_compares_within_networks_only() -> None:
    small, large = [(0.0, 1.0)] * 5, [(100.0, 101.0)] * 5
    assert stratified_auc([small, large])[0] == 1.0
    assert auc(small + large) == 0.75


def test_auc_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Normal values a standard deviation apart: the true AUC is Φ(1/√2)."""
    rng = np.random.default_rng(0)
    truth = 0.5 * (1 + math.erf(0.5))
    covered = 0
    for _ in range(400):
        strata = [list(zip(rng.normal(0, 1, 5), rng.normal(1, 1, 5), strict=True)) for _ in range(4)]
        low, high = stratified_auc(strata)[1]  # type: ignore[misc]
        covered += low <= truth <= high
    assert 0.90 <= covered / 400 <= 0.995


def test_the_area_is_had_of_values_whose_difference_is_beyond_all_floats() -> None:
    with np.errstate(all="raise"):
        assert auc([(-1.7e308, 1.7e308), (1.7e308, 1.7e308)]) == 0.75


def test_kendall_tau_is_one_for_a_measure_that_orders_as_the_gap() -> None:
    assert mean_kendall_tau([[(1.0, 0.1), (2.0, 0.5), (3.0, 0.9)]]) == pytest.approx(1.0)


FEW = st.integers(-3, 3).map(float) | st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(FEW, FEW), min_size=2, max_size=12))
def test_kendall_tau_has_the_bits_of_scipys(points: list[tuple[float, float]]) -> None:
    expected = float(kendalltau(*zip(*points, strict=True)).statistic)
    assert mean_kendall_tau([points]) == (0.0 if math.isnan(expected) else expected)


def test_kendall_tau_of_a_constant_is_zero() -> None:
    assert mean_kendall_tau([[(1.0, 0.1), (1.0, 0.5), (1.0, 0.9)]]) == 0.0


def test_effect_size_is_mean_over_deviation_of_the_differences() -> None:
    assert effect_size([(0.0, 1.0), (0.0, 3.0)]) == pytest.approx(2 / math.sqrt(2))
    assert effect_size([(0.0, 1.0), (0.0, 1.0)]) is None


@pytest.mark.parametrize("scale", [1e200, 1.7e308])
def test_effect_size_that_overflows_is_none(scale: float) -> None:
    assert effect_size([(0.0, scale), (-scale, scale), (0.0, -scale)]) is None


def test_missing_values_widen_the_interval() -> None:
    full = [(1.0, 1.0)] * 5
    fewer = [(a, b if i > 1 else None) for i, (a, b) in enumerate(full)]
    (low, high), (low_fewer, high_fewer) = (stratified_auc([pairs] * 4)[1] for pairs in (full, fewer))  # type: ignore[misc]
    assert high_fewer - low_fewer > high - low
