"""What is recorded for the digits zoo: whole, and every verdict in it follows from its rows."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import pytest

from harness.evaluation.finding import Finding
from harness.evaluation.measure_lookup import find_measures
from harness.evaluation.reparametrization import UNMOVED
from harness.evaluation.rows import Row
from harness.evaluation.source_digest import source_digest
from harness.judging.plan import all_recipes
from harness.judging.questions import QUESTIONS
from harness.judging.questions.question import Question
from harness.leaderboard.recompute import rejudged, rows_of
from harness.records.record import round_number
from harness.records.record_files import read_record
from harness.records.recorded_outcomes import outcomes_of
from harness.records.tables import families_table, findings_table, findings_totals, gate_in_words, measures_table
from harness.training.recipe import Recipe
from harness.training.train import Outcome
from harness.zoo.zoo import GATE, recipes
from harness.zoo.zoos import ZOOS
from tests import ROOT
from tests.records.oracle import oracle_verdict

pytestmark = pytest.mark.slow  # every record is read

DIGITS = ZOOS["digits"]


def at_the_gate_alone(entry: dict[str, Any]) -> bool:
    """The dear ones, but for slow ones that pass it and for a family: baselines/README.md says so."""
    is_slow_and_passes = entry["cost"] == "slow" and entry["verdict"] == "separates"
    return entry["cost"] != "fast" and entry["family"] != "interpolation" and not is_slow_and_passes


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return read_record(ROOT / "baselines" / "digits")


@pytest.fixture(scope="module")
def entries(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["measure"]: entry for entry in record["entries"]}


def test_the_recorded_zoo_is_the_digits_zoo_as_it_is_now(record: dict[str, Any]) -> None:
    models = {name: model["key"] for name, model in record["zoo"]["models"].items()}
    assert models == {recipe.id: recipe.key for recipe in all_recipes(DIGITS)}


def test_every_recorded_model_of_the_gate_fits_and_only_natural_ones_generalize(record: dict[str, Any]) -> None:
    models = {recipe: record["zoo"]["models"][recipe.id] for recipe in recipes(DIGITS, GATE)}
    assert all(model["fitted"] for model in models.values())
    natural = {recipe: model["test_error"] for recipe, model in models.items() if recipe.condition == "true_labels"}
    assert max(error for recipe, error in natural.items() if recipe.data_set == "digits") < 0.12
    noisy = {recipe: error for recipe, error in natural.items() if recipe.data_set == "noisy_digits"}
    assert max(error for recipe, error in noisy.items() if recipe.network != "mixer_small_p4") < 0.65
    assert max(noisy.values()) < 0.75  # the mixer learns less of them
    assert min(model["test_error"] for recipe, model in models.items() if recipe.condition != "true_labels") > 0.8


@pytest.mark.parametrize("condition", GATE)
def test_the_recorded_gap_as_an_oracle_separates_and_its_negation_is_inverted(
    record: dict[str, Any], condition: Any
) -> None:
    for sign, status in ((1, "separates"), (-1, "inverted")):
        verdict = oracle_verdict(record, DIGITS, condition, sign)
        assert (verdict.status, max(verdict.won, verdict.lost)) == (status, 18)
        assert max(verdict.wins, verdict.losses) == 54


def test_every_recorded_verdict_follows_from_the_rows(record: dict[str, Any]) -> None:
    for entry in record["entries"]:
        for condition in GATE:
            again, suite = rejudged(entry, record["zoo"], DIGITS, condition), entry["suites"][condition]
            assert (again.status, again.won, again.lost, again.wins, again.ties) == tuple(
                suite[name] for name in ("verdict", "won", "lost", "wins", "ties")
            )
            assert round_number(again.p_value) == suite["p_value"]


def test_what_was_recorded_is_of_the_measures_as_they_stand_here(record: dict[str, Any]) -> None:
    recorded = {entry["measure"]: (entry["version"], entry["source_sha256"]) for entry in record["entries"]}
    measures = find_measures(["all"])
    assert recorded == {measure.name: (measure.version, source_digest(measure.file)) for measure in measures}


def test_the_controls_lose_but_for_the_data_which_show_that_passing_is_not_enough(entries: dict[str, Any]) -> None:
    controls = {name: entry["verdict"] for name, entry in entries.items() if entry["family"] == "controls"}
    assert {"coin_flip", "constant", "parameter_count", "train_loss"} < controls.keys()
    passing = {name for name, verdict in controls.items() if verdict == "separates"}
    assert passing == {"neighbour_disagreement"}
    assert entries["neighbour_disagreement"]["findings"]["reads"]["what_it_reads"]["status"] == "data_suffices"


def passed(answers: dict[tuple[str, str], Finding]) -> set[str]:
    return {clause for (_, clause), finding in answers.items() if not finding.problem and not finding.skipped}


def answered(record: dict[str, Any], row: Callable[[Recipe], Row]) -> dict[tuple[str, str], Finding]:
    """Every question's answers on the recorded models."""
    outcome = outcomes_of(record["zoo"])
    return {
        (question.name, clause.__name__): clause(DIGITS, row, outcome)
        for question in QUESTIONS
        for clause in question.clauses
    }


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_every_premise_holds_on_the_recorded_models(record: dict[str, Any], question: Question) -> None:
    assert question.premise(DIGITS, outcomes_of(record["zoo"])) == []


def made_up(record: dict[str, Any], value: Callable[[Outcome], float]) -> Callable[[Recipe], Row]:
    outcome = outcomes_of(record["zoo"])
    return lambda recipe: Row("oracle", 1, "", recipe.key, "", "value", value(outcome(recipe)), "", 0.0)


def test_the_recorded_gap_as_an_oracle_passes_every_finding(record: dict[str, Any]) -> None:
    answers = answered(record, made_up(record, lambda outcome: outcome.gap))
    assert passed(answers) == {clause for _, clause in answers}
    assert len(answers) == 12


def test_the_recorded_test_error_is_caught_by_the_early_stop_alone(record: dict[str, Any]) -> None:
    answers = answered(record, made_up(record, lambda outcome: outcome.test_error))
    assert answers["early_stopping", "three_epochs"].status == "error_not_gap"
    assert passed(answers) == {clause for _, clause in answers} - {"three_epochs"}


@pytest.mark.parametrize(
    ("measure", "suite", "clause", "status"),
    [
        ("neighbour_disagreement", "same_data", "same_data", "data_only"),
        ("neighbour_disagreement", "corrupted_labels", "attack_dose", "data_only"),
        ("neighbour_disagreement", "early_stopping", "three_epochs", "error_not_gap"),
        ("epochs_to_stop", "same_data", "same_data", "depends_on_the_network"),
        ("epochs_to_stop", "regularizers", "random_crop", "false_alarm"),
        ("epochs_to_stop", "stopping_rule", "equal_steps", "confounded"),
        ("train_loss", "stopping_rule", "equal_steps", "confounded"),
    ],
)
def test_controls_meet_their_known_fates(
    entries: dict[str, Any], measure: str, suite: str, clause: str, status: str
) -> None:
    assert entries[measure]["findings"][suite][clause]["status"] == status


@pytest.mark.parametrize(
    ("measure", "passes"),
    [("constant", {"shuffled_pixels"}), ("parameter_count", {"shuffled_pixels"}), ("coin_flip", set())],
)
def test_a_constant_and_a_count_pass_silence_alone_and_a_coin_passes_nothing(
    entries: dict[str, Any], measure: str, passes: set[str]
) -> None:
    found = entries[measure]["findings"]
    passing = {
        clause.__name__
        for question in QUESTIONS
        for clause in question.clauses
        if not found[question.name][clause.__name__]["problem"] and not found[question.name][clause.__name__]["skipped"]
    }
    assert passing == passes


def test_the_recorded_findings_of_one_measure_in_nine_follow_from_its_rows(record: dict[str, Any]) -> None:
    """Those of all are computed again by `python -m harness leaderboard check`."""
    outcome = outcomes_of(record["zoo"])
    for entry in record["entries"][::9]:
        if at_the_gate_alone(entry):
            continue
        row = rows_of(entry)
        for question in QUESTIONS:
            if question.name == "hyperparameters" and entry["family"] != "controls":
                continue  # its permutations take a second a measure
            for clause in question.clauses:
                again = round_number(dataclasses.asdict(clause(DIGITS, row, outcome)))
                recorded = entry["findings"][question.name][clause.__name__]
                assert again["status"] == recorded["status"], (entry["measure"], clause.__name__)
                assert again["numbers"] == pytest.approx(recorded["numbers"], rel=1e-5, abs=1e-9)


def test_every_entry_is_complete_and_answers_every_suite(record: dict[str, Any]) -> None:
    assert len(record["entries"]) >= 230
    for entry in record["entries"]:
        assert entry["complete"]
        if at_the_gate_alone(entry):
            assert entry["rows"].keys() == {recipe.id for recipe in recipes(DIGITS, GATE)}
            continue
        assert entry["contract"] == "passes"
        asked = {question.name for question in QUESTIONS}
        assert entry["findings"].keys() == asked | {"reparametrization", "noise_floor", "cost", "reads"}
        assert entry["rows"].keys() == record["zoo"]["models"].keys()


def test_no_declared_invariance_is_false(record: dict[str, Any]) -> None:
    for entry in record["entries"]:
        for change, finding in entry["findings"].get("reparametrization", {}).items():
            if change in entry["invariant_to"] and not finding["skipped"]:
                assert finding["numbers"]["largest_relative_change"] <= UNMOVED, (entry["measure"], change)


def test_the_catalogues_table_and_the_readmes_are_the_record(record: dict[str, Any]) -> None:
    assert measures_table(record) in (ROOT / "measures" / "README.md").read_text()
    found = (ROOT / "baselines" / "README.md").read_text()
    assert families_table(record) in found
    assert findings_totals(record) in found
    assert findings_table(record) in found


def test_the_readmes_examples_are_lines_of_the_record(record: dict[str, Any]) -> None:
    found = (ROOT / "baselines" / "README.md").read_text()
    shown = re.findall(r"^\| `(\w+)` \| (\d+) \| (\d+) \| (\d+) \| ([\w ]+) \|", found, re.M)
    entries = {entry["measure"]: entry for entry in record["entries"]}
    assert len(shown) > 10
    for name, *row in shown:
        wins = [str(entries[name]["suites"][condition]["won"]) for condition in GATE]
        assert row == [*wins, gate_in_words(entries[name])], name
