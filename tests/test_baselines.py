"""What is recorded for the digits zoo: whole, and every verdict in it follows from its rows."""

import re
from pathlib import Path
from typing import Any

import pytest

from harness.measure_lookup import find_measures
from harness.record import round_number
from harness.record_files import read_record
from harness.record_table import families_table, gate_answer, measures_table
from harness.reparametrization import UNMOVED
from harness.rows import Row
from harness.source_digest import source_digest
from harness.verdict import judge
from harness.zoo import GATE, ZOOS, recipes, twins
from tests.recorded import gaps_of, rejudged

ROOT = Path(__file__).parent.parent
DIGITS = ZOOS["digits"]


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return read_record(ROOT / "baselines" / "digits.json")


def test_the_recorded_zoo_is_the_digits_zoo_as_it_is_now(record: dict[str, Any]) -> None:
    assert set(record["zoo"]["models"]) == {recipe.key for recipe in recipes(DIGITS, GATE)}


def test_every_recorded_model_fits_and_only_natural_ones_generalize(record: dict[str, Any]) -> None:
    models = record["zoo"]["models"].values()
    assert all(model["fitted"] for model in models)
    assert max(model["test_error"] for model in models if "true_labels" in model["id"]) < 0.06
    assert min(model["test_error"] for model in models if "true_labels" not in model["id"]) > 0.75


@pytest.mark.parametrize("condition", GATE)
def test_the_recorded_gap_as_an_oracle_separates_and_its_negation_is_inverted(
    record: dict[str, Any], condition: Any
) -> None:
    gap = gaps_of(record)
    for sign, status in ((1, "separates"), (-1, "inverted")):
        verdict = judge(
            "oracle",
            condition,
            twins(DIGITS, condition),
            lambda recipe, sign=sign: Row("oracle", 1, "", recipe.key, "", "value", sign * gap(recipe), "", 0.0),  # type: ignore[misc]
            gap,
        )
        assert (verdict.status, max(verdict.wins, verdict.losses)) == (status, 20)


def test_every_recorded_verdict_follows_from_the_rows(record: dict[str, Any]) -> None:
    for entry in record["entries"]:
        for condition in GATE:
            again, suite = rejudged(record, entry, DIGITS, condition), entry["suites"][condition]
            assert (again.status, again.wins, again.ties, again.losses) == (
                suite["verdict"],
                suite["wins"],
                suite["ties"],
                suite["losses"],
            )
            assert round_number(again.p_value) == suite["p_value"]


def test_what_was_recorded_is_of_the_measures_as_they_stand_here(record: dict[str, Any]) -> None:
    recorded = {entry["measure"]: (entry["version"], entry["source_sha256"]) for entry in record["entries"]}
    registered = {measure.name: (measure.version, source_digest(measure.file)) for measure in find_measures(["all"])}
    assert recorded == registered


def test_the_controls_lose(record: dict[str, Any]) -> None:
    controls = {entry["measure"]: entry["verdict"] for entry in record["entries"] if entry["family"] == "controls"}
    assert {"coin_flip", "constant", "parameter_count", "train_loss"} < controls.keys()
    assert "separates" not in controls.values()


def test_every_entry_is_complete_and_answers_every_suite(record: dict[str, Any]) -> None:
    assert len(record["entries"]) >= 100
    for entry in record["entries"]:
        assert entry["complete"]
        assert entry["contract"] == "passes"
        assert entry["findings"].keys() == {"reparametrization", "noise_floor", "cost"}


def test_no_declared_invariance_is_false(record: dict[str, Any]) -> None:
    for entry in record["entries"]:
        for change, finding in entry["findings"]["reparametrization"].items():
            if change in entry["invariant_to"] and not finding["skipped"]:
                assert finding["numbers"]["largest_relative_change"] <= UNMOVED, (entry["measure"], change)


def test_the_catalogues_table_and_the_readmes_are_the_record(record: dict[str, Any]) -> None:
    assert measures_table(record) in (ROOT / "measures" / "README.md").read_text()
    assert families_table(record) in (ROOT / "README.md").read_text()


def test_the_readmes_examples_are_lines_of_the_record(record: dict[str, Any]) -> None:
    shown = re.findall(r"^\| `(\w+)` \| (\d+) \| (\d+) \| (\d+) \| ([\w ]+) \|", (ROOT / "README.md").read_text(), re.M)
    entries = {entry["measure"]: entry for entry in record["entries"]}
    assert len(shown) > 10
    for name, *row in shown:
        wins = [str(entries[name]["suites"][condition]["wins"]) for condition in GATE]
        assert row == [*wins, gate_answer(entries[name])], name
