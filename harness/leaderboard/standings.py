"""Records folded into ranks: the gate first, then the findings passed, then the cost. The same records, the same bytes.

Ties share a rank. Cost is the tier, not the seconds: these differ from machine to machine. Controls and the oracle (the
gap itself, as if it could be measured) are beside the ranks, as floor and ceiling; so is what is incomplete.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from harness.checklist import Finding
from harness.errors import HarnessError
from harness.leaderboard.recompute import gaps_of, oracle_rows, outcomes_of, recorded_zoo
from harness.questions import QUESTIONS
from harness.record import round_number
from harness.record_schema import SCHEMA_VERSION, validate_part
from harness.verdict import Verdict, judge
from harness.zoo import GATE, ZOOS, twins

TIERS = ("fast", "slow", "retrain")
CONTROLS = "controls"
ORACLE = "generalization_gap"
GATE_NUMBERS = ("verdict", "wins", "ties", "losses", "pairs", "p_value", "auc", "auc_interval", "kendall_tau")
FINDINGS = {(question.name, answer.__name__) for question in QUESTIONS for answer in question.answers}


def leaderboard(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The content of leaderboard.json from the run of each zoo. HarnessError if a run is not as its digests say."""
    try:
        zoos = {name: standings(run["entries"], run["zoo"]) for name, run in sorted(runs.items())}
    except (KeyError, TypeError, AttributeError) as cause:
        raise HarnessError(f"a record is not as its schema says ({cause!r}); run leaderboard check") from cause
    content = {"schema_version": SCHEMA_VERSION, "zoos": zoos}
    validate_part(content, "leaderboard")
    return content


def standings(records: Sequence[Mapping[str, Any]], zoo: Mapping[str, Any]) -> dict[str, Any]:
    """One zoo's part of leaderboard.json: its entries in the order of their ranks, then the oracle, the controls and
    what is incomplete, by name."""
    entries = [_entry(record) for record in records]
    if (oracle := _oracle(zoo)) is not None:
        entries.append(oracle)
    _rank([each for each in entries if each["role"] == "measure" and each["complete"]])
    entries.sort(key=_place)
    return {
        "digest": zoo["digest"],
        "data_set": zoo["data_set"],
        "data_sha256": zoo["data_sha256"],
        "training_version": zoo["training_version"],
        "protocol": max((record["protocol"] for record in records), default=1),
        "twins_per_condition": max((each["pairs"] for entry in entries for each in entry["gate"].values()), default=0),
        "entries": entries,
    }


def merit(entry: Mapping[str, Any]) -> tuple[int, int, int]:
    """What entries are ranked by, the smallest first."""
    return (entry["verdict"] != "separates", -entry["findings_passed"], TIERS.index(entry["cost"]))


def _rank(ranked: list[dict[str, Any]]) -> None:
    """1, 2, 2, 4: as many are before an entry as its rank less one."""
    ranked.sort(key=merit)
    for place, entry in enumerate(ranked):
        before = ranked[place - 1] if place else None
        entry["rank"] = before["rank"] if before is not None and merit(before) == merit(entry) else place + 1


def _place(entry: Mapping[str, Any]) -> tuple[float, int, str]:
    rank = math.inf if entry["rank"] is None else entry["rank"]
    return rank, ("oracle", "control", "measure").index(entry["role"]), entry["measure"]


def _entry(record: Mapping[str, Any]) -> dict[str, Any]:
    findings = {
        suite: {clause: _finding(each) for clause, each in clauses.items() if (suite, clause) in FINDINGS}
        for suite, clauses in record["findings"].items()
    }
    findings = {suite: clauses for suite, clauses in findings.items() if clauses}
    measured_on = record["environment"]
    return {
        "rank": None,
        "role": "control" if record["family"] == CONTROLS else "measure",
        **{
            name: record[name]
            for name in ("measure", "version", "family", "cost", "origin", "source", "verdict", "complete", "contract")
        },
        "seconds_per_model": record["seconds_per_model"],
        **_counted(findings),
        "gate": {
            condition: {name: suite[name] for name in GATE_NUMBERS} for condition, suite in record["suites"].items()
        },
        "findings": findings,
        "record": record["digest"],
        "measured_on": {
            **{name: measured_on[name] for name in ("cpu", "gpu", "commit", "dirty")},
            "torch": measured_on["packages"].get("torch"),
        },
    }


def _finding(finding: Mapping[str, Any]) -> dict[str, Any]:
    passed = None if finding["skipped"] else not finding["problem"]
    return {"status": finding["status"], "passed": passed, "detail": finding["detail"] or finding["skipped"]}


def _counted(findings: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, int]:
    answers = [each["passed"] for clauses in findings.values() for each in clauses.values()]
    return {"findings_passed": answers.count(True), "findings_asked": len(answers) - answers.count(None)}


def _oracle(described: Mapping[str, Any]) -> dict[str, Any] | None:
    """The gap, judged as measures are; None for a zoo whose models are not known here, or not all there."""
    if described["name"] not in ZOOS:
        return None
    zoo, row, outcome = recorded_zoo(described), oracle_rows(described), outcomes_of(described)
    try:
        verdicts = [judge(ORACLE, each, twins(zoo, each), row, gaps_of(described)) for each in GATE]
    except (KeyError, HarnessError):
        return None
    findings: dict[str, dict[str, Any]] = {}
    for question in QUESTIONS:
        if all(recipe.id in described["models"] for recipe in question.recipes(zoo)):
            answers = {answer.__name__: answer(zoo, row, outcome) for answer in question.answers}
            findings[question.name] = {name: _finding(_plain(each)) for name, each in answers.items()}
    passes = all(verdict.passes for verdict in verdicts)
    return {
        "rank": None,
        "role": "oracle",
        "measure": ORACLE,
        "version": 1,
        "family": "oracle",
        "cost": "fast",
        "origin": "",
        "source": "test error minus training error: what measures are to predict",
        "verdict": "separates" if passes else next(each.status for each in verdicts if not each.passes),
        "complete": True,
        "contract": None,
        "seconds_per_model": None,
        **_counted(findings),
        "gate": {verdict.condition: _numbers(verdict) for verdict in verdicts},
        "findings": findings,
        "record": None,
        "measured_on": None,
    }


def _plain(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in ("status", "problem", "skipped", "detail")}


def _numbers(verdict: Verdict) -> dict[str, Any]:
    numbers = {name: getattr(verdict, name) for name in GATE_NUMBERS if name != "verdict"}
    interval = numbers["auc_interval"]
    return round_number({"verdict": verdict.status, **numbers, "auc_interval": interval and list(interval)})  # type: ignore[no-any-return]
