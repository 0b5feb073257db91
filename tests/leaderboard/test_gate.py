"""The gate in a leaderboard: its worst condition, and what it is without one unit."""

from typing import Any

from harness.judging.units.condition import judge_condition
from harness.judging.units.decision import Unit, UnitDecision
from harness.leaderboard.gate import headline_of, passes_without


def units(won: int, lost: int = 0, of: int = 14) -> list[UnitDecision]:
    """The first are won, the last are lost."""
    decisions = ["won"] * won + ["neither"] * (of - won - lost) + ["lost"] * lost
    counts = {"won": (3, 0, 0), "neither": (1, 1, 1), "lost": (0, 0, 3)}
    return [UnitDecision(Unit("", f"n{n}"), *counts[decision], 3) for n, decision in enumerate(decisions)]


def headline(*conditions: list[UnitDecision], failure: Any = None) -> dict[str, Any]:
    names = ("random_labels", "random_pixels", "gaussian")
    verdicts = [judge_condition(name, some) for name, some in zip(names, conditions, strict=False)]
    if failure:
        verdicts.append(judge_condition(names[len(conditions)], units(14), failure))
    found = headline_of(verdicts)
    assert found is not None
    return found


def test_the_worst_condition_counts() -> None:
    found = headline(units(14), units(11, lost=2), units(13))
    assert (found["condition"], found["won"], found["lost"], found["units"]) == ("random_pixels", 11, 2, 14)
    assert found["interval"] == [10, 11]
    assert found["passes_without"] == 0


def test_without_any_unit_a_measure_that_wins_all_passes_and_one_that_loses_one_without_that_alone() -> None:
    assert headline(units(14), units(14), units(14))["passes_without"] == 14
    assert headline(units(14), units(14), units(14))["interval"] == [13, 13]
    verdicts = [judge_condition("random_labels", units(14)), judge_condition("gaussian", units(13, lost=1))]
    assert passes_without(verdicts) == ["n13"]  # 13 of 13 are needed


def test_units_that_differ_between_conditions_cannot_be_left_out_together() -> None:
    backwards = [
        UnitDecision(Unit("", f"n{13 - n}"), *each, 3) for n, each in enumerate([(3, 0, 0)] * 13 + [(0, 0, 3)])
    ]
    verdicts = [judge_condition("random_labels", units(13, lost=1)), judge_condition("gaussian", backwards)]
    assert [verdict.passes for verdict in verdicts] == [True, True]
    assert passes_without(verdicts) == []


def test_where_there_is_no_verdict_there_is_no_count() -> None:
    found = headline(units(3), failure="timeout")
    assert (found["verdict"], found["won"], found["lost"], found["interval"]) == ("timeout", None, None, None)
    assert found["passes_without"] == 0


def test_of_no_conditions_there_is_no_headline() -> None:
    assert headline_of([]) is None
