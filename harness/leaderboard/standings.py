"""Records folded into ranks: the gate first, then the findings passed, then the cost. The same records, the same bytes.

Ties share a rank. Cost is the tier, not the seconds: these differ from machine to machine. Controls and the oracle (the
gap itself, as if it could be measured) are beside the ranks, as floor and ceiling; so is what is incomplete.
"""

import math
import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from harness.checklist import Finding
from harness.errors import HarnessError
from harness.leaderboard.reading import skim_record, zoo_places
from harness.leaderboard.recompute import gaps_of, oracle_rows, outcomes_of, recorded_zoo
from harness.questions import QUESTIONS
from harness.record import round_number
from harness.record_files import ZOO_FILE, read_record, record_paths
from harness.record_schema import PROTOCOL, SCHEMA_VERSION
from harness.settings import cores
from harness.strict_json import read_json
from harness.verdict import Verdict, judge
from harness.zoo import GATE, ZOOS, twins

CHUNK = 250
MANY = 1000  # records, from which on starting processes pays
TIERS = ("fast", "slow", "retrain")
CONTROLS = "controls"
ORACLE = "generalization_gap"
GATE_NUMBERS = ("verdict", "wins", "ties", "losses", "pairs", "p_value", "auc", "auc_interval", "kendall_tau")
FINDINGS = {(question.name, answer.__name__) for question in QUESTIONS for answer in question.answers}


def build(path: Path) -> dict[str, Any]:
    """The content of leaderboard.json from the records at `path` (see reading.py), of which only digests are checked.

    HarnessError for what is no record, was changed, or is of a zoo that is in two places.
    """
    zoos: dict[str, dict[str, Any]] = {}
    for place in zoo_places(path):
        if place.is_dir() and (content := read_json(place / ZOO_FILE)).get("schema_version") == SCHEMA_VERSION:
            zoo, entries = content["zoo"], _skimmed(record_paths(place))
        else:
            run = read_record(place)
            zoo, entries = run["zoo"], [entry_of(record) for record in run["entries"]]
        if zoo["name"] in zoos:
            raise HarnessError(f"{path} has the zoo {zoo['name']} in two places, {place} is one; merge them")
        zoos[zoo["name"]] = _ranked(entries, zoo)
    return {"schema_version": SCHEMA_VERSION, "zoos": dict(sorted(zoos.items()))}


def leaderboard(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The same from runs, by the zoo's name, that were read and validated."""
    zoos = {name: standings(run["entries"], run["zoo"]) for name, run in sorted(runs.items())}
    return {"schema_version": SCHEMA_VERSION, "zoos": zoos}


def standings(records: Sequence[Mapping[str, Any]], zoo: Mapping[str, Any]) -> dict[str, Any]:
    """One zoo's part of leaderboard.json: its entries in the order of their ranks, then the oracle, the controls and
    what is incomplete, by name."""
    return _ranked([entry_of(record) for record in records], zoo)


def skimmed(file: Path) -> dict[str, Any]:
    """The entry of the record in a file."""
    record = skim_record(file)
    try:
        entry = entry_of(record)
        merit(entry)
    except (KeyError, TypeError, AttributeError, ValueError) as cause:
        raise HarnessError(
            f"{file} is not as its schema says ({cause!r}); run leaderboard check {file.parent}"
        ) from cause
    return entry


def _skimmed(files: list[Path]) -> list[dict[str, Any]]:
    if len(files) < MANY:
        return [skimmed(file) for file in files]
    with ProcessPoolExecutor(cores(), multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(skimmed, files, chunksize=CHUNK))


def _ranked(entries: list[dict[str, Any]], zoo: Mapping[str, Any]) -> dict[str, Any]:
    protocol = max((entry.pop("protocol") for entry in entries), default=PROTOCOL)
    if (oracle := _oracle(zoo)) is not None:
        entries.append(oracle)
    _rank([each for each in entries if each["role"] == "measure" and each["complete"]])
    entries.sort(key=_place)
    return {
        "digest": zoo["digest"],
        "data_set": zoo["data_set"],
        "data_sha256": zoo["data_sha256"],
        "training_version": zoo["training_version"],
        "protocol": protocol,
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


def entry_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record's entry, without its rank, and with its protocol."""
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
