"""Records folded into ranks: the gate first, then the findings passed, then the cost. The same records, the same bytes.

Ties share a rank. Cost is the tier, not the seconds: these differ from machine to machine. Controls and the oracle (the
gap itself, as if it could be measured) are beside the ranks, as floor and ceiling; so is what is incomplete.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.evaluation.finding import Finding
from harness.files.strict_json import read_json
from harness.judging.questions import QUESTIONS
from harness.judging.verdict import Verdict, gate_verdict, judge
from harness.leaderboard.reading import skim_record, zoo_paths
from harness.leaderboard.recompute import oracle_rows, recorded_zoo
from harness.records.record import round_number
from harness.records.record_files import ZOO_FILE, read_record, record_paths
from harness.records.recorded_outcomes import gaps_of, outcomes_of
from harness.records.schema import CONTROLS, PROTOCOL, SCHEMA_VERSION
from harness.workers.process_a_core import process_a_core
from harness.zoo.zoo import twins
from harness.zoo.zoos import ZOOS

CHUNK = 250
MANY = 1000  # records, from which on starting processes pays
TIERS = ("fast", "slow", "retrain")
ORACLE = "generalization_gap"
GATE_NUMBERS = ("verdict", "wins", "ties", "losses", "pairs", "p_value", "auc", "auc_interval", "kendall_tau")
FINDINGS = {(question.name, clause.__name__) for question in QUESTIONS for clause in question.clauses}


def build(path: Path) -> dict[str, Any]:
    """The content of leaderboard.json from the records at `path` (see reading.py), of which only digests are checked.

    HarnessError for what is not a record, was changed, or is of a zoo that is in two places.
    """
    zoos: dict[str, dict[str, Any]] = {}
    for zoo_path in zoo_paths(path):
        if zoo_path.is_dir() and (content := read_json(zoo_path / ZOO_FILE)).get("schema_version") == SCHEMA_VERSION:
            zoo, lines = content["zoo"], _skimmed(record_paths(zoo_path))
        else:
            run = read_record(zoo_path)
            zoo, lines = run["zoo"], [standing_of(record) for record in run["entries"]]
        if zoo["name"] in zoos:
            raise HarnessError(f"{path} has the zoo {zoo['name']} in two places, {zoo_path} is one; merge them")
        zoos[zoo["name"]] = _ranked(lines, zoo)
    return {"schema_version": SCHEMA_VERSION, "zoos": dict(sorted(zoos.items()))}


def leaderboard(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The same from runs, by the zoo's name, that were read and validated."""
    zoos = {name: standings(run["entries"], run["zoo"]) for name, run in sorted(runs.items())}
    return {"schema_version": SCHEMA_VERSION, "zoos": zoos}


def standings(records: Sequence[Mapping[str, Any]], zoo: Mapping[str, Any]) -> dict[str, Any]:
    """One zoo's part of leaderboard.json: its standings in the order of their ranks, then the oracle, the controls and
    what is incomplete, by name."""
    return _ranked([standing_of(record) for record in records], zoo)


def skimmed(file: Path) -> dict[str, Any]:
    """The standing of the record in a file."""
    record = skim_record(file)
    try:
        standing = standing_of(record)
        merit(standing)
    except (KeyError, TypeError, AttributeError, ValueError) as cause:
        raise HarnessError(
            f"{file} is not as its schema says ({cause!r}); run leaderboard check {file.parent}"
        ) from cause
    return standing


def _skimmed(files: list[Path]) -> list[dict[str, Any]]:
    if len(files) < MANY:
        return [skimmed(file) for file in files]
    with process_a_core() as pool:
        return list(pool.map(skimmed, files, chunksize=CHUNK))


def _ranked(lines: list[dict[str, Any]], zoo: Mapping[str, Any]) -> dict[str, Any]:
    protocol = max((standing.pop("protocol") for standing in lines), default=PROTOCOL)
    if (oracle := _oracle(zoo)) is not None:
        lines.append(oracle)
    _rank([standing for standing in lines if standing["role"] == "measure" and standing["complete"]])
    lines.sort(key=_sort_key)
    return {
        "digest": zoo["digest"],
        "data_set": zoo["data_set"],
        "data_sha256": zoo["data_sha256"],
        "training_version": zoo["training_version"],
        "protocol": protocol,
        "twins_per_condition": max(
            (suite["pairs"] for standing in lines for suite in standing["gate"].values()), default=0
        ),
        "entries": lines,
    }


def merit(standing: Mapping[str, Any]) -> tuple[int, int, int]:
    """What standings are ranked by, the smallest first."""
    return (standing["verdict"] != "separates", -standing["findings_passed"], TIERS.index(standing["cost"]))


def _rank(ranked: list[dict[str, Any]]) -> None:
    """1, 2, 2, 4: as many are before a standing as its rank less one."""
    ranked.sort(key=merit)
    for position, standing in enumerate(ranked):
        before = ranked[position - 1] if position else None
        standing["rank"] = before["rank"] if before is not None and merit(before) == merit(standing) else position + 1


def _sort_key(standing: Mapping[str, Any]) -> tuple[float, int, str]:
    rank = math.inf if standing["rank"] is None else standing["rank"]
    return rank, ("oracle", "control", "measure").index(standing["role"]), standing["measure"]


def standing_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record's standing, without its rank, and with its protocol."""
    findings = {
        suite: {clause: _finding(finding) for clause, finding in clauses.items() if (suite, clause) in FINDINGS}
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
        "protocol": record["protocol"],
        "measured_on": {
            **{name: measured_on[name] for name in ("cpu", "gpu", "commit", "dirty")},
            "torch": measured_on["packages"].get("torch"),
        },
    }


def _finding(finding: Mapping[str, Any]) -> dict[str, Any]:
    passed = None if finding["skipped"] else not finding["problem"]
    return {"status": finding["status"], "passed": passed, "detail": finding["detail"] or finding["skipped"]}


def _counted(findings: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, int]:
    found = [finding["passed"] for clauses in findings.values() for finding in clauses.values()]
    return {"findings_passed": found.count(True), "findings_asked": len(found) - found.count(None)}


def _oracle(described: Mapping[str, Any]) -> dict[str, Any] | None:
    """The gap, judged as measures are; None for a zoo whose models are not known here, or not all there."""
    if described["name"] not in ZOOS and "definition" not in described:
        return None
    zoo, row, outcome = recorded_zoo(described), oracle_rows(described), outcomes_of(described)
    try:
        verdicts = [judge(ORACLE, name, twins(zoo, name), row, gaps_of(described)) for name in zoo.gate]
    except (KeyError, HarnessError):
        return None
    findings: dict[str, dict[str, Any]] = {}
    for question in QUESTIONS:
        if all(recipe.id in described["models"] for recipe in question.recipes(zoo)):
            found = {clause.__name__: clause(zoo, row, outcome) for clause in question.clauses}
            findings[question.name] = {name: _finding(_plain(finding)) for name, finding in found.items()}
    return {
        "rank": None,
        "role": "oracle",
        "measure": ORACLE,
        "version": 1,
        "family": "oracle",
        "cost": "fast",
        "origin": "",
        "source": "test error minus training error: what measures are to predict",
        "verdict": gate_verdict({verdict.condition: verdict.status for verdict in verdicts}, zoo.gate),
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
