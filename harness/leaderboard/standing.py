"""A record's standing: what the leaderboard has of it. The oracle's too: the gap itself, as if it could be measured."""

from collections.abc import Mapping
from typing import Any

from harness.errors import HarnessError
from harness.evaluation.finding import Finding
from harness.judging.questions import QUESTIONS
from harness.judging.units.witnesses import by_unit
from harness.judging.verdict import gate_verdict, judge
from harness.leaderboard.gate import gate_of, headline_of, verdicts_of
from harness.leaderboard.groups import Without, counted, finding_of, what_it_reads
from harness.leaderboard.left_out import LeftOut
from harness.leaderboard.recompute import oracle_rows, recorded_zoo
from harness.records.record import suite_of
from harness.records.recorded_outcomes import gaps_of, outcomes_of
from harness.records.schema import CONTROLS, PROTOCOL
from harness.records.tables import READS
from harness.zoo.zoo import twins
from harness.zoo.zoos import ZOOS

ORACLE = "generalization_gap"
ABOUT = ("measure", "version", "family", "cost", "origin", "source", "verdict", "complete", "contract", "protocol")
FINDINGS = {(question.name, clause.__name__) for question in QUESTIONS for clause in question.clauses}


def standing_of(record: Mapping[str, Any], left_out: LeftOut) -> dict[str, Any]:
    """What is known of the record alone: `dominated_by` needs the others.

    Of a record of another protocol no more than what it says itself: no headline, no groups.
    """
    findings = {
        suite: {
            clause: finding_of(suite, found)
            for clause, found in clauses.items()
            if suite in READS or (suite, clause) in FINDINGS
        }
        for suite, clauses in record["findings"].items()
    }
    findings = {suite: clauses for suite, clauses in findings.items() if clauses}
    measured_on = record["environment"]
    ours = record["protocol"] == PROTOCOL
    return {
        "role": "control" if record["family"] == CONTROLS else "measure",
        **{name: record[name] for name in ABOUT},
        "seconds_per_model": record["seconds_per_model"],
        **_told(record["suites"], findings, left_out.without(record, findings) if ours else None),
        "record": record["digest"],
        "measured_on": {
            **{name: measured_on[name] for name in ("cpu", "gpu", "commit", "dirty")},
            "torch": measured_on["packages"].get("torch"),
        },
    }


def _told(suites: Mapping[str, Any], findings: Mapping[str, Any], without: Without | None) -> dict[str, Any]:
    """`without` is None for a record of another protocol."""
    return {
        "headline": None if without is None else headline_of(verdicts_of(suites)),
        "gate": gate_of(suites),
        "groups": None if without is None else counted(findings, without),
        "reads": what_it_reads(findings),
        "findings": findings,
        "dominated_by": None,
    }


def oracle_of(described: Mapping[str, Any], left_out: LeftOut) -> dict[str, Any] | None:
    """The gap, judged as measures are; None for a zoo whose models are not known here, not all there, or too few."""
    if described["name"] not in ZOOS and "definition" not in described:
        return None
    try:
        zoo, row = recorded_zoo(described), oracle_rows(described)
        gap = gaps_of(described)
        verdicts = [judge(ORACLE, name, by_unit(twins(zoo, name)), row, gap) for name in zoo.gate]
        findings = _oracle_findings(described)
    except (KeyError, HarnessError):
        return None
    suites = {verdict.condition: suite_of(verdict) for verdict in verdicts}
    rows = {name: [model["test_error"] - model["train_error"], 0.0] for name, model in described["models"].items()}
    return {
        "role": "oracle",
        "measure": ORACLE,
        "version": 1,
        "family": "oracle",
        "cost": "fast",
        "origin": "",
        "source": "test error minus training error: what measures are to predict",
        "verdict": gate_verdict({name: suite["verdict"] for name, suite in suites.items()}, zoo.gate),
        "complete": True,
        "contract": None,
        "protocol": PROTOCOL,
        "seconds_per_model": None,
        **_told(suites, findings, left_out.without({"rows": rows, "reasons": {}}, findings)),
        "record": None,
        "measured_on": None,
    }


def _oracle_findings(described: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    zoo, row, outcome = recorded_zoo(described), oracle_rows(described), outcomes_of(described)
    findings = {}
    for question in QUESTIONS:
        if all(recipe.id in described["models"] for recipe in question.recipes(zoo)):
            found = {clause.__name__: clause(zoo, row, outcome) for clause in question.clauses}
            findings[question.name] = {name: finding_of(question.name, _plain(each)) for name, each in found.items()}
    return findings


def _plain(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in ("status", "problem", "skipped", "detail")}
