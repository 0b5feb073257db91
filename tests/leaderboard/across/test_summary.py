"""Several zoos folded: the union of their units, verdicts over all of them, and the same whatever the order."""

import json
from typing import Any

from harness.judging.twin_statistics import sign_test
from harness.judging.units.decision import Unit
from harness.leaderboard.across.properties import PROPERTIES
from harness.leaderboard.across.summary import across
from harness.leaderboard.across.witnessed import witnessed
from harness.leaderboard.standings import leaderboard
from harness.records.schema import validate_part
from harness.zoo.zoo import GATE
from tests.builders import constructed_zoo as made
from tests.builders.zoos.several_zoos import ONE, TWO, run_on, says, weights_of

VALUES: dict[str, made.Value] = {"gap": made.gap, "coin": made.coin, "parameter_count": weights_of}
FIRST, SECOND = run_on(ONE, VALUES), run_on(TWO, VALUES)


def told(*runs: dict[str, Any]) -> dict[str, Any]:
    found = [(run["zoo"], [said for record in run["entries"] if (said := witnessed(record))]) for run in runs]
    content = across(found)
    assert content is not None
    return content


CONTENT = told(FIRST, SECOND)


def test_units_are_the_union_and_one_that_both_zoos_have_counts_once() -> None:
    assert CONTENT["zoos"] == ["one", "two"]
    assert len(CONTENT["units"]) == 19
    assert [unit["zoos"] for unit in CONTENT["units"] if len(unit["zoos"]) > 1] == [["one", "two"]]


def test_a_measures_verdict_is_the_sign_test_over_the_union() -> None:
    gap = CONTENT["measures"]["gap"]
    assert gap["zoos"] == ["one", "two"]
    for verdict in gap["conditions"].values():
        assert (verdict["won"], verdict["units"], verdict["lost"], verdict["neither"]) == (19, 19, [], [])
        assert verdict["p_value"] == float(f"{sign_test(19, 19):.6g}")
    coin = CONTENT["measures"]["coin"]["conditions"]["gaussian"]
    assert coin["won"] + len(coin["lost"]) + len(coin["neither"]) == 19


def over_two_data_sets(lost: set[Unit]) -> dict[str, Any]:
    """What is said of a measure on ten networks and two data sets, of which no more than that is known."""
    units = [Unit(name, f"mlp_1x{width}") for name in "ab" for width in range(10)]
    found = across([({"name": "elsewhere"}, [says("m", {unit: "lost" if unit in lost else "won" for unit in units})])])
    assert found is not None
    return dict(found["measures"]["m"]["conditions"]["gaussian"])


def test_it_passes_over_two_data_sets_only_with_a_unit_of_every_network() -> None:
    """18 of 20 units are won each time, which the sign test takes."""
    same, different = ({Unit("a", "mlp_1x0"), Unit("b", f"mlp_1x{width}")} for width in (0, 1))
    kept, passed = over_two_data_sets(same), over_two_data_sets(different)
    assert kept["p_value"] == passed["p_value"] == float(f"{sign_test(18, 20):.6g}")
    assert (kept["passes"], kept["none_of"]) == (False, ["mlp_1x0"])
    assert (passed["passes"], passed["none_of"]) == (True, [])


def test_it_is_inverted_only_with_a_lost_unit_of_every_network() -> None:
    every = {Unit(name, f"mlp_1x{width}") for name in "ab" for width in range(10)}
    assert over_two_data_sets(every)["inverted"]
    assert over_two_data_sets(every - {Unit("a", "mlp_1x0"), Unit("b", "mlp_1x1")})["inverted"]
    found = over_two_data_sets(every - {Unit("a", "mlp_1x0"), Unit("b", "mlp_1x0")})
    assert (found["inverted"], found["passes"], found["none_of"]) == (False, False, [])


def test_controls_are_counted_nowhere_and_tell_their_parameters() -> None:
    assert set(CONTENT["measures"]) == {"gap", "coin"}
    assert CONTENT["families"]["norms"]["measures"] == ["coin", "gap"]
    assert CONTENT["units"][0]["parameters"] == 65 * 16 + 17 * 10


def test_shares_stand_in_the_order_of_the_units() -> None:
    coin = CONTENT["measures"]["coin"]["conditions"]["gaussian"]
    expected = [0.5 if place in coin["lost"] + coin["neither"] else 1.0 for place in range(19)]
    assert CONTENT["families"]["norms"]["shares"]["gaussian"] == expected


def test_every_property_is_asked_under_every_condition_of_every_family() -> None:
    found = CONTENT["associations"]
    assert set(found) == set(PROPERTIES)
    assert {tuple(sorted(each)) for each in found.values()} == {tuple(sorted(GATE))}
    assert {tuple(each[name]) for each in found.values() for name in GATE} == {("all measures", "norms")}
    assert found["input_dimension"]["gaussian"]["norms"]["tau"] is None  # one data set


def test_the_order_of_zoos_and_records_changes_nothing() -> None:
    turned = {**FIRST, "entries": FIRST["entries"][::-1]}
    assert json.dumps(told(SECOND, turned)) == json.dumps(CONTENT)


def test_the_leaderboard_has_it_as_its_schema_says() -> None:
    content = leaderboard({"one": FIRST, "two": SECOND})
    validate_part(content, "leaderboard")
    assert content["across"] == CONTENT


def test_a_zoo_of_which_controls_alone_are_recorded_tells_nothing() -> None:
    control = run_on(ONE, {"parameter_count": weights_of})
    assert across([(control["zoo"], [said for each in control["entries"] if (said := witnessed(each))])]) is None
    assert across([]) is None
