"""Statuses by hand, and what holds for any outcomes of seeds."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.judging.units.condition import ConditionVerdict, Failure, judge_condition
from harness.judging.units.decision import Unit, UnitDecision, decide

Signs = Sequence[Sequence[int]]
"""For each unit, for each seed: 1 a win, 0 a tie, -1 a loss."""

SIGN = st.sampled_from([-1, 0, 1])
signs = st.integers(10, 16).flatmap(lambda units: st.lists(st.tuples(SIGN, SIGN, SIGN), min_size=units, max_size=units))
mostly_won = st.integers(10, 16).flatmap(
    lambda units: st.lists(
        st.sampled_from([(1, 1, 1)] * 5 + [(1, 1, -1), (1, 0, -1), (-1, -1, 1)]), min_size=units, max_size=units
    )
)


def units_of(signs: Signs) -> list[UnitDecision]:
    return [
        decide(Unit("digits", f"network{number}"), [(0.0, float(sign)) for sign in seeds])
        for number, seeds in enumerate(signs)
    ]


def judged(signs: Signs, failure: Failure | None = None) -> ConditionVerdict:
    return judge_condition("gaussian", units_of(signs), failure)


WON, LOST, TIED = (1, 1, 1), (-1, -1, -1), (0, 0, 0)


@pytest.mark.parametrize(
    ("signs", "status"),
    [
        ([WON] * 14, "separates"),
        ([WON] * 13 + [LOST], "separates"),
        ([(1, 1, -1)] * 14, "separates"),
        ([WON] * 12 + [LOST] * 2, "depends_on_the_network"),
        ([WON] * 7 + [LOST] * 7, "depends_on_the_network"),
        ([WON] * 7 + [TIED] * 7, "depends_on_the_network"),
        ([WON] * 2 + [LOST] * 12, "depends_on_the_network"),
        ([(1, 1, -1), (1, -1, -1)] * 7, "overlaps"),
        ([(1, 1, -1)] * 12 + [(1, -1, -1)] * 2, "overlaps"),
        ([TIED] * 14, "overlaps"),
        ([WON] + [LOST] * 13, "inverted"),
        ([LOST] * 10, "inverted"),
        ([WON] * 10, "separates"),
        ([WON] * 9 + [TIED], "depends_on_the_network"),
    ],
)
def test_statuses_by_hand(signs: Signs, status: str) -> None:
    found = judged(signs)
    assert found.status == status
    assert found.passes == (status == "separates")


def test_a_measure_that_passes_separates_whatever_the_heterogeneity() -> None:
    found = judged([WON] * 26 + [LOST] * 2)
    assert found.p_heterogeneity < 1e-4
    assert found.status == "separates"


def test_numbers_are_those_of_the_tests() -> None:
    found = judged([WON] * 11 + [LOST] * 2 + [(1, 0, -1)])
    assert (found.won, found.lost) == (11, 2)
    assert found.p_value == (364 + 91 + 14 + 1) / 2**14
    assert found.p_inverted == 1 - 15 / 2**14
    assert found.status == "depends_on_the_network"


@pytest.mark.parametrize("failure", ["error", "timeout"])
def test_a_failure_leaves_no_verdict_however_good_the_rest(failure: Failure) -> None:
    assert judged([WON] * 14, failure).status == failure


def test_a_measure_without_any_value_is_not_applicable_and_one_value_more_is_a_verdict() -> None:
    nothing = [decide(Unit("digits", f"network{number}"), [(0.0, None)] * 3) for number in range(14)]
    assert judge_condition("gaussian", nothing).status == "not_applicable"
    once = decide(Unit("digits", "network0"), [(0.0, 1.0), (None, 1.0), (None, None)])
    assert judge_condition("gaussian", [once, *nothing[1:]]).status == "overlaps"


def test_too_few_units_have_no_verdict() -> None:
    with pytest.raises(HarnessError, match="too few units: this zoo has 9"):
        judged([WON] * 9)


@given(st.one_of(signs, mostly_won))
def test_exchanging_natural_and_randomized_exchanges_separates_and_inverted(signs: Signs) -> None:
    found, other = judged(signs), judged([[-sign for sign in seeds] for seeds in signs])
    assert (found.p_value, found.won) == (other.p_inverted, other.lost)
    assert (found.status == "separates") == (other.status == "inverted")
    if not any(sign == 0 for seeds in signs for sign in seeds):
        swapped = {"separates": "inverted", "inverted": "separates"}
        assert other.status == swapped.get(found.status, found.status)


@given(st.one_of(signs, mostly_won), st.integers(0, 15), st.integers(0, 2))
def test_a_win_for_a_loss_or_a_tie_never_turns_a_pass_into_a_failure(signs: Signs, unit: int, seed: int) -> None:
    better = [[*seeds] for seeds in signs]
    better[unit % len(better)][seed] = 1
    before, after = judged(signs), judged(better)
    assert after.p_value <= before.p_value
    assert after.p_inverted >= before.p_inverted
    assert after.passes or not before.passes


def test_a_win_never_turns_a_pass_into_a_failure_for_all_kinds_of_units() -> None:
    """14 units of which one is any of 27, the others as good as just passes, or just does not."""
    for seeds in itertools.product((-1, 0, 1), repeat=3):
        for others in ([WON] * 12 + [LOST], [WON] * 13, [WON] * 11 + [LOST] * 2):
            before = judged([*others, seeds]).passes
            for at in range(3):
                after = judged([*others, [*seeds[:at], 1, *seeds[at + 1 :]]]).passes
                assert after or not before


@given(st.one_of(signs, mostly_won), st.randoms())
def test_the_order_of_units_changes_nothing_but_their_order(signs: Signs, random: "object") -> None:
    shuffled = units_of(signs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found, other = judged(signs), judge_condition("gaussian", shuffled)
    assert set(found.units) == set(other.units)
    assert (found.status, found.p_value, found.p_inverted, found.p_heterogeneity) == (
        other.status,
        other.p_value,
        other.p_inverted,
        other.p_heterogeneity,
    )


@given(signs, st.integers(-5, 5), st.integers(-8, 8))
def test_increasing_affine_maps_of_each_unit_change_nothing(signs: Signs, exponent: int, shift: int) -> None:
    moved = [
        decide(unit.unit, [(float(shift), 2.0**exponent * sign + shift) for sign in seeds])
        for unit, seeds in zip(units_of(signs), signs, strict=True)
    ]
    assert judge_condition("gaussian", moved) == judged(signs)
