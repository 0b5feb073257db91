"""Fractions of the way against hand cases and a bootstrap in plain Python."""

import random
import statistics
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.judging.fraction import Fraction, Triples, excess_over_gap, fraction_of_the_way

Draw = Callable[[int], Sequence[int]]

whole = st.integers(-20, 20).map(float)
networks = st.lists(st.lists(st.tuples(whole, whole, whole), min_size=2, max_size=5), min_size=1, max_size=4)


def exact(fraction: float, scale: float = 1.0, shift: float = 0.0, seeds: int = 5) -> Triples:
    """Seeds that all say the same."""
    return [(shift, shift + fraction * scale, shift + scale)] * seeds


def noisy(fraction: float, noise: float, rng: np.random.Generator, seeds: int = 5) -> Triples:
    """Seeds whose three values scatter by parts of the distance, 1."""
    return [tuple(triple) for triple in (np.array([0.0, fraction, 1.0]) + noise * rng.normal(size=(seeds, 3))).tolist()]


def shared_noise(rng: np.random.Generator) -> tuple[Triples, Triples]:
    """A measure and a gap of which all noise is that of the seed."""
    offsets = rng.normal(size=5).tolist()
    measure = [(0.5 * offset, 0.3 + 0.7 * offset, 1.0 + 0.6 * offset) for offset in offsets]
    gap = [(0.2 * offset, 0.1 + 0.4 * offset, 1.0 + 0.3 * offset) for offset in offsets]
    return measure, gap


def naive_fraction(networks: Sequence[Triples], draw: Draw) -> float:
    fractions = []
    for triples in networks:
        chosen = [triples[i] for i in draw(len(triples))]
        natural, changed, randomized = (statistics.median(values) for values in zip(*chosen, strict=True))
        if randomized != natural:
            fractions.append((changed - natural) / (randomized - natural))
    return statistics.median(fractions)


def naive_excess(networks: Sequence[Triples], gaps: Sequence[Triples], draw: Draw) -> float:
    joined = list(zip(networks, gaps, strict=True))
    chosen = [draw(len(triples)) for triples, _ in joined]

    def fraction(side: int) -> float:
        again = iter(chosen)
        return naive_fraction([both[side] for both in joined], lambda _: next(again))

    return fraction(0) - fraction(1)


def with_replacement(seeds: int) -> Sequence[int]:
    return [random.randrange(seeds) for _ in range(seeds)]


def assert_ends_are_the_quantiles(found: Fraction, resampled: Sequence[float]) -> None:
    """A fortieth of them lies outside each end; its standard error is 0.4%."""
    low, high = found.interval
    for outside in ([value < low for value in resampled], [value > high for value in resampled]):
        assert np.mean(outside) <= 0.04
    for inside in ([value <= low for value in resampled], [value >= high for value in resampled]):
        assert np.mean(inside) >= 0.012


def test_one_network_by_hand() -> None:
    """Medians 2, 3 and 6: a quarter of the way."""
    found = fraction_of_the_way([[(1.0, 3.0, 6.0), (2.0, 2.0, 9.0), (3.0, 4.0, 5.0)]])
    assert found is not None
    assert found.value == 0.25
    assert found.interval[0] < 0.25 < found.interval[1]


def test_the_median_over_networks_by_hand() -> None:
    """0.1, 0.2, 0.4 and 5 of the way at their own scales."""
    strata = [exact(0.25, 4.0), exact(0.5, 0.5, 3.0), exact(-1.0, 8.0), exact(5.0, 1e6)]
    assert fraction_of_the_way(strata) == Fraction(0.375, (0.375, 0.375))


def test_excess_is_the_difference_of_the_medians() -> None:
    strata, gaps = [exact(0.25), exact(0.5), exact(1.0)], [exact(0.5), exact(0.125), exact(0.25)]
    assert excess_over_gap(strata, gaps) == Fraction(0.25, (0.25, 0.25))


def test_a_measure_that_falls_on_random_labels_has_a_way_too() -> None:
    assert fraction_of_the_way([exact(0.25, -4.0)] * 4) == Fraction(0.25, (0.25, 0.25))


@pytest.mark.slow
@settings(max_examples=40)
@given(networks, st.integers(-9, 9).filter(bool), st.integers(-100, 100), st.integers(0, 3))
def test_scale_and_shift_of_a_network_change_nothing(strata: list[Triples], scale: int, shift: int, which: int) -> None:
    which %= len(strata)
    moved = [tuple(scale * value + shift for value in triple) for triple in strata[which]]  # type: ignore[operator]
    changed = [*strata[:which], moved, *strata[which + 1 :]]
    assert fraction_of_the_way(changed) == fraction_of_the_way(strata)  # type: ignore[arg-type]
    assert excess_over_gap(changed, strata) == excess_over_gap(strata, strata)  # type: ignore[arg-type]


@settings(max_examples=40)
@given(networks)
def test_the_gap_exceeds_itself_by_exactly_0(strata: list[Triples]) -> None:
    found = fraction_of_the_way(strata)
    assert excess_over_gap(strata, strata) == (None if found is None else Fraction(0.0, (0.0, 0.0)))


def test_one_broken_network_in_four_does_not_ruin_it() -> None:
    rng = np.random.default_rng(0)
    good = [noisy(0.1, 0.05, rng) for _ in range(3)]
    # Natural and random labels alike: the sign of its distance is a coin's.
    broken = [(1.0, 5.0, 1.001), (1.0, 4.0, 0.999), (1.0, 6.0, 1.002), (1.0, 5.0, 0.998), (1.0, 5.0, 1.0005)]
    alone = fraction_of_the_way([broken])
    assert alone is not None
    assert abs(alone.value) > 1000
    found = fraction_of_the_way([*good, broken])
    assert found is not None
    assert abs(found.value - 0.1) < 0.1
    assert -0.1 < found.interval[0] < found.interval[1] < 0.3


def test_a_network_that_random_labels_do_not_move_is_left_out() -> None:
    still = [(1.0, 2.0, 1.0)] * 5
    assert fraction_of_the_way([exact(0.5), still, exact(0.25)]) == Fraction(0.375, (0.375, 0.375))
    assert fraction_of_the_way([still] * 4) is None


def test_a_network_without_a_fraction_of_the_measure_has_none_of_the_gap() -> None:
    still = [(1.0, 2.0, 1.0)] * 5
    gaps = [exact(0.125), exact(1.0), exact(1.0)]
    assert excess_over_gap([exact(0.5), still, still], gaps) == Fraction(0.375, (0.375, 0.375))


def test_a_measure_that_random_labels_may_not_move_has_no_fraction() -> None:
    """Half of the seeds tie: in many resamples most do, in every network."""
    unreliable = [(0.0, 1.0, 1.0)] * 3 + [(0.0, 1.0, 0.0)] * 2
    assert fraction_of_the_way([unreliable]) is None
    assert fraction_of_the_way([unreliable, exact(1.0)]) == Fraction(1.0, (1.0, 1.0))


def test_a_denominator_of_either_sign_widens_the_interval() -> None:
    found = fraction_of_the_way(
        [[(0.0, 1.0, 1.0), (0.0, 1.0, 1.0), (0.0, 1.0, 1.0), (0.0, 1.0, -1.0), (0.0, 1.0, -1.0)]]
    )
    assert found == Fraction(1.0, (-1.0, 1.0))


@pytest.mark.parametrize("size", [1e308, 1e-320])
def test_quotients_that_overflow_are_left_out(size: float) -> None:
    strange = [(-size, 1.0, size)] * 5 if size > 1 else [(0.0, 1.0, size)] * 5
    assert fraction_of_the_way([strange, exact(0.5)]) == Fraction(0.5, (0.5, 0.5))
    assert fraction_of_the_way([strange]) is None


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_seed_that_misses_a_value_is_left_out(missing: int) -> None:
    rng = np.random.default_rng(0)
    full = [noisy(0.3, 0.1, rng) for _ in range(4)]
    hole = tuple(None if i == missing else 7.0 for i in range(3))
    with_hole = [[*full[0][:2], hole, *full[0][2:]], *full[1:]]
    assert fraction_of_the_way(with_hole) == fraction_of_the_way(full)


def test_a_seed_that_misses_the_gap_is_left_out_of_both() -> None:
    rng = np.random.default_rng(0)
    strata, gaps = [noisy(0.3, 0.1, rng) for _ in range(4)], [noisy(0.1, 0.1, rng) for _ in range(4)]
    without = excess_over_gap([strata[0][1:], *strata[1:]], [gaps[0][1:], *gaps[1:]])
    assert excess_over_gap(strata, [[(0.0, None, 1.0), *gaps[0][1:]], *gaps[1:]]) == without
    assert excess_over_gap([[(0.0, None, 1.0), *strata[0][1:]], *strata[1:]], gaps) == without


def test_a_network_of_one_seed_is_left_out() -> None:
    alone = [exact(0.75, seeds=1), [(0.0, 0.75, 1.0), (None, 0.75, 1.0)]]
    assert fraction_of_the_way([exact(0.25), *alone]) == Fraction(0.25, (0.25, 0.25))
    assert fraction_of_the_way([*alone, []]) is None
    assert fraction_of_the_way([]) is None


def test_a_network_of_two_seeds_counts() -> None:
    assert fraction_of_the_way([exact(0.25), exact(0.75, seeds=2)]) == Fraction(0.5, (0.5, 0.5))


def test_seeds_of_measure_and_gap_must_correspond() -> None:
    with pytest.raises(ValueError, match="zip"):
        excess_over_gap([exact(0.5)], [exact(0.5, seeds=4)])
    with pytest.raises(ValueError, match="zip"):
        excess_over_gap([exact(0.5)], [])


def test_the_interval_is_the_same_every_time_and_leaves_the_global_generator_alone() -> None:
    strata = [noisy(0.3, 0.2, np.random.default_rng(0)) for _ in range(4)]
    first = fraction_of_the_way(strata)
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    assert fraction_of_the_way(strata) == first
    assert np.random.random() == expected


@pytest.mark.parametrize("seed", range(3))
def test_fraction_and_interval_are_those_of_a_plain_bootstrap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    strata = [noisy(0.3, 0.3, rng, seeds) for seeds in (5, 4, 3, 5)]
    found = fraction_of_the_way(strata)
    assert found is not None
    assert found.value == pytest.approx(naive_fraction(strata, range))
    random.seed(seed)
    assert_ends_are_the_quantiles(found, [naive_fraction(strata, with_replacement) for _ in range(4000)])


@pytest.mark.parametrize("seed", range(3))
def test_seeds_are_resampled_with_all_that_belongs_to_them_and_each_network_by_itself(seed: int) -> None:
    """The noise is the seed's, and the networks are alike: any other pairing gives another interval."""
    measure, gap = shared_noise(np.random.default_rng(seed))
    strata, gaps = [measure] * 4, [gap] * 4
    random.seed(seed)
    for found, resampled in (
        (fraction_of_the_way(strata), [naive_fraction(strata, with_replacement) for _ in range(4000)]),
        (excess_over_gap(strata, gaps), [naive_excess(strata, gaps, with_replacement) for _ in range(4000)]),
    ):
        assert found is not None
        assert_ends_are_the_quantiles(found, resampled)


@pytest.mark.slow
def test_the_interval_covers_and_rarely_decides_at_the_border() -> None:
    """An excess of exactly 0.15, at 10% noise: neither quiet nor a false alarm is right."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(200):
        strata, gaps = [noisy(0.2, 0.1, rng) for _ in range(4)], [noisy(0.05, 0.02, rng) for _ in range(4)]
        found.append(excess_over_gap(strata, gaps))
    intervals = [fraction.interval for fraction in found if fraction is not None]
    assert len(intervals) == 200
    assert np.mean([low <= 0.15 <= high for low, high in intervals]) >= 0.95
    assert np.mean([high <= 0.15 for _, high in intervals]) <= 0.04
    assert np.mean([low > 0.15 for low, _ in intervals]) <= 0.04
    # Else an interval that never ends would do.
    assert 0.1 < np.median([high - low for low, high in intervals]) < 0.25
