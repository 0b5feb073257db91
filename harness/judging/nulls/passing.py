"""Nulls through the judge: how many of them pass each condition, the gate, and each finding?"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import binomtest

from harness.evaluation.finding import Finding
from harness.judging.nulls.null import Material, Null, Values, complete, row_of
from harness.judging.questions import QUESTIONS
from harness.judging.questions.question import Clause, Question
from harness.judging.units.condition import judge_condition
from harness.judging.units.decision import decide
from harness.judging.units.witnesses import Witnesses, by_unit
from harness.judging.verdict import gate_verdict
from harness.training.recipe import Condition
from harness.zoo.zoo import Zoo, twins

GATE = "gate"
FEWER = 10
"""Of so many draws one is put to the findings."""
DEAR = {"hyperparameters": 5}
"""Of so many of these, one: its permutations take seconds."""
LEVEL = 0.95


@dataclass(frozen=True)
class Share:
    """`passed` of so many; `at_most`: the exact (Clopper-Pearson) upper limit of the rate, one-sided, at 95%."""

    passed: int
    of: int

    @property
    def rate(self) -> float:
        return self.passed / self.of

    @property
    def at_most(self) -> float:
        interval = binomtest(self.passed, self.of, alternative="less").proportion_ci(LEVEL, "exact")
        return float(interval.high)


@dataclass(frozen=True)
class Passed:
    """Of one group of nulls. `gate` has the conditions and, last, the gate as a whole; `findings` each clause that was
    asked; `names`, of a group of which nothing is drawn, those that pass the gate."""

    group: str
    drawn: bool
    gate: Mapping[str, Share]
    findings: Mapping[str, Share]
    names: Sequence[str] = ()


@dataclass
class _Count:
    passed: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)

    def add(self, what: str, passes: bool) -> None:
        self.asked[what] += 1
        self.passed[what] += passes

    def shares(self) -> dict[str, Share]:
        return {what: Share(self.passed[what], of) for what, of in self.asked.items()}


Asked = Sequence[tuple[Question, Clause]]


def askable(material: Material) -> tuple[Asked, dict[str, str]]:
    """The clauses whose question has all its models, and whose premise holds; and why others are not asked."""
    asked: list[tuple[Question, Clause]] = []
    reasons: dict[str, str] = {}
    for question in QUESTIONS:
        wanted = {*question.recipes(material.zoo)}
        missing = [recipe for recipe in wanted if recipe not in material.outcomes]
        problems = [] if missing else question.premise(material.zoo, material.outcomes.__getitem__)
        if missing:
            reasons[question.name] = f"{len(missing)} of its {len(wanted)} models are not trained"
        elif problems:
            reasons[question.name] = f"its premise does not hold: {problems[0]}"
        else:
            asked += [(question, clause) for clause in question.clauses]
    return asked, reasons


def witnesses_of_gate(zoo: Zoo) -> dict[Condition, Witnesses]:
    return {condition: by_unit(twins(zoo, condition)) for condition in zoo.gate}


def statuses(values: Values, witnesses: Mapping[Condition, Witnesses]) -> dict[str, str]:
    """The status of these values under each condition, decided as `judge` does, without what decides nothing."""
    found: dict[str, str] = {}
    for condition, those in witnesses.items():
        pairs = {
            unit: [(values.get(twin.natural), values.get(twin.randomized)) for twin in seeds]
            for unit, seeds in those.units.items()
        }
        found[condition] = judge_condition(condition, [decide(unit, seeds) for unit, seeds in pairs.items()]).status
    return found


def passed(
    material: Material,
    nulls: Sequence[Null],
    asked: Asked,
    draws: int,
    *,
    seed: int = 0,
    done: Callable[[], object] = lambda: None,
) -> Passed:
    """How many of one group pass. Draw k of a null is the same however many there are; `done` is called after each.

    A finding is asked of fewer draws (FEWER, DEAR) and only where all models of its question have a value.
    """
    witnesses = witnesses_of_gate(material.zoo)
    wanted = {question.name: {*question.recipes(material.zoo)} for question, _ in asked}
    gate, findings = _Count(), _Count()
    for null, number, values in _drawn(nulls, draws, seed):
        found = statuses(values, witnesses)
        for condition, status in found.items():
            gate.add(condition, status == "separates")
        through = gate_verdict(found, material.zoo.gate) == "separates"
        gate.add(GATE, through)
        if through and null.name:
            gate.names.append(null.name)
        for question, clause in asked:
            every = FEWER * DEAR.get(question.name, 1) if null.drawn else 1
            if number % every == 0 and complete(values, wanted[question.name]):
                finding = clause(material.zoo, row_of(values), material.outcomes.__getitem__)
                findings.add(clause.__name__, passes(finding))
        done()
    return Passed(nulls[0].group, nulls[0].drawn, gate.shares(), findings.shares(), gate.names)


def passes(finding: Finding) -> bool:
    return not finding.problem and not finding.skipped


def _drawn(nulls: Sequence[Null], draws: int, seed: int) -> Iterator[tuple[Null, int, Values]]:
    for null in nulls:
        for number in range(draws if null.drawn else 1):
            yield null, number, null.draw(np.random.default_rng((seed, number)))
