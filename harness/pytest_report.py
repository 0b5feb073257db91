"""What a run of the suites ends with: the table of verdicts, the overall verdict, and the record.

Lives in the process that the user started. Verdicts and findings reach it as text in the test reports, from this
process and from others alike (pytest-xdist).
"""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from harness.errors import INTERRUPTED, HarnessError
from harness.evaluation.finding import Finding
from harness.judging.agreement import Agreement, agreement_of
from harness.judging.plan import models_to_judge_on
from harness.judging.questions import QUESTIONS
from harness.judging.reads import BLINDINGS
from harness.judging.report_properties import FINDING, VERDICT
from harness.judging.run import recall
from harness.judging.units.networks import units_by_network
from harness.judging.units.power import power_sentence
from harness.judging.verdict import Verdict
from harness.pytest_session import PREPARED, Setup, known_of
from harness.records.record import build_record
from harness.records.record_files import write_record
from harness.records.summary import (
    FEW_MEASURES,
    conclusion,
    counted,
    findings_lines,
    problems,
    reads_lines,
    table,
    titled,
)
from harness.training.recipe import Recipe
from harness.zoo.zoo import GATE, recipes


class Reporting:
    """Gathers verdicts and findings as tests end; prints and writes when all have."""

    def __init__(self, setup: Setup, leaderboard: str | None):
        self.setup = setup
        self.leaderboard = Path(leaderboard).absolute() if leaderboard else None
        self.verdicts: dict[tuple[str, str], Verdict] = {}
        self.findings: dict[str, dict[str, dict[str, Finding]]] = {}  # measure -> suite -> clause -> what was found
        self.written = ""
        self.interrupted = False

    def pytest_keyboard_interrupt(self) -> None:
        self.interrupted = True

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
        stash, measures, settings = session.config.stash, self.setup.measures, self.setup.settings
        try:
            known = known_of(stash, self.setup)
            if not known.rows:  # other processes did the work, or it was interrupted: the disk knows
                blinded = BLINDINGS.name in self._told()
                known = recall(self._models_asked_for(stash), measures, known, settings, blinded)
            if not known.rows:
                self.written = f"nothing was measured; {self.leaderboard} is left as it is"
                return
            measured = {name for name, _ in known.rows}
            recorded = [measure for measure in measures if measure.name in measured]
            write_record(build_record(known, recorded, settings, self.verdicts, self.findings), self.leaderboard)
        except HarnessError as problem:
            self.written = str(problem)
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        else:
            self.written = f"record written to {self.leaderboard}"
            if any((measure.name, condition) in self.verdicts for measure in recorded for condition in GATE):
                self.written += (
                    f"\nwhere it would stand: shatterproof leaderboard place {shlex.quote(str(self.leaderboard))}"
                )

    def _models_asked_for(self, stash: pytest.Stash) -> list[Recipe]:
        """The models that this process, or another as far as what it reported tells, had to do with."""
        zoo = self.setup.zoo
        found = [recipe for plan in stash.get(PREPARED, []) for recipe in models_to_judge_on(plan)]
        if conditions := [name for name in GATE if any(name == known for _, known in self.verdicts)]:
            found += recipes(zoo, conditions)
        told = self._told()
        found += recipes(zoo, zoo.gate) if BLINDINGS.name in told else []
        return found + [recipe for question in QUESTIONS if question.name in told for recipe in question.recipes(zoo)]

    def _told(self) -> set[str]:
        """The suites that have told something."""
        return {suite for suites in self.findings.values() for suite in suites}

    def say_gate(self, terminalreporter: Any) -> None:
        """The gate's verdict as soon as it is there, before the models of the other suites."""
        if len(self.setup.measures) <= FEW_MEASURES:
            self._conclude(terminalreporter)

    def _conclude(self, terminalreporter: Any) -> None:
        for measure in sorted({name for name, _ in self.verdicts}):
            text, passed = conclusion(measure, self.verdicts, self.setup.zoo.gate)
            terminalreporter.write_line(text, bold=True, green=passed, red=not passed)

    def _agreements(self) -> list[Agreement]:
        """Of every measure that was judged, where the twins are fresh, with what was recorded of the zoo itself."""
        recorded = self.setup.recorded
        if recorded is None:
            return []
        zoo, found = self.setup.zoo, []
        for measure in sorted({name for name, _ in self.verdicts}):
            known: dict[str, Verdict] = {
                name: self.verdicts[measure, name] for name in zoo.gate if (measure, name) in self.verdicts
            }
            found.append(agreement_of(measure, zoo.fresh, recorded[measure], known))
        return found

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.verdicts:
            most = max(self.verdicts.values(), key=lambda verdict: len(verdict.units))
            terminalreporter.ensure_newline()
            terminalreporter.section(f"{titled(self.setup.zoo.name)}, {counted(most)}")
            for line in table(self.verdicts):
                terminalreporter.write_line(line)
            seeds = min(unit.seeds for unit in most.units)
            terminalreporter.write_line(power_sentence(units_by_network(most.units), seeds, len(self.setup.zoo.gate)))
            terminalreporter.write_line("")
            self._conclude(terminalreporter)
            for agreement in self._agreements():
                terminalreporter.write_line(f"{agreement}", yellow=bool(agreement.changed), red=bool(agreement.lost))
        for line in findings_lines(self.findings):
            terminalreporter.write_line(line)
        for line in reads_lines(self.findings):
            terminalreporter.write_line(line)
        for line in problems(self.findings):
            terminalreporter.write_line(line, yellow=True)
        if self.written:
            terminalreporter.write_line(self.written)
        if self.interrupted:
            terminalreporter.write_line(f"{INTERRUPTED} (in {self.setup.settings.cache_dir})", yellow=True)
