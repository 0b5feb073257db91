"""What a run of the suites ends with: the table of verdicts, the overall answer, and the record.

Lives in the process that the user started. The answers reach it as text in the test reports, from this process and
from others alike (pytest-xdist).
"""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.checklist import Finding
from harness.errors import HarnessError
from harness.judging import Judging
from harness.pytest_plugin import FINDING, VERDICT
from harness.questions import QUESTIONS
from harness.recipe import Recipe
from harness.record import build_record, overall
from harness.record_files import write_record
from harness.verdict import Verdict
from harness.zoo import GATE, recipes

FEW_MEASURES = 5
COLUMNS = ("randomized", "wins", "ties", "p", "AUC [95%]", "tau", "s/model", "verdict")
WIDTHS = (13, 5, 4, 7, 17, 5, 7, 0)


class Reporting:
    """Gathers answers as tests end; prints and writes when all have."""

    def __init__(self, judging: Judging, leaderboard: str | None):
        self.judging = judging
        self.leaderboard = Path(leaderboard).absolute() if leaderboard else None
        self.verdicts: dict[tuple[str, str], Verdict] = {}
        self.findings: dict[str, dict[str, dict[str, Finding]]] = {}  # measure -> suite -> clause -> what was found
        self.written = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call":
            return
        for name, text in report.user_properties:
            if name == VERDICT:
                verdict = Verdict.from_json(json.loads(str(text)))
                self.verdicts[verdict.measure, verdict.condition] = verdict
            elif name == FINDING:
                fields = json.loads(str(text))
                measure, suite, clause = (fields.pop(key) for key in ("measure", "suite", "clause"))
                self.findings.setdefault(measure, {}).setdefault(suite, {})[clause] = Finding(**fields)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.leaderboard is None or session.config.option.collectonly:
            return
        try:
            if not self.judging.rows:  # other processes did the work, or it was interrupted: the disk knows
                self.judging.recall(self._asked())
            if not self.judging.rows:
                self.written = f"nothing was measured; {self.leaderboard} is left as it is"
                return
            write_record(build_record(self.judging, self.verdicts, self.findings), self.leaderboard)
        except HarnessError as problem:
            self.written = str(problem)
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        else:
            self.written = f"record written to {self.leaderboard}"

    def _asked(self) -> list[Recipe]:
        """The models that this process, or another as far as its answers tell, had to do with."""
        zoo, found = self.judging.zoo, list(self.judging.asked)
        if conditions := [each for each in GATE if any(each == known for _, known in self.verdicts)]:
            found += recipes(zoo, conditions)
        answered = {suite for suites in self.findings.values() for suite in suites}
        return found + [each for question in QUESTIONS if question.name in answered for each in question.recipes(zoo)]

    def say_gate(self, terminalreporter: Any) -> None:
        """The gate's answer as soon as it is there, before the models of the other suites."""
        if len(self.judging.measures) <= FEW_MEASURES:
            self._conclude(terminalreporter)

    def _conclude(self, terminalreporter: Any) -> None:
        for measure in sorted({name for name, _ in self.verdicts}):
            text, passed = conclusion(measure, self.verdicts)
            terminalreporter.write_line(text, bold=True, green=passed, red=not passed)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.verdicts:
            twins = self.judging.zoo.twins_per_condition
            terminalreporter.ensure_newline()
            terminalreporter.section(f"{self.judging.zoo.name} zoo, {twins} twins a condition")
            for line in table(self.verdicts):
                terminalreporter.write_line(line)
            terminalreporter.write_line("")
            self._conclude(terminalreporter)
        for line in findings_lines(self.findings):
            terminalreporter.write_line(line)
        for line in problems(self.findings):
            terminalreporter.write_line(line, yellow=True)
        if self.written:
            terminalreporter.write_line(self.written)


def findings_lines(findings: dict[str, dict[str, dict[str, Finding]]]) -> list[str]:
    """What each measure really sees: a line for each question if they are few, else one for each measure."""
    asked = {question.name: question for question in QUESTIONS}
    about = {
        measure: {
            f"{suite}: {clause}" if len(asked[suite].answers) > 1 else suite: clauses[clause]
            for suite in asked
            for clauses in [suites.get(suite, {})]
            for clause in clauses
        }
        for measure, suites in sorted(findings.items())
    }
    about = {measure: answers for measure, answers in about.items() if answers}
    if len(about) > FEW_MEASURES:
        return ["", *(f"{measure}: {passed(answers)}" for measure, answers in about.items())]
    lines = []
    for measure, answers in about.items():
        lines += ["", f"what {measure} really sees: {passed(answers)}"]
        width = max(len(name) for name in answers)
        lines += [
            f"  {name:{width}}  {each.status or 'not judged':13}  {each.detail or each.skipped or each.problem}"
            for name, each in answers.items()
        ]
    return lines


def passed(answers: dict[str, Finding]) -> str:
    judged = [each for each in answers.values() if not each.skipped]
    return f"passes {sum(not each.problem for each in judged)} of {len(judged)} findings"


def problems(findings: dict[str, dict[str, dict[str, Finding]]]) -> list[str]:
    """A line for each measure and checklist that found something wrong: the first thing that it found."""
    asked = {question.name for question in QUESTIONS}
    lines = []
    for measure, suites in sorted(findings.items()):
        for suite, clauses in suites.items():
            wrong = [finding.problem for finding in clauses.values() if finding.problem]
            if wrong and suite not in asked:
                said = "breaks its contract" if suite == "contract" else suite.replace("_", " ")
                lines.append(f"{measure} {said}: {wrong[0]}")
    return lines


def table(verdicts: dict[tuple[str, str], Verdict]) -> list[str]:
    """A line for each measure and condition, at most 100 characters where names are of a usual length."""
    width = max(len(name) for name, _ in verdicts)
    widths = (width, *WIDTHS)
    lines: list[tuple[str, ...]] = [("measure", *COLUMNS)]
    for (name, condition), verdict in sorted(verdicts.items(), key=lambda item: (item[0][0], GATE.index(item[0][1]))):
        wins, ties, *others = numbers(verdict)
        lines.append((name, condition, wins, f"{ties:>4}", *others))
    return ["  ".join(f"{text:{size}}" for text, size in zip(line, widths, strict=True)).rstrip() for line in lines]


def numbers(verdict: Verdict) -> tuple[str, ...]:
    """What stands in the table beside the names of the measure and the condition."""
    area = "-"
    if verdict.auc is not None and verdict.auc_interval is not None:
        area = f"{verdict.auc:.2f} [{verdict.auc_interval[0]:.2f}, {verdict.auc_interval[1]:.2f}]"
    return (
        f"{verdict.wins}/{verdict.pairs}",
        str(verdict.ties),
        f"{verdict.p_value:.2g}",
        area,
        "-" if verdict.kendall_tau is None else f"{verdict.kendall_tau:.2f}",
        f"{verdict.seconds:.3f}",
        verdict.status,
    )


def conclusion(measure: str, verdicts: dict[tuple[str, str], Verdict]) -> tuple[str, bool]:
    """The measure's overall answer as a sentence, and whether it passes."""
    answer = overall(measure, verdicts)
    if answer is None:
        asked = [each.replace("_", " ") for each in GATE if (measure, each) in verdicts]
        return f"{measure}: no overall verdict; the gate is all of it, and only {', '.join(asked)} ran", False
    if answer == "separates":
        return f"{measure} PASSES the gate: it separates in all {len(GATE)} randomizations", True
    failed = [
        f"{verdicts[measure, each].status} on {each.replace('_', ' ')}"
        for each in GATE
        if verdicts[measure, each].status != "separates"
    ]
    return f"{measure} FAILS the gate: {', '.join(failed)}", False
