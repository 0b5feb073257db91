"""Shares of units by family, counted by hand."""

import pytest

from harness.judging.units.decision import Unit
from harness.leaderboard.across.families import ALL, Won, by_family, recorded_alike, share_winning, won_on
from harness.leaderboard.across.witnessed import measured
from tests.builders.zoos.several_zoos import says

A, B, C, D = Unit("digits", "a"), Unit("digits", "b"), Unit("digits", "c"), Unit("mnist", "a")
MEASURES = measured(
    [
        says("all", {A: "won", B: "won", C: "won", D: "lost"}),
        says("none", {A: "neither", B: "lost", C: "no value"}),
        says("some", {A: "won", B: "lost", C: "won"}),
        says("other", {A: "lost"}, family="sharpness"),
    ]
)
FAMILIES = by_family(MEASURES)


def test_all_measures_are_the_first_family() -> None:
    assert {name: len(family) for name, family in FAMILIES.items()} == {ALL: 4, "norms": 3, "sharpness": 1}
    assert by_family([]) == {}


@pytest.mark.parametrize(("unit", "share"), [(A, 2 / 3), (B, 1 / 3), (C, 2 / 3), (D, 0.0)])
def test_a_units_share_is_of_the_measures_recorded_on_it(unit: Unit, share: float) -> None:
    assert share_winning(FAMILIES["norms"], unit, "gaussian") == share


def test_there_is_no_share_where_nothing_is_recorded() -> None:
    assert share_winning(FAMILIES["sharpness"], D, "gaussian") is None
    assert won_on(FAMILIES["sharpness"], "mnist", "gaussian") is None


def test_the_median_measure_and_the_mean_are_of_the_data_sets_units() -> None:
    assert won_on(FAMILIES["norms"], "digits", "gaussian") == Won(3, 3, 2 / 3, 1 / 3, pytest.approx(5 / 9))
    assert won_on(FAMILIES["norms"], "mnist", "gaussian") == Won(1, 1, 0.0, 1.0, 0.0)


def test_units_are_compared_by_measures_that_all_zoos_have() -> None:
    everywhere = [says("a", {A: "won"}), says("a", {D: "won"}, zoo="mnist"), says("b", {A: "lost"})]
    assert [each.measure for each in recorded_alike(measured(everywhere))] == ["a"]  # of b, mnist says nothing
    elsewhere = [says("a", {D: "won"}, zoo="mnist"), says("b", {A: "lost"})]
    assert recorded_alike(measured(elsewhere)) == []
    assert recorded_alike([]) == []
