"""A notebook's function that no other process can be sent is called in this one: the same checks, no time limit."""

import contextlib
import dataclasses
from collections.abc import Iterator

import torch

from harness.calling.reading import Reading
from harness.evaluation.blinding import as_recipe
from harness.evaluation.evaluate import Shown
from harness.evaluation.evaluate_job import EvaluateJob, Printed, evaluate_model
from harness.evaluation.first_try import network_for
from harness.evaluation.measure_reference import MeasureReference
from harness.evaluation.rows import Row
from harness.judging.plan import Plan, models_to_judge_on, repeated
from harness.judging.results import Results
from harness.judging.run import Work, stand_ins_of
from harness.training.recipe import Recipe
from harness.workers.progress import progress_bar
from harness.zoo.build import build
from harness.zoo.checkpoints.own_twins import OwnTwins
from harness.zoo.zoo import Zoo
from measures.registry import Measure


def try_here(measure: Measure, zoo: Zoo, work: Work) -> Reading:
    """What it gives on one tiny network (first_try.py)."""
    network = network_for(zoo)
    if not (isinstance(zoo, OwnTwins) and network in zoo.seen):
        build([network], work.settings, work.say, progress=False)
    with _one_thread():
        return _read(measure, network, True, work, Shown(work.say, work.printed))


def measure_here(measure: Measure, plan: Plan, known: Results, work: Work, reads: bool = False) -> Results:
    """What is known, with a row for the measure on every model asked about, computed in this process as in a worker.

    `reads`: with parts hidden, too.
    """
    held = [question for question, _ in plan.questions if not known.premise(question)]
    asked = dataclasses.replace(plan, questions=[(question, ()) for question in held])
    wanted, again, shown = models_to_judge_on(asked), repeated(plan.zoo), Shown(work.say, work.printed)
    stand_ins = stand_ins_of(known) if reads else {}
    with (
        _one_thread(),
        progress_bar("evaluating", len(wanted) + len(stand_ins), "rows", show=work.progress) as bar,
    ):

        def row(recipe: Recipe, trained: Recipe) -> Row:
            reading = _read(measure, recipe, recipe in again, work, shown)
            bar.update()
            return Row(
                measure=measure.name,
                version=measure.version,
                source_sha256="",  # its source is in no file
                recipe=recipe.key,
                weights_sha256=known.models[trained].weights_sha256,
                **dataclasses.asdict(reading),
            )

        rows = {(measure.name, recipe): row(recipe, recipe) for recipe in wanted}
        blinded = {
            (measure.name, *about): row(as_recipe(stand_in), stand_in.recipe) for about, stand_in in stand_ins.items()
        }
    return dataclasses.replace(known, rows=rows, blinded=blinded)


def _read(measure: Measure, recipe: Recipe, repeat: bool, work: Work, shown: Shown) -> Reading:
    reported: list[tuple[str, Reading]] = []

    def report(payload: object) -> None:
        if isinstance(payload, Printed):
            shown.show(payload)
        elif isinstance(payload, tuple):
            reported.append(payload)

    job = EvaluateJob(recipe, (MeasureReference(measure.name, measure.origin, ""),), repeat, work.settings)
    evaluate_model(job, lambda reference: measure, report)
    return reported[-1][1]


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """As in a worker, so that values are the same to the bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
