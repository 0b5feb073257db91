"""The record: strict, valid, and enough to compute every verdict again."""

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from harness.errors import HarnessError
from harness.evaluation.contract import CLAUSES
from harness.evaluation.finding import Finding
from harness.evaluation.measure_lookup import find_measures
from harness.judging.plan import Plan
from harness.judging.results import Results
from harness.judging.run import Work, measure, train
from harness.leaderboard.recompute import rejudged, rows_of
from harness.records.record import build_record, contract_verdict, overall, round_number
from harness.records.record_files import read_record, write_record
from harness.records.schema import FOLDER, digest_of, validate
from harness.settings import make_settings
from harness.zoo.zoo import GATE, Zoo
from tests import ROOT
from tests.conftest import TINY

pytestmark = pytest.mark.usefixtures("own_registry")


@pytest.fixture(scope="module")
def record(shared_cache: Path, tiny_zoo: Zoo) -> dict[str, Any]:
    measures = find_measures(["l2_norm,constant"])
    settings = make_settings(cache_dir=str(shared_cache))
    plan, work = Plan(zoo=tiny_zoo, gate=dict.fromkeys(GATE, measures)), Work(settings, progress=False)
    results = measure(plan, train(plan, Results(tiny_zoo), work), work)
    verdicts = {(judged.name, name): results.verdict(judged, name) for judged in measures for name in GATE}
    kept = {clause.__name__: Finding() for clause in CLAUSES}
    moved = Finding("it moves", numbers={"largest_relative_change": 1 / 3})
    findings = {"l2_norm": {"contract": kept, "reparametrization": {"logit_shift": moved}}}
    return build_record(results, measures, settings, verdicts, findings)


def test_findings_are_recorded_by_suite_and_the_contract_as_one_answer(record: dict[str, Any]) -> None:
    constant, norm = record["entries"]
    assert (norm["contract"], constant["contract"]) == ("passes", None)
    answer = {
        "problem": "it moves",
        "skipped": "",
        "numbers": {"largest_relative_change": 0.333333},
        "status": "",
        "detail": "",
    }
    assert norm["findings"] == {"reparametrization": {"logit_shift": answer}}
    assert constant["findings"] == {}
    one_clause = {CLAUSES[0].__name__: Finding()}
    assert contract_verdict(one_clause) is None
    assert contract_verdict(one_clause | {"another": Finding("broken")}) == "broken"


def test_the_standard_error_of_an_estimate_stands_in_its_record_and_in_no_other(
    shared_cache: Path, tiny_zoo: Zoo, record: dict[str, Any], tmp_path: Path
) -> None:
    measures = find_measures(["l2_norm,constant"])
    settings = make_settings(cache_dir=str(shared_cache))
    plan, work = Plan(zoo=tiny_zoo, gate=dict.fromkeys(GATE, measures)), Work(settings, progress=False)
    results = measure(plan, train(plan, Results(tiny_zoo), work), work)
    verdicts = {(judged.name, name): results.verdict(judged, name) for judged in measures for name in GATE}
    rows = {
        (name, recipe): dataclasses.replace(row, standard_error=1 / 3) if name == "l2_norm" else row
        for (name, recipe), row in results.rows.items()
    }
    estimated = build_record(dataclasses.replace(results, rows=rows), measures, settings, verdicts, {})
    constant, norm = estimated["entries"]
    assert norm["standard_errors"] == dict.fromkeys(norm["rows"], 0.33)
    assert "standard_errors" not in constant
    assert all("standard_errors" not in entry for entry in record["entries"])
    assert norm["rows"].keys() == record["entries"][1]["rows"].keys()
    write_record(estimated, tmp_path / "record.json")
    assert read_record(tmp_path / "record.json")["entries"][1] == norm
    assert rows_of(norm)(next(iter(results.rows))[1]).standard_error == 0.33
    name = min(norm["rows"])
    for change in ({name: -1.0}, {}, {"nowhere": 0.1}):
        with pytest.raises(HarnessError, match="not a record"):
            validate({**estimated, "entries": [{**norm, "standard_errors": change}]})


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_every_schema_is_a_valid_schema_of_2020_12(path: Path) -> None:
    schema = json.loads(path.read_text())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)


def test_every_entry_is_a_record_that_stands_alone(record: dict[str, Any]) -> None:
    for entry in record["entries"]:
        assert entry["digest"] == digest_of(entry)
        assert {name: record["zoo"][name] for name in entry["zoo"] if name != "models_digest"} == {
            name: value for name, value in entry["zoo"].items() if name != "models_digest"
        }


def test_the_digest_is_of_all_the_rest(record: dict[str, Any]) -> None:
    entry = copy.deepcopy(record["entries"][0])
    first_row(record)
    entry["rows"][min(entry["rows"])][0] += 1e-12
    assert digest_of(entry) != entry["digest"]
    assert digest_of({**record["entries"][0], "digest": "0" * 64}) == record["entries"][0]["digest"]


def test_what_is_built_is_valid_and_survives_the_disk(record: dict[str, Any], tmp_path: Path) -> None:
    write_record(record, tmp_path / "out.json")
    assert read_record(tmp_path / "out.json") == json.loads(json.dumps(record))


def test_the_same_results_are_the_same_bytes(record: dict[str, Any], tmp_path: Path) -> None:
    write_record(record, tmp_path / "a.json")
    write_record(dict(reversed(record.items())), tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_every_verdict_follows_from_the_rows(record: dict[str, Any]) -> None:
    for entry in record["entries"]:
        for condition, suite in entry["suites"].items():
            again = rejudged(entry, record["zoo"], TINY, condition)
            assert (again.status, again.wins, again.ties) == (suite["verdict"], suite["wins"], suite["ties"])
            assert round_number(again.p_value) == suite["p_value"]
            assert again.auc == pytest.approx(suite["auc"], rel=1e-5)


def test_an_entry_names_no_folder_of_the_user(shared_cache: Path, tiny_zoo: Zoo) -> None:
    measures = find_measures([f"{ROOT}/tests/builders/misbehaving_measures.py::well_behaved"])
    settings = make_settings(cache_dir=str(shared_cache))
    assert (
        build_record(Results(tiny_zoo), measures, settings, {}, {})["entries"][0]["origin"] == "misbehaving_measures.py"
    )


def first_row(record: dict[str, Any]) -> list[Any]:
    rows = record["entries"][0]["rows"]
    return rows[min(rows)]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda r: r.pop("zoo"), "'zoo' is a required property"),
        (lambda r: r["entries"][0].update(verdict="wins"), "verdict"),
        (lambda r: r["entries"][0].update(measure="<script>"), "measure"),
        (lambda r: first_row(r).__setitem__(0, None), "has no value or a reason too many"),
        (lambda r: first_row(r).__setitem__(0, "1"), "rows"),
        (lambda r: r["entries"][0]["reasons"].update({min(r["entries"][0]["rows"]): ["error", "why"]}), "too many"),
        (lambda r: r["entries"][0].update(extra=1), "extra"),
        (lambda r: r["entries"][0]["suites"]["gaussian"].update(p_value=1.5), "p_value"),
    ],
)
def test_what_is_not_a_record_is_refused(record: dict[str, Any], change: Any, place: str) -> None:
    altered = copy.deepcopy(record)
    change(altered)
    with pytest.raises(HarnessError, match=f"^not a (run|record|zoo).*{place}"):
        validate(json.loads(json.dumps(altered)))


def test_nan_is_not_json(record: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    write_record(record, path)
    path.write_text(path.read_text().replace('"ties": 0', '"ties": NaN', 1))
    with pytest.raises(HarnessError, match="NaN is not JSON"):
        read_record(path)


def test_an_entry_without_all_three_conditions_has_no_verdict(record: dict[str, Any]) -> None:
    assert overall("l2_norm", {}) is None


def test_a_recorded_zoo_has_the_outcomes_of_every_model(record: dict[str, Any]) -> None:
    models = record["zoo"]["models"]
    assert len(models) == 40
    assert all(model["fitted"] for model in models.values())
    natural = [model["test_error"] for name, model in models.items() if "true_labels" in name]
    randomized = [model["test_error"] for name, model in models.items() if "true_labels" not in name]
    assert max(natural) < min(randomized)
