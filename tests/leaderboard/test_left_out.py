"""Without one unit: what the leaderboard says is what the questions say of a zoo that never had it."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from harness.judging.questions import QUESTIONS
from harness.judging.questions.question import Clause
from harness.leaderboard import left_out
from harness.leaderboard.groups import finding_of
from harness.leaderboard.left_out import LeftOut
from harness.training.recipe import Recipe
from harness.zoo.zoo import Zoo
from tests.builders import constructed_zoo as made
from tests.builders.digits_records import AGAINST, VALUES, noisy_gap, record_of, zoo_described

LAST = "mixer_small_p4 on noisy_digits"  # without the last unit the seeds of all others stay
CLAUSES = {(question.name, clause.__name__): clause for question in QUESTIONS for clause in question.clauses}


def without_the_last() -> Zoo:
    return Zoo(
        "fewer",
        units=made.DIGITS.units[:-1],
        seeds_per_network=made.DIGITS.seeds_per_network,
        num_train=made.DIGITS.num_train,
        facts=made.DIGITS.known,
    )


def answers(record: dict[str, Any]) -> dict[tuple[str, str], dict[str, bool]]:
    findings = {
        suite: {clause: finding_of(suite, finding) for clause, finding in clauses.items()}
        for suite, clauses in record["findings"].items()
    }
    return {where: dict(found) for where, found in LeftOut(zoo_described()).without(record, findings).items()}


@pytest.mark.slow
@pytest.mark.parametrize("measure", VALUES)
def test_the_answer_is_that_of_a_zoo_without_the_unit(measure: str) -> None:
    record = record_of(measure)
    found = answers(record)
    asked = {(suite, clause) for suite, clauses in record["findings"].items() for clause in clauses}
    assert found.keys() == asked == {where for where in CLAUSES if where[0] != "hyperparameters"}
    zoo, row = without_the_last(), made.rows(VALUES[measure])
    for where, clause in CLAUSES.items():
        if where in found and LAST in found[where]:
            assert found[where][LAST] == passes(clause, zoo, row), where
    assert sum(LAST in units for units in found.values()) >= len(found) - 2  # one question has MLPs alone


def passes(clause: Clause, zoo: Zoo, row: Any) -> bool:
    finding = clause(zoo, row, made.outcome)
    return not finding.problem and not finding.skipped


def test_a_measure_that_wins_just_enough_passes_without_a_unit_that_it_loses() -> None:
    """16 of 18, and then 16 of 17; of the units that it wins, none may be missing."""
    found = answers(record_of("l2_norm", "same_data"))["same_data", "same_data"]
    assert noisy_gap is VALUES["l2_norm"]
    assert {unit for unit, passed in found.items() if passed} == {f"{network} on {data}" for data, network in AGAINST}


def test_a_measure_that_loses_a_network_passes_without_it_and_without_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """17 of 18 units at equal steps, none of vit_small: without it all 17 of nine networks."""

    def value(recipe: Recipe) -> float:
        return made.gap(recipe) * (-1 if recipe.network == "vit_small" else 1)

    monkeypatch.setitem(VALUES, "vit_small_is_lost", value)
    record = record_of("vit_small_is_lost", "stopping_rule")
    finding = record["findings"]["stopping_rule"]["equal_steps"]
    assert (finding["status"], finding["numbers"]["won"]) == ("depends_on_the_network", 17)
    found = answers(record)["stopping_rule", "equal_steps"]
    assert [unit for unit, passed in found.items() if passed] == ["vit_small on digits"]


def test_an_error_on_a_model_of_one_unit_is_left_out_with_it() -> None:
    record = copy.deepcopy(record_of("path_norm", "sample_size"))
    broken = next(name for name in record["rows"] if "-vit_small-" in name and "-n51-" in name)
    record["rows"][broken], record["reasons"][broken] = [None, 0.0], ["timeout", "too slow"]
    record["findings"]["sample_size"]["scarce_images"] |= {"problem": "too slow", "status": "timeout"}
    found = answers(record)["sample_size", "scarce_images"]
    assert [unit for unit, passed in found.items() if passed] == ["vit_small on digits"]


def contradict(record: dict[str, Any]) -> None:
    record["findings"]["same_data"]["same_data"]["problem"] = "somebody says so"


def take_a_row(record: dict[str, Any]) -> None:
    del record["rows"][next(name for name in record["rows"] if "attack" in name)]


@pytest.mark.parametrize("change", [contradict, take_a_row])
def test_where_all_units_do_not_give_the_recorded_answer_nothing_is_said(
    change: Callable[[dict[str, Any]], None],
) -> None:
    record = record_of("path_norm", "same_data")
    change(record)
    assert answers(record) == {}


def test_of_a_zoo_that_is_not_known_here_nothing_is_said() -> None:
    record = record_of("path_norm", "same_data")
    findings = {"same_data": {"same_data": finding_of("same_data", record["findings"]["same_data"]["same_data"])}}
    stranger = {name: value for name, value in zoo_described().items() if name != "definition"} | {"name": "theirs"}
    assert LeftOut(stranger).without(record, findings) == {}


def test_every_clause_that_rests_on_units_is_known() -> None:
    known = left_out._asked(made.DIGITS, made.outcome)
    assert known.keys() | {left_out.NO_UNITS} == CLAUSES.keys()
