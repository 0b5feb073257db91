"""What a worker does to evaluate measures on one model: load it, call each, and see that nothing else was changed."""

import contextlib
import dataclasses
import io
import math
from collections.abc import Callable, Iterator

from harness.calling.call import call_watched, make_ready
from harness.calling.purity import Witness
from harness.calling.reading import Reading
from harness.calling.sealed_measure import SealedFunction
from harness.evaluation.blinding import Blinded
from harness.evaluation.load_model import CannotBeHandedOut, load_received
from harness.evaluation.measure_reference import MeasureReference, referenced
from harness.settings import Settings
from harness.training.recipe import Recipe
from harness.workers.worker_process import Report
from harness.zoo.checkpoints.reference import CheckpointReference
from harness.zoo.opening import reopen
from measures.registry import Measure, NotApplicable
from measures.trained_model import TrainedModel

SENT = "<dynamic-code>"  # cloudpickle's name for the file of a function
MOST_PRINTED = 4000  # characters that are shown


@dataclasses.dataclass(frozen=True)
class EvaluateJob:
    """Some measures on one model.

    `repeat` calls each again, in the opposite order, on the model read from disk a second time: it must give the same.
    """

    recipe: Recipe
    measures: tuple[MeasureReference, ...]
    repeat: bool
    settings: Settings

    @property
    def needs(self) -> tuple[Recipe, ...]:
        """The stored models that it reads."""
        if isinstance(self.recipe, Blinded):
            return self.recipe.needs
        return () if isinstance(self.recipe, CheckpointReference) else (self.recipe,)


@dataclasses.dataclass(frozen=True)
class Printed:
    """A report of what a measure printed."""

    name: str
    text: str


@dataclasses.dataclass(frozen=True)
class Lost:
    """A report of what came of a measure that ended its own process, each time that it was tried."""

    name: str
    reading: Reading


def evaluate_job(job: EvaluateJob, report: Report) -> None:
    """In a worker: report each measure's name before it is called, and (name, Reading) or Lost after."""
    reopen(job.settings)
    evaluate_model(job, lambda reference: referenced(reference, job.settings.worker_memory), report)


def evaluate_model(job: EvaluateJob, find: Callable[[MeasureReference], Measure], report: Report) -> None:
    """The same in any process; `find` gives a reference's measure there."""
    models = _Models(job, report)
    first: list[tuple[Measure, Reading]] = []
    for reference in job.measures:
        report(reference.name)
        measure = find(reference)
        reading, ended = _read(measure, models, report)
        if job.repeat and reading.status == "value":
            first.append((measure, reading))
        else:
            report(Lost(reference.name, reading) if ended else (reference.name, reading))
    models = _Models(job, report)
    for measure, reading in reversed(first):  # so that each finds other shared quantities there than the first time
        report(measure.name)
        second, _ = _read(measure, models, report)
        report((measure.name, _compared(reading, second, job)))


def _read(measure: Measure, models: "_Models", report: Report) -> tuple[Reading, bool]:
    """What comes of the measure on the job's model, and whether it ended its own process."""
    try:
        trained, witness = models.given_to(measure)
    except NotApplicable as reason:
        return Reading("not_applicable", None, str(reason), 0.0), False
    except CannotBeHandedOut as problem:  # to this measure; others are called on the model all the same
        return Reading("error", None, str(problem), 0.0), False
    make_ready(measure)
    report(None)  # what was before is not the measure's time
    with _printing() as printed:
        called = call_watched(measure, trained, witness)
    reading = _with_its_file(called.reading, measure)
    if said := called.printed or printed.getvalue()[:MOST_PRINTED]:
        report(Printed(measure.name, said))
    if called.changes:
        raised = [reading.reason] if reading.status == "error" else []
        reading = reading.failed("; ".join([*called.changes[:3], *raised]))
        models.forget(measure)
    return reading, called.ended


class _Models:
    """The job's model as this project's measures receive it, and as strangers' do; loaded when they are asked for."""

    def __init__(self, job: EvaluateJob, report: Report):
        self.job, self.report = job, report
        self.loaded: dict[bool, tuple[TrainedModel, Witness]] = {}

    def given_to(self, measure: Measure) -> tuple[TrainedModel, Witness]:
        stranger = measure.family == "external"
        if stranger not in self.loaded:
            trained = load_received(self.job.recipe, self.job.settings, self.report, stranger)
            for _, witness in self.loaded.values():
                witness.begin_anew()  # to load a user's network may declare its class again
            self.loaded[stranger] = trained, Witness(trained)
        return self.loaded[stranger]

    def forget(self, measure: Measure) -> None:
        """The measure has changed its model. (A sealed one has changed a copy.)"""
        if not isinstance(measure.function, SealedFunction):
            del self.loaded[measure.family == "external"]


def _with_its_file(reading: Reading, measure: Measure) -> Reading:
    """What a function raised that was sent here, with its file: sent, it has none."""
    named = {name: getattr(reading, name).replace(SENT, str(measure.file)) for name in ("reason", "traceback")}
    return dataclasses.replace(reading, **named)


@contextlib.contextmanager
def _printing() -> Iterator[io.StringIO]:
    """What a measure of this project prints meanwhile, here; a stranger's is kept by its own process."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        yield printed


def _compared(first: Reading, again: Reading, job: EvaluateJob) -> Reading:
    """The first reading, a value, where the second is the same; else an error that says both."""
    tolerance = 0.0 if job.settings.device == "cpu" else 1e-4  # sums on accelerators may vary in order
    if again.value is not None and first.value is not None:
        if math.isclose(first.value, again.value, rel_tol=tolerance):
            return first
    second = f"{again.value!r}" if again.status == "value" else again.reason
    return first.failed(f"it is not deterministic: {first.value!r}, then {second}; draw from trained.generator() only")
