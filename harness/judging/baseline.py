"""What was recorded is expected: a verdict or a finding that changed, either way, is to be seen."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from harness.errors import HarnessError
from harness.evaluation.finding import Finding
from harness.judging.verdict import Verdict


@dataclasses.dataclass(frozen=True)
class Baseline:
    """What is expected, in a word each: verdicts by measure and condition, findings by measure, suite and clause."""

    gate: Mapping[tuple[str, str], str]
    findings: Mapping[tuple[str, str, str], str]

    def changed_verdict(self, verdict: Verdict) -> str | None:
        """How the verdict differs from what was recorded: "" if it does not, None if nothing was."""
        recorded = self.gate.get((verdict.measure, verdict.condition))
        return None if recorded is None else _change(recorded, verdict.status)

    def changed_finding(self, measure: str, suite: str, clause: str, finding: Finding) -> str | None:
        """The same of a finding."""
        recorded = self.findings.get((measure, suite, clause))
        return None if recorded is None else _change(recorded, _word(dataclasses.asdict(finding)))


def baseline_of(record: Mapping[str, Any]) -> Baseline:
    """What a run recorded; of a contract only the whole is recorded, so its clauses are judged as ever."""
    gate: dict[tuple[str, str], str] = {}
    findings: dict[tuple[str, str, str], str] = {}
    for entry in record["entries"]:
        name = entry["measure"]
        gate |= {(name, condition): suite["verdict"] for condition, suite in entry["suites"].items()}
        findings |= {
            (name, suite, clause): _word(finding)
            for suite, clauses in entry["findings"].items()
            for clause, finding in clauses.items()
        }
    return Baseline(gate, findings)


def expected(record: Mapping[str, Any], called: str, zoo: str, measures: Iterable[str]) -> tuple[Baseline, str]:
    """What the record leads to expect of measures on a zoo; and a sentence on those of which it says nothing, or "".

    HarnessError for the record of another zoo.
    """
    if record["zoo"]["name"] != zoo:
        raise HarnessError(
            f"{called} is the record of the {record['zoo']['name']} zoo, and this run is on {zoo}; name a record of "
            "that, or leave --baseline out"
        )
    known = {entry["measure"] for entry in record["entries"]}
    lacking = [name for name in measures if name not in known]
    more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
    said = f"{called} has no record of {', '.join(lacking[:3])}{more}: judged as without it" if lacking else ""
    return baseline_of(record), said


def _change(recorded: str, now: str) -> str:
    return "" if recorded == now else f"recorded as {recorded}, now {now}"


def _word(finding: Mapping[str, Any]) -> str:
    if finding["status"]:
        return str(finding["status"])
    if finding["skipped"]:
        return "not asked"
    return "falls short" if finding["problem"] else "holds"
