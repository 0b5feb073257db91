"""What is known of the measures of a run, and what follows from it. Nothing here trains or measures."""

import dataclasses
from collections.abc import Mapping

from harness.errors import NoVerdict
from harness.evaluation.blinding import Part
from harness.evaluation.finding import Finding
from harness.evaluation.probe import Probe
from harness.evaluation.rows import Row
from harness.judging.questions.question import Clause, Question, Rows, unfitted
from harness.judging.reads import what_it_reads
from harness.judging.units.witnesses import premise_of, witnesses_of
from harness.judging.verdict import Verdict, judge
from harness.store.store import StoredModel
from harness.training.recipe import Condition, Recipe
from harness.training.train import Outcome
from harness.zoo.checkpoints.own_twins import OwnTwins
from harness.zoo.zoo import Zoo, recipes, twins
from measures.registry import Measure


@dataclasses.dataclass(frozen=True)
class Results:
    """The stored models of a zoo, the measures' rows on them, and the findings of probes by (probe, measure, clause).

    `blinded`: rows with a part hidden, by measure, part and model (reads.py).
    `premises`: what is not as each question supposes, by its name, for the questions whose models are there.
    `crashed`: measures that gave nothing when they were tried first, and what came of it: they are asked no more.
    `untrained`: why the models could not be had; `unmeasured`: why rows or findings are missing. "" if they are not.
    Every look-up raises NoVerdict where what it needs is missing, with that reason.
    """

    zoo: Zoo
    models: Mapping[Recipe, StoredModel] = dataclasses.field(default_factory=dict)
    rows: Mapping[tuple[str, Recipe], Row] = dataclasses.field(default_factory=dict)
    findings: Mapping[tuple[str, str, str], Finding] = dataclasses.field(default_factory=dict)
    blinded: Mapping[tuple[str, Part, Recipe], Row] = dataclasses.field(default_factory=dict)
    premises: Mapping[str, list[str]] = dataclasses.field(default_factory=dict)
    crashed: Mapping[str, Row] = dataclasses.field(default_factory=dict)
    untrained: str = ""
    unmeasured: str = ""

    def unfitted(self, condition: Condition) -> list[str]:
        """For each model of the condition's twins that did not reach its stopping loss, a sentence that names it.

        Of twins from elsewhere, what is not as the gate supposes.
        """
        self._check_trained()
        if isinstance(self.zoo, OwnTwins):
            return premise_of(self.zoo, condition)
        return unfitted(recipes(self.zoo, [condition]), self.outcome)

    def premise(self, question: Question) -> list[str]:
        """What is not as the question supposes, a sentence each."""
        self._check_trained()
        if question.name not in self.premises:
            raise NoVerdict(f"the models of {question.name} were not asked for")
        return self.premises[question.name]

    def verdict(self, measure: Measure, condition: Condition) -> Verdict:
        """The gate's verdict. Raises NoVerdict also if a model did not fit."""
        if problems := self.unfitted(condition):
            raise NoVerdict(f"no verdict on {measure.name}: {problems[0]}")
        found = witnesses_of(self.zoo, twins(self.zoo, condition))
        return judge(measure.name, condition, found, self._rows(measure), lambda recipe: self.outcome(recipe).gap)

    def clause(self, measure: Measure, question: Question, clause: Clause) -> Finding:
        """What the question's clause says of the measure. Raises NoVerdict also if the premise does not hold."""
        if problems := self.premise(question):
            raise NoVerdict(f"{measure.name} is not judged, the premise does not hold: {problems[0]}")
        return clause(self.zoo, self._rows(measure), self.outcome)

    def probed(self, measure: Measure, probe: Probe, clause: str) -> Finding:
        """What the probe's clause found of the measure."""
        self._check_trained()
        if (probe.name, measure.name, clause) not in self.findings:
            raise NoVerdict(self.unmeasured or f"{measure.name} was not asked for {clause} of {probe.name}")
        return self.findings[probe.name, measure.name, clause]

    def reads(self, measure: Measure) -> Finding:
        """What the measure reads. Raises NoVerdict also if a model of the gate did not fit."""
        if problems := [problem for condition in self.zoo.gate for problem in self.unfitted(condition)]:
            raise NoVerdict(f"it is not asked what {measure.name} reads: {problems[0]}")

        def blinded(part: Part, recipe: Recipe) -> Row:
            if (measure.name, part, recipe) not in self.blinded:
                raise NoVerdict(self.unmeasured or f"{measure.name} was not evaluated on {recipe.id} without {part}")
            return self.blinded[measure.name, part, recipe]

        return what_it_reads(self.zoo, self._rows(measure), blinded)

    def values(self, measure: Measure, condition: Condition) -> dict[Recipe, float | None]:
        """The measure's value on each model of the condition's twins; None where it has none."""
        self._check_trained()
        row = self._rows(measure)
        return {recipe: row(recipe).value for recipe in recipes(self.zoo, [condition])}

    def model(self, recipe: Recipe) -> Recipe:
        """The recipe, whose model is in the store."""
        self._check_trained()
        self.outcome(recipe)
        return recipe

    def outcome(self, recipe: Recipe) -> Outcome:
        """What the training of the model achieved."""
        if recipe not in self.models:
            raise NoVerdict(f"{recipe.id} was not asked for")
        return self.models[recipe].outcome

    def _rows(self, measure: Measure) -> Rows:
        if measure.name in self.crashed:
            raise NoVerdict(f"{measure.name} has no verdict: {self.crashed[measure.name].reason}")

        def row(recipe: Recipe) -> Row:
            if (measure.name, recipe) not in self.rows:
                raise NoVerdict(self.unmeasured or f"{measure.name} was not evaluated on {recipe.id}")
            return self.rows[measure.name, recipe]

        return row

    def _check_trained(self) -> None:
        if self.untrained:
            raise NoVerdict(self.untrained)
