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


def of_ten_networks(*lost: str) -> list[UnitDecision]:
    """18 units, all won but these: n0 and n1 are on one data set, eight others on two."""
    names = [Unit(setting, f"n{n}") for setting in ("a", "b") for n in range(10) if setting == "a" or n > 1]
    return [UnitDecision(unit, *((0, 0, 3) if str(unit) in lost else (3, 0, 0)), 3) for unit in names]


def test_the_worst_condition_is_one_that_wins_no_unit_of_a_network_though_it_wins_more_units() -> None:
    found = headline(of_ten_networks("n2 on a", "n3 on b"), of_ten_networks("n1 on a"))
    assert (found["condition"], found["verdict"], found["won"]) == ("random_pixels", "depends_on_the_network", 17)
    assert found["interval"] == [16, 17]


def test_a_network_that_is_lost_can_be_left_out_and_nothing_else_can() -> None:
    """Without n1, all 17 units of nine networks are won."""
    assert passes_without([judge_condition("gaussian", of_ten_networks("n1 on a"))]) == ["n1 on a"]


def test_of_a_network_that_is_lost_once_of_twice_the_unit_that_is_won_cannot_be_left_out() -> None:
    """Of the 17 units left one may be lost (18 of 2**17 ways to fall have 16 heads or more), but no network."""
    verdict = judge_condition("gaussian", of_ten_networks("n2 on a"))
    assert verdict.passes
    left = passes_without([verdict])
    assert len(left) == 17 and "n2 on b" not in left


def test_where_there_is_no_verdict_there_is_no_count() -> None:
    found = headline(units(3), failure="timeout")
    assert (found["verdict"], found["won"], found["lost"], found["interval"]) == ("timeout", None, None, None)
    assert found["passes_without"] == 0


def test_of_no_conditions_there_is_no_headline() -> None:
    assert headline_of([]) is None
