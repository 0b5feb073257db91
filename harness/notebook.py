"""The front door for notebooks: a measure in, a result that shows itself out.

from harness import judge

result = judge(my_measure, zoo="digits")
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import torch

from harness.checklist import Finding
from harness.errors import HarnessError, NoVerdict
from harness.estimate import estimate
from harness.evaluate import Job, MeasureReference, Reading, evaluate_model
from harness.judging import Judging
from harness.measure_lookup import find_measures
from harness.notebook_view import as_html, as_text
from harness.progress import progress_bar
from harness.questions import QUESTIONS
from harness.questions.question import Question
from harness.recipe import Condition, Recipe
from harness.rows import Row
from harness.settings import Settings, make_settings
from harness.verdict import Verdict
from harness.workers import warm_up
from harness.zoo import GATE, find_zoo, pinned, recipes
from measures._registry import Measure, RegistrationError, measure_of

if TYPE_CHECKING:
    from harness.trained_model import TrainedModel


@dataclasses.dataclass(frozen=True)
class Value:
    """The measure on one model of the gate: its value, or None and the reason. Natural models have `true_labels`."""

    network: str
    seed: int
    condition: Condition
    value: float | None
    reason: str


@dataclasses.dataclass(frozen=True, repr=False)
class Judgement:
    """What became of a measure: a verdict for each condition of the gate, its values, and the answers to questions.

    Printed it is the table and the sentence of the terminal; a notebook shows a table and a figure of the values.
    `findings` are by question and answer, and empty if they were not asked for.
    """

    measure: str
    zoo: str
    verdicts: dict[Condition, Verdict]
    values: tuple[Value, ...]
    findings: dict[str, dict[str, Finding]]

    @property
    def passes(self) -> bool:
        """Does it separate under every condition of the gate?"""
        return all(verdict.passes for verdict in self.verdicts.values())

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)


def judge(
    measure: "str | Measure | Callable[[TrainedModel], float]",
    zoo: str = "digits",
    *,
    findings: bool = False,
    cache_dir: str | None = None,
    data_dir: str | None = None,
    workers: int | None = None,
    device: str = "cpu",
    dask: str | None = None,
) -> Judgement:
    """Judge a measure by the gate; with `findings`, ask what it really sees as well. Missing models are trained first.

    The measure is a name (or `path/file.py::function`), a function under @measure, or any function of a trained model.
    A name, and a function under @measure in a module, go to worker processes, and their values are kept. No other
    process can import a notebook's function, so it is called in this one: the same checks, but no timeout, and
    nothing between it and the kernel if it hangs or ends its process. Its values are not kept.

    Raises HarnessError for an unknown measure or zoo, a function of another signature, or models that did not fit.
    """
    entry = _measure(measure)
    chosen = find_zoo(zoo)
    settings = make_settings(cache_dir, data_dir, device, workers, dask=dask)
    warm_up()
    judging = Judging(zoo=pinned(chosen, settings), measures=[entry], settings=settings, say=print)
    questions = QUESTIONS if findings else ()
    if text := estimate(judging, True, questions):
        print(text, flush=True)
    importable = _is_importable(entry)
    asked = [entry] if importable else []  # by workers
    judging.prepare(GATE, asked, [], [(question, asked) for question in questions])
    try:
        if problems := [each for condition in GATE for each in judging.unfitted(condition)]:
            raise HarnessError(f"no verdict on {entry.name}: {problems[0]}")
        if not importable:
            judging.rows |= _evaluate_here(entry, judging, questions)
        verdicts = {condition: judging.verdict(entry, condition) for condition in GATE}
    except NoVerdict as problem:
        raise HarnessError(str(problem)) from problem
    return Judgement(
        measure=entry.name,
        zoo=judging.zoo.name,
        verdicts=verdicts,
        values=tuple(_value(recipe, judging.rows[entry.name, recipe]) for recipe in recipes(judging.zoo, GATE)),
        findings={question.name: _answers(judging, entry, question) for question in questions},
    )


def _measure(given: object) -> Measure:
    if isinstance(given, Measure):
        return given
    if isinstance(given, str):
        found = find_measures([given])
        if len(found) != 1:
            raise HarnessError(f"{given!r} names {len(found)} measures; judge takes one")
        return found[0]
    if not callable(given):
        raise HarnessError(f"judge got {given!r:.60}; expected a measure's name or a function of one trained model")
    try:
        return measure_of(given, source="a function in a notebook")
    except RegistrationError as problem:
        raise HarnessError(str(problem)) from problem


def _is_importable(measure: Measure) -> bool:
    """Can another process find it? Not what was given undecorated, or defined in a cell or inside a function."""
    from measures._registry import registered

    local = "<locals>" in measure.function.__qualname__
    return registered.get(measure.name) is measure and measure.origin != "__main__" and not local


def _evaluate_here(measure: Measure, judging: Judging, questions: Iterable[Question]) -> dict[tuple[str, Recipe], Row]:
    """A row for the measure on every model that will be asked about, computed in this process as in a worker."""
    held = [question for question in questions if not judging.premise(question)]
    wanted = dict.fromkeys(
        [*recipes(judging.zoo, GATE), *(each for some in held for each in some.recipes(judging.zoo))]
    )
    repeated = judging.repeated()
    rows = {}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a worker, so that values are the same to the bit
    try:
        with progress_bar("evaluating", len(wanted), "rows", judging.progress) as bar:
            for recipe in wanted:
                reading = _read(measure, recipe, recipe in repeated, judging.settings)
                rows[measure.name, recipe] = Row(
                    measure=measure.name,
                    version=measure.version,
                    source_sha256="",  # its source is in no file
                    recipe=recipe.key,
                    weights_sha256=judging.entries[recipe].weights_sha256,
                    **dataclasses.asdict(reading),
                )
                bar.update()
    finally:
        torch.set_num_threads(threads)
    return rows


def _read(measure: Measure, recipe: Recipe, repeat: bool, settings: Settings) -> Reading:
    reported: list[tuple[str, Reading]] = []
    job = Job(recipe, (MeasureReference(measure.name, measure.origin, ""),), repeat, settings)
    evaluate_model(job, lambda reference: measure, reported.append)
    return reported[-1][1]


def _value(recipe: Recipe, row: Row) -> Value:
    return Value(recipe.network, recipe.seed, recipe.condition, row.value, row.reason)


def _answers(judging: Judging, measure: Measure, question: Question) -> dict[str, Finding]:
    found = {}
    for answer in question.answers:
        try:
            found[answer.__name__] = judging.answer(measure, question, answer)
        except NoVerdict as problem:
            found[answer.__name__] = Finding(skipped=str(problem))
    return found
