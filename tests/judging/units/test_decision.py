"""Units are won by most of their seeds, and a null wins one in half of all cases at most, counted one by one."""

import itertools
import math
import statistics
from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judging.twin_statistics import Pairs
from harness.judging.units.decision import TIE, Unit, UnitDecision, decide, scaled_limit, tie_limit

UNIT = Unit("digits", "mlp_1x512")

whole = st.integers(-50, 50).map(float)
values = st.one_of(st.none(), whole)
seeds = st.sampled_from([1, 3, 5]).flatmap(lambda k: st.lists(st.tuples(values, values), min_size=k, max_size=k))


def swapped(pairs: Pairs) -> list[tuple[float | None, float | None]]:
    return [(b, a) for a, b in pairs]


def naive(pairs: Pairs) -> str:
    """In whole numbers: a difference ties if it is 0 or its square below that of a hundredth of the deviation."""

    def variance(values: Sequence[float | None]) -> Fraction | None:
        known = [Fraction(value) for value in values if value is not None]
        if len(known) < 2:
            return None
        mean = sum(known) / len(known)
        return sum(((value - mean) ** 2 for value in known), Fraction(0)) / (len(known) - 1)

    variances = [variance([a for a, _ in pairs]), variance([b for _, b in pairs])]
    spread = min((variance for variance in variances if variance is not None), default=Fraction(0))
    signs = []
    for a, b in pairs:
        if a is not None and b is not None:
            difference = Fraction(b) - Fraction(a)
            tied = difference == 0 or difference**2 < spread / 10_000
            signs.append(0 if tied else 1 if difference > 0 else -1)
    if signs.count(1) > len(pairs) / 2:
        return "won"
    return "lost" if signs.count(-1) > len(pairs) / 2 else "neither"


@pytest.mark.parametrize(
    ("differences", "decision"),
    [
        ([1, 1, 1], "won"),
        ([1, 1, -9], "won"),
        ([1, 0, -1], "neither"),
        ([1, 0, 0], "neither"),
        ([1, None, None], "neither"),
        ([1, 1, None], "won"),
        ([-1, -1, 9], "lost"),
        ([-1, 0, 0], "neither"),
        ([0, 0, 0], "neither"),
        ([1], "won"),
        ([1, 1, 0, 0, 0], "neither"),
    ],
)
def test_most_of_all_seeds_decide(differences: list[float | None], decision: str) -> None:
    assert decide(UNIT, [(0.0, difference) for difference in differences]).decision == decision


def test_a_seed_without_both_values_is_none_of_the_three() -> None:
    assert decide(UNIT, [(0.0, 1.0), (None, 1.0), (0.0, None)]) == UnitDecision(UNIT, wins=1, ties=0, losses=0, seeds=3)


def test_an_even_number_of_seeds_may_split_and_decides_nothing_then() -> None:
    unit = Unit("digits", "mlp_1x512")
    assert decide(unit, [(0.0, 1.0), (1.5, 0.0)]).decision == "neither"
    assert decide(unit, [(0.0, 1.0), (0.5, 2.0)]).decision == "won"


def test_no_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="mlp_1x512 on digits has no seeds"):
        decide(Unit("digits", "mlp_1x512"), [])


def test_the_spread_by_hand() -> None:
    """Deviations 1 of 1, 2, 3 and 10 of 10, 20, 30; the smaller counts."""
    assert tie_limit([(1.0, 10.0), (2.0, 20.0), (3.0, 30.0)]) == pytest.approx(0.01)
    assert tie_limit([(10.0, 1.0), (20.0, 2.0), (30.0, 3.0)]) == pytest.approx(0.01)


def test_a_difference_just_below_a_hundredth_of_the_spread_ties_and_one_just_above_does_not() -> None:
    natural = [0.0, 100.0, 200.0]  # deviation 100
    for difference, wins in ((0.999, 0), (1.001, 3)):
        assert decide(UNIT, [(value, value + difference) for value in natural]).wins == wins
        assert decide(UNIT, [(value, value - difference) for value in natural]).losses == wins


def test_an_epsilon_does_not_break_ties() -> None:
    """A statistic of the data, equal in twins, plus a billionth of something that is larger on randomized data."""
    pairs = [(data + 1e-9 * 2, data + 1e-9 * 5) for data in (0.31, 0.35, 0.28)]
    assert decide(UNIT, pairs) == UnitDecision(UNIT, wins=0, ties=3, losses=0, seeds=3)


def test_beside_the_gate_a_thousandth_of_the_way_is_a_tie_though_nothing_varies_over_seeds() -> None:
    """A rounded statistic of the data, plus an epsilon of the network: the spread is the epsilon's."""
    gate = [(0.0 + 1e-9 * network, 0.75 + 1e-9 * network) for network in (1.0, 2.0, 3.0)]
    assert tie_limit(gate) < 1e-10
    assert scaled_limit(gate) == pytest.approx(0.75e-3)
    same_data = [(1e-9 * network, 1e-9 * (network + 5)) for network in (1.0, 2.0, 3.0)]
    assert decide(UNIT, same_data).decision == "won"
    assert decide(UNIT, same_data, scaled_limit(gate)) == UnitDecision(UNIT, wins=0, ties=3, losses=0, seeds=3)
    just_above = [(0.0, 0.76e-3)] * 3
    assert decide(UNIT, just_above, scaled_limit(gate)).decision == "won"


@given(seeds)
def test_beside_the_gate_a_tie_is_never_less_than_in_it_and_exchanging_twins_changes_nothing(pairs: Pairs) -> None:
    assert scaled_limit(pairs) >= tie_limit(pairs)
    assert scaled_limit(swapped(pairs)) == scaled_limit(pairs)


def test_where_one_side_never_changes_any_difference_counts_and_equal_values_tie() -> None:
    assert tie_limit([(5.0, 5.0), (5.0, 7.0), (5.0, 5.001)]) == 0
    assert decide(UNIT, [(5.0, 5.0), (5.0, 7.0), (5.0, 5.001)]) == UnitDecision(UNIT, 2, 1, 0, 3)
    assert decide(UNIT, [(5.0, 5.0)] * 3).ties == 3


def test_a_side_with_one_value_leaves_the_spread_to_the_other() -> None:
    assert tie_limit([(1.0, None), (3.0, None), (5.0, 7.0)]) == pytest.approx(0.02)
    assert tie_limit([(1.0, None), (None, 3.0), (None, None)]) == 0
    assert decide(UNIT, [(1.0, 1.0 + 1e-12)]).wins == 1


@given(seeds, st.integers(10, 300))
def test_one_diverging_model_raises_no_limit_above_that_of_the_natural_values(pairs: Pairs, exponent: int) -> None:
    natural = [a for a, _ in pairs if a is not None]
    diverged = [(pairs[0][0], 10.0**exponent), *pairs[1:]]
    if len(natural) > 1:
        assert tie_limit(diverged) <= TIE * statistics.stdev(natural) * (1 + 1e-12)


@pytest.mark.parametrize("size", [1.7e308, 1e200, 1e-200, 1e-310])
def test_values_of_any_size_are_decided(size: float) -> None:
    assert decide(UNIT, [(-size, size), (-size / 2, size), (-size, size / 2)]).decision == "won"
    assert decide(UNIT, [(size, -size), (size, -size / 2), (size / 2, -size)]).decision == "lost"
    if size > 1e-300:
        assert 0.003 * size < tie_limit([(-size, size), (-size / 2, size), (0.0, 0.0)]) < 0.01 * size


@given(seeds)
def test_decisions_are_those_of_whole_numbers(pairs: Pairs) -> None:
    assert decide(UNIT, pairs).decision == naive(pairs)


@given(seeds)
def test_exchanging_twins_exchanges_won_and_lost(pairs: Pairs) -> None:
    found, other = decide(UNIT, pairs), decide(UNIT, swapped(pairs))
    assert (found.wins, found.ties, found.losses) == (other.losses, other.ties, other.wins)
    assert other.decision == {"won": "lost", "lost": "won", "neither": "neither"}[found.decision]


@given(seeds, st.integers(-5, 5), st.integers(-64, 64))
def test_increasing_affine_maps_change_nothing(pairs: Pairs, exponent: int, shift: int) -> None:
    """Powers of two and whole numbers, so that nothing is rounded."""

    def moved(value: float | None) -> float | None:
        return None if value is None else 2.0**exponent * value + shift

    assert decide(UNIT, [(moved(a), moved(b)) for a, b in pairs]) == decide(UNIT, pairs)


@given(seeds, st.randoms())
def test_the_order_of_seeds_changes_nothing(pairs: Pairs, random: "object") -> None:
    shuffled = [*pairs]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert decide(UNIT, shuffled) == decide(UNIT, pairs)


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_win_for_a_loss_or_a_tie_never_makes_a_unit_worse(number: int) -> None:
    rank = {"lost": 0, "neither": 1, "won": 2}
    for wins, ties, losses in itertools.product(range(number + 1), repeat=3):
        if wins + ties + losses <= number and wins < number:
            before = UnitDecision(UNIT, wins, ties, losses, number).decision
            if losses:
                assert rank[UnitDecision(UNIT, wins + 1, ties, losses - 1, number).decision] >= rank[before]
            if ties:
                assert rank[UnitDecision(UNIT, wins + 1, ties - 1, losses, number).decision] >= rank[before]


@given(st.lists(st.tuples(seeds.filter(lambda pairs: len(pairs) == 3), st.integers(1, 9)), min_size=1, max_size=6))
def test_a_null_wins_a_unit_with_probability_one_half_at_most(table: list[tuple[Pairs, int]]) -> None:
    """Any joint distribution of the values, made exchangeable: each outcome and its exchange are equally likely."""
    total = sum(2 * weight for _, weight in table)
    won = sum(
        weight for pairs, weight in table for each in (pairs, swapped(pairs)) if decide(UNIT, each).decision == "won"
    )
    assert Fraction(won, total) <= Fraction(1, 2)


def test_that_each_seed_wins_half_is_not_enough() -> None:
    """Two of three win in three quarters of the units: what the exchange of all seeds together excludes."""
    units = [(1, 1, -1), (1, -1, 1), (-1, 1, 1), (-1, -1, -1)]
    for seed in range(3):
        assert sum(unit[seed] > 0 for unit in units) == len(units) / 2
    won = [decide(UNIT, [(0.0, float(sign)) for sign in unit]).decision == "won" for unit in units]
    assert sum(won) / len(won) == 0.75


def test_the_spread_of_huge_values_is_finite() -> None:
    assert math.isfinite(tie_limit([(-1.7e308, 1.0), (1.7e308, 2.0), (1.7e308, 3.0)]))


def test_a_unit_names_its_setting_where_there_are_several() -> None:
    assert str(Unit("noisy digits", "convnet")) == "convnet on noisy digits"
    assert str(Unit("", "convnet")) == "convnet"
