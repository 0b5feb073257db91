"""Recorded outcomes are expected, in both directions."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.evaluation.finding import Finding
from harness.judging.baseline import baseline_of, expected
from harness.judging.units.condition import ConditionVerdict
from harness.judging.verdict import Verdict
from harness.records.record_files import read_record, write_record
from tests.conftest import Run

pytestmark = pytest.mark.usefixtures("own_registry")

ENTRY: dict[str, Any] = {
    "measure": "mine",
    "suites": {"gaussian": {"verdict": "overlaps"}},
    "findings": {
        "same_data": {"same_data": {"problem": "it ties", "skipped": "", "numbers": {}, "status": "data_only"}},
        "noise_floor": {"spread": {"problem": "", "skipped": "", "numbers": {}, "status": ""}},
        "reparametrization": {"fold": {"problem": "", "skipped": "no batch norm", "numbers": {}, "status": ""}},
    },
}
BASELINE = baseline_of({"entries": [ENTRY]})


def verdict(status: str, condition: str = "gaussian") -> Verdict:
    judged = ConditionVerdict(condition, status, (), 1.0, 1.0, 1.0)  # type: ignore[arg-type]
    return Verdict(
        **dataclasses.asdict(judged),
        measure="mine",
        auc=None,
        auc_interval=None,
        kendall_tau=None,
        effect_size=None,
        reason="",
        seconds=0.0,
    )


def test_a_verdict_as_recorded_is_no_change_and_any_other_is_one() -> None:
    assert BASELINE.changed_verdict(verdict("overlaps")) == ""
    assert BASELINE.changed_verdict(verdict("separates")) == "recorded as overlaps, now separates"
    assert BASELINE.changed_verdict(verdict("inverted")) == "recorded as overlaps, now inverted"


def test_what_was_not_recorded_is_neither() -> None:
    assert BASELINE.changed_verdict(verdict("separates", "random_labels")) is None
    assert BASELINE.changed_finding("mine", "same_data", "other", Finding()) is None
    assert BASELINE.changed_finding("other", "same_data", "same_data", Finding()) is None


@pytest.mark.parametrize(
    ("suite", "clause", "finding", "change"),
    [
        ("same_data", "same_data", Finding("ties still", status="data_only"), ""),
        ("same_data", "same_data", Finding(status="separates"), "recorded as data_only, now separates"),
        ("noise_floor", "spread", Finding(), ""),
        ("noise_floor", "spread", Finding("drowns"), "recorded as holds, now falls short"),
        ("reparametrization", "fold", Finding(skipped="none here"), ""),
        ("reparametrization", "fold", Finding(), "recorded as not asked, now holds"),
    ],
)
def test_findings_are_compared_by_their_status_or_by_whether_they_hold(
    suite: str, clause: str, finding: Finding, change: str
) -> None:
    assert BASELINE.changed_finding("mine", suite, clause, finding) == change


def test_the_record_of_another_zoo_is_refused_and_measures_that_it_lacks_are_named() -> None:
    record = {"zoo": {"name": "tiny"}, "entries": [ENTRY]}
    assert expected(record, "it", "tiny", ["mine"]) == (BASELINE, "")
    _, said = expected(record, "it", "tiny", ["a", "mine", "b", "c", "d", "e"])
    assert said == "it has no record of a, b, c and 2 more: judged as without it"
    with pytest.raises(HarnessError, match=r"^it is the record of the tiny zoo, and this run is on digits; name a rec"):
        expected(record, "it", "digits", ["mine"])


@pytest.fixture(scope="module")
def recorded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Filled by the first test that asks for what was recorded."""
    return tmp_path_factory.mktemp("recorded")


@pytest.fixture
def recorded(run: Run, recorded_once: Path, tmp_path: Path) -> Path:
    """A folder, the test's own, that holds what was found of two measures."""
    if not any(recorded_once.iterdir()):
        run("--measure=constant,l2_norm", "-m", "gate or finding", f"--leaderboard={recorded_once}")
    shutil.copytree(recorded_once, tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.mark.slow
def test_a_run_that_repeats_its_baseline_is_green_even_where_measures_fail(run: Run, recorded: Any) -> None:
    result = run("--measure=constant,l2_norm", "-m", "gate or finding", f"--baseline={recorded}", "-rx")
    outcomes = result.parseoutcomes()
    assert (result.ret, outcomes.get("failed", 0)) == (0, 0)
    assert outcomes["xfailed"] >= 3 + 5  # the constant's gate, and its findings
    result.stdout.fnmatch_lines(["*as recorded: constant cannot tell gaussian from natural data*"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("measure", "alter", "sentence"),
    [
        ("constant", ("suites", "gaussian", "verdict", "separates"), "recorded as separates, now overlaps"),
        ("l2_norm", ("suites", "gaussian", "verdict", "overlaps"), "recorded as overlaps, now separates"),
        ("l2_norm", ("findings", "same_data", "same_data", "data_only"), "recorded as data_only, now separates"),
        ("constant", ("findings", "same_data", "same_data", "separates"), "recorded as separates, now data_only"),
    ],
)
def test_a_change_either_way_is_red(
    run: Run, recorded: Any, measure: str, alter: tuple[str, str, str, str], sentence: str
) -> None:
    record = read_record(recorded)
    entry = next(entry for entry in record["entries"] if entry["measure"] == measure)
    kind, suite, last, value = alter
    if kind == "suites":
        entry[kind][suite][last] = value
    else:
        entry[kind][suite][last]["status"] = value
    write_record(record, recorded)
    marker = "gate" if kind == "suites" else "finding"
    result = run(f"--measure={measure}", "-m", marker, "-k", "gaussian or same_data", f"--baseline={recorded}")
    assert result.ret == 1
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines([f"*{sentence}*"])


def test_a_baseline_that_is_none_is_a_usage_error(run: Run, tmp_path: Any) -> None:
    result = run("--measure=l2_norm", f"--baseline={tmp_path}")
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*{tmp_path} is not a record: there is no zoo.json in it*"])
