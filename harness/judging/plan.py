"""What the suites of a run ask for, before anything is trained or measured."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from harness.evaluation.probe import Probe
from harness.judging.questions import QUESTIONS
from harness.judging.questions.question import Question
from harness.training.recipe import Condition, Recipe
from harness.zoo.zoo import Zoo, recipes, twins
from measures.registry import Measure


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What is asked on one zoo: conditions of the gate, questions and probes, each with the measures to be judged.

    `gate` asks for verdicts, where the models of the condition fit their training sets; `values` for the measures'
    values on a condition's models, whether they fit or not. `blinded` are asked what they read (reads.py), for which
    they have to have values on the gate's models. Without measures the models alone are wanted.
    """

    zoo: Zoo
    gate: Mapping[Condition, Sequence[Measure]] = dataclasses.field(default_factory=dict)
    values: Mapping[Condition, Sequence[Measure]] = dataclasses.field(default_factory=dict)
    questions: Sequence[tuple[Question, Sequence[Measure]]] = ()
    probes: Sequence[tuple[Probe, Sequence[Measure]]] = ()
    blinded: Sequence[Measure] = ()

    @property
    def nothing(self) -> bool:
        return not (self.gate or self.values or self.questions or self.probes or self.blinded)


def all_recipes(zoo: Zoo) -> list[Recipe]:
    """Every model that the gate and the questions ask for."""
    found = recipes(zoo, zoo.gate)
    for question in QUESTIONS:
        found += question.recipes(zoo)
    return list(dict.fromkeys(found))


def measures_to_judge(plan: Plan) -> list[Measure]:
    """The measures that are to be evaluated on the zoo's networks, each once; not those that only probes ask about."""
    asked = [*plan.gate.values(), *plan.values.values(), *(some for _, some in plan.questions), plan.blinded]
    return [*{measure.name: measure for some in asked for measure in some}.values()]


def without(plan: Plan, names: Collection[str]) -> Plan:
    """The plan without these measures."""

    def left(some: Sequence[Measure]) -> list[Measure]:
        return [measure for measure in some if measure.name not in names]

    return dataclasses.replace(
        plan,
        gate={condition: left(some) for condition, some in plan.gate.items()},
        values={condition: left(some) for condition, some in plan.values.items()},
        questions=[(question, left(some)) for question, some in plan.questions],
        probes=[(probe, left(some)) for probe, some in plan.probes],
        blinded=left(plan.blinded),
    )


def models_wanted(plan: Plan) -> list[Recipe]:
    """Every model that the plan needs, each once."""
    wanted = models_to_judge_on(plan)
    for probe, _ in plan.probes:
        wanted += probe.recipes(plan.zoo)
    return [*dict.fromkeys(wanted)]


def models_to_judge_on(plan: Plan) -> list[Recipe]:
    """Those of the conditions and questions, which a record describes; not those that only probes look at."""
    conditions = [*dict.fromkeys([*plan.gate, *plan.values, *(plan.zoo.gate if plan.blinded else ())])]
    wanted = recipes(plan.zoo, conditions) if conditions else []
    for question, _ in plan.questions:
        wanted += question.recipes(plan.zoo)
    return [*dict.fromkeys(wanted)]


def repeated(zoo: Zoo) -> list[Recipe]:
    """One natural model of every unit: there each measure must give the same value twice."""
    every = [twin for condition in zoo.gate[:1] for twin in twins(zoo, condition)]
    first = {(twin.natural.data_set, twin.natural.network): twin.natural for twin in every[::-1]}
    return [*first.values()]
