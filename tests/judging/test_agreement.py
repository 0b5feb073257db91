"""Fresh twins beside a record: the exact test against counting, and the sentence."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from harness.judging.agreement import Agreement, Recorded, agreement_of, exchanged
from harness.judging.units.condition import Status, judge_condition
from harness.judging.units.decision import Unit, UnitDecision

DIFFERENCES = st.lists(st.integers(-6, 6), max_size=10)
DECISIONS = {"w": (3, 0, 0), "l": (0, 0, 3), "n": (1, 1, 1)}


@dataclass(frozen=True)
class Judged:
    status: Status
    units: tuple[UnitDecision, ...]


def judged(decisions: str) -> Judged:
    """`wwwn`: units won, lost or neither, and what follows."""
    units = [UnitDecision(Unit("digits", f"net{place}"), *DECISIONS[d], 3) for place, d in enumerate(decisions)]
    return Judged(judge_condition("any", units).status, tuple(units))


def found(recorded: Mapping[str, str], fresh: Mapping[str, str], **more: str) -> Agreement:
    known = Recorded({name: judged(decisions) for name, decisions in recorded.items()}, **more)
    return agreement_of("mine", 7, known, {name: judged(decisions) for name, decisions in fresh.items()})


def by_counting(differences: Sequence[int]) -> float:
    """All ways to give each difference its sign."""
    totals = [sum(each) for each in itertools.product(*((size, -size) for size in differences))]
    return sum(abs(total) >= abs(sum(differences)) for total in totals) / len(totals)


@given(DIFFERENCES)
def test_the_p_value_is_the_share_of_all_signs_that_are_as_far_from_zero(differences: list[int]) -> None:
    assert exchanged(differences) == pytest.approx(by_counting(differences), rel=1e-12)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 5))
def test_where_units_are_won_or_not_it_is_mcnemars_exact_test(fewer: int, more: int, same: int) -> None:
    expected = binomtest(fewer, fewer + more).pvalue if fewer + more else 1.0
    assert exchanged([-1] * fewer + [1] * more + [0] * same) == pytest.approx(expected, rel=1e-9)


@given(DIFFERENCES)
def test_it_is_two_sided_whatever_the_order_and_units_that_agree_change_nothing(differences: list[int]) -> None:
    p_value = exchanged(differences)
    assert 0 < p_value <= 1
    assert p_value == exchanged([-each for each in differences[::-1]]) == exchanged([*differences, 0, 0])


def test_by_hand() -> None:
    assert exchanged([]) == 1.0
    assert exchanged([-1] * 10) == 2 / 1024
    assert exchanged([3, -1]) == 1.0  # 2 is the least of 4, 2, -2 and -4
    assert exchanged([2, 1, 1]) == 1 / 4  # 4 and -4, of eight


def test_a_null_of_exchanged_seeds_is_rejected_no_more_often_than_it_says() -> None:
    """All the ways in which recorded and fresh of each unit may be exchanged, with the p-value of each."""
    sizes = (3, 2, 2, 1, 1, 1, 1, 1)
    p_values = [exchanged(each) for each in itertools.product(*((size, -size) for size in sizes))]
    for level in {*p_values}:
        assert sum(p <= level for p in p_values) / len(p_values) <= level + 1e-12


def test_as_recorded_in_all_is_said_with_its_numbers() -> None:
    agreement = found({"gaussian": "w" * 14, "random_labels": "w" * 13 + "l"}, {"gaussian": "w" * 14})
    assert str(agreement) == (
        "mine on fresh twins 7: its one verdict is as recorded, and 14 of 14 decisions of units; worse than recorded "
        "in 0 of 14 units, better in 0 (exact test p = 1)"
    )
    assert not agreement.changed and not agreement.lost


def test_a_pass_that_is_none_on_fresh_twins_is_lost_and_one_that_is_new_is_only_told() -> None:
    agreement = found(
        {"random_labels": "w" * 14, "random_pixels": "wl" * 7, "gaussian": "l" * 14},
        {"random_labels": "w" * 12 + "ln", "random_pixels": "w" * 14, "gaussian": "l" * 14},
    )
    assert agreement.lost == ("random_labels",)
    assert agreement.changed == ("random_labels", "random_pixels")
    # Of 14 units 7 won two more under random pixels, of which one lost one or two under random labels.
    assert (agreement.same, agreement.decisions) == (42 - 7 - 2, 42)
    assert "1 of 3 verdicts are as recorded, and 33 of 42 decisions of units" in str(agreement)
    assert "; random labels was recorded as separates, here depends on the network; random pixels was " in str(
        agreement
    )
    assert "; worse than recorded in 1 of 14 units, better in 7 (exact test p = 0.07)" in str(agreement)


def test_conditions_of_a_unit_are_exchanged_together() -> None:
    """Three conditions that all say the same of one unit are one witness, not three."""
    thrice = {name: "w" * 10 for name in ("random_labels", "random_pixels", "gaussian")}
    agreement = found(thrice, dict.fromkeys(thrice, "w" * 9 + "n"))
    assert agreement.p_value == 1.0 and agreement.fewer == 1


def test_what_was_memorized_is_lost_beyond_chance() -> None:
    agreement = found({"gaussian": "w" * 14}, {"gaussian": "wl" * 7})
    assert agreement.lost == ("gaussian",) and agreement.p_value == 2 / 2**7


def test_without_a_record_nothing_is_compared_and_that_is_said() -> None:
    agreement = found({}, {"gaussian": "w" * 10}, missing="it has no record on the digits zoo")
    said = "mine on fresh twins 7: compared with nothing: it has no record on the digits zoo"
    assert str(agreement) == said and math.isnan(agreement.p_value)
    assert not agreement.lost
