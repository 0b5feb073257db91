"""A unit of two zoos is one witness; records that are of other measures are not added up."""

from harness.judging.units.decision import Unit
from harness.leaderboard.across.witnessed import joined, measured, witnessed
from harness.records.record_files import read_record
from tests.builders.digits_records import GATE_ALONE, OLDER
from tests.builders.zoos.several_zoos import decided, says

A, B, C = Unit("digits", "a"), Unit("digits", "b"), Unit("mnist", "a")


def test_a_record_says_what_its_suites_decided() -> None:
    record = read_record(GATE_ALONE)["entries"][0]
    found = witnessed(record)
    assert found is not None
    for condition, suite in record["suites"].items():
        decisions = [each.decision for each in found.decisions[condition].values()]
        assert (len(decisions), decisions.count("won"), decisions.count("lost")) == (18, suite["won"], suite["lost"])
    assert found.values == {}


def test_the_control_that_counts_parameters_tells_its_values() -> None:
    (record,) = (each for each in read_record(GATE_ALONE)["entries"] if each["measure"] == "parameter_count")
    found = witnessed(record)
    assert found is not None and found.values == {name: value for name, (value, _) in record["rows"].items()}


def test_an_older_record_says_nothing_of_units() -> None:
    assert [witnessed(record) for record in read_record(OLDER)["entries"]] == [None, None]


def test_a_condition_under_which_no_count_says_anything_is_left_out() -> None:
    record = read_record(GATE_ALONE)["entries"][0]
    failed = {
        **record,
        "suites": {**record["suites"], "gaussian": {**record["suites"]["gaussian"], "verdict": "error"}},
    }
    found = witnessed(failed)
    assert found is not None and set(found.decisions) == {"random_labels", "random_pixels"}


def test_units_of_two_zoos_are_joined_and_one_that_both_have_counts_once() -> None:
    (found,) = measured([says("m", {A: "won", B: "won"}, "one"), says("m", {B: "lost", C: "lost"}, "two")])
    assert found.zoos == ("one", "two")
    decisions = found.decisions["gaussian"]
    assert [*decisions] == [A, B, C]
    assert [each.decision for each in decisions.values()] == ["won", "neither", "lost"]
    assert (decisions[B].wins, decisions[B].losses, decisions[B].seeds) == (3, 3, 6)


def test_the_seeds_of_both_zoos_decide_it_together() -> None:
    assert joined([decided(A, "won"), decided(A, "neither")])[A].decision == "won"  # 4 of 6
    assert joined([decided(A, "won"), decided(A, "no value")])[A].decision == "neither"  # 3 of 6


def test_controls_are_left_out_and_measures_stand_by_name() -> None:
    records = [
        says(name, {A: "won"}, family=family) for name, family in (("z", "norms"), ("c", "controls"), ("b", "x"))
    ]
    assert [each.measure for each in measured(records)] == ["b", "z"]


def test_of_two_versions_that_of_more_units_stands_and_of_as_many_the_newer() -> None:
    old, new = says("m", {A: "won", B: "won"}, "one", version=1), says("m", {C: "lost"}, "two", version=2)
    assert measured([old, new])[0].version == 1
    assert measured([says("m", {A: "won"}, "one", version=1), new])[0].version == 2


def test_measures_of_one_name_from_two_places_are_not_added_up() -> None:
    (found,) = measured([says("m", {A: "won", B: "won"}, "one", origin="x"), says("m", {C: "won"}, "two", origin="y")])
    assert found.zoos == ("one",) and C not in found.decisions["gaussian"]


def test_the_units_of_a_zoo_on_which_it_is_not_applicable_are_not_won() -> None:
    """As they are not where it has a value in one of them alone."""
    record = read_record(GATE_ALONE)["entries"][0]
    nothing = [{**unit, "wins": 0, "losses": 0, "ties": 0} for unit in record["suites"]["gaussian"]["units"]]
    suite = {**record["suites"]["gaussian"], "verdict": "not_applicable", "units": nothing}
    found = witnessed({**record, "suites": {**record["suites"], "gaussian": suite}})
    assert found is not None
    assert [unit.decision for unit in found.decisions["gaussian"].values()] == ["neither"] * 18
