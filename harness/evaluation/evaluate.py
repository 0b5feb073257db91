"""Rows for measures x models: a model at a time, so that measures share what is computed from it.

The work is done in worker processes (evaluate_job.py). A measure that raises, returns something that is not a finite
number, changes what it was given, hangs or kills its process gets that as its row, and the others go on.
"""

import collections
import contextlib
import dataclasses
import random
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from harness.calling.reading import Reading
from harness.errors import HarnessError
from harness.evaluation.evaluate_job import EvaluateJob, Lost, Printed, evaluate_job
from harness.evaluation.load_model import TrainedAgain
from harness.evaluation.measure_reference import MeasureReference, reference_to
from harness.evaluation.rows import Row, RowCache
from harness.evaluation.strangers import Unusable
from harness.settings import Settings
from harness.training.recipe import Recipe
from harness.workers.pool import Event, Limits
from harness.workers.progress import Say, progress_bar
from harness.workers.retrying import ATTEMPTS, Loss, Retries, run_retrying
from measures.registry import Measure

if TYPE_CHECKING:
    from harness.store.store import StoredModel

MOST_LOSSES = 3  # models on which a measure may hang or end its process before the others are not tried


def evaluate(
    measures: Sequence[Measure],
    models: dict[Recipe, "StoredModel"],
    repeated: Iterable[Recipe],
    settings: Settings,
    say: Say = print,
    progress: bool = True,
    executor: Executor | None = None,
    printed: set[str] | None = None,
) -> dict[tuple[str, Recipe], Row]:
    """A row for every measure on every model, from the row cache where it holds, else computed and cached.

    On the models in `repeated` every measure is computed twice and must give the same value. A measure that is out
    of time on a model, or ends its process there three times, gets that as its row; on three models, and it is not
    asked about the remaining ones, where it would take all that time again. The work is done on the `executor`
    (executors.py), by default where the settings say. What a measure prints is said once, unless its name is among the
    `printed`, where it then is. A model that is damaged is trained again, and `models` then has
    what is stored now.

    Raises HarnessError, when all other values are computed, if a model could not be loaded.
    """
    usable = [measure for measure in measures if not isinstance(measure.function, Unusable)]
    references = {measure.name: reference_to(measure) for measure in usable}  # as it is now, for the whole run
    cache = _Cache(measures, references, settings, say)
    rows = {
        (measure.name, recipe): cache.unusable(measure.name, measure.function, recipe, stored)
        for measure in measures
        if isinstance(measure.function, Unusable)
        for recipe, stored in models.items()
    }
    missing: collections.deque[tuple[Recipe, list[Measure]]] = collections.deque()
    for recipe, stored in models.items() if usable else ():
        known = cache.known_rows(recipe, stored)
        rows |= {(name, recipe): row for name, row in known.items()}
        if pending := [measure for measure in usable if measure.name not in known]:
            missing.append((recipe, pending))
    random.SystemRandom().shuffle(missing)  # which model comes when must tell a measure nothing
    calls = _Calls(missing, references, set(repeated), settings)
    total = sum(len(pending) for _, pending in missing)
    bar = progress_bar("evaluating", total, "rows", progress and bool(missing))
    with bar, contextlib.closing(_read_all(calls, models, Shown(say, printed), executor)) as readings:
        for name, recipe, reading in readings:
            rows[name, recipe] = cache.keep(name, recipe, models[recipe], reading)
            bar.update()
    return rows


class _Cache:
    """The rows on disk of some measures as they are now; where they cannot be written, that is said once."""

    def __init__(
        self,
        measures: Sequence[Measure],
        references: Mapping[str, MeasureReference],
        settings: Settings,
        say: Say,
    ):
        self.measures = {measure.name: measure for measure in measures}
        self.sources = {measure.name: "" for measure in measures} | {
            name: each.source_sha256 for name, each in references.items()
        }
        self.files = RowCache(settings.cache_dir)
        self.say, self.full = say, False
        self.rows, damaged = self.files.read(name for name, source in self.sources.items() if source)
        if damaged:
            say(
                f"damaged: {damaged} cached rows under {self.files.folder} were altered or cut short; computing them "
                "again"
            )

    def known_rows(self, recipe: Recipe, stored: "StoredModel") -> dict[str, Row]:
        """The rows that hold for this model, by the measure's name."""
        found = {}
        for name, measure in self.measures.items():
            address = (name, measure.version, self.sources[name], recipe.key, stored.weights_sha256)
            if address in self.rows:
                found[name] = self.rows[address]
        return found

    def keep(self, name: str, recipe: Recipe, stored: "StoredModel", reading: Reading) -> Row:
        """The reading with its address, written to the disk."""
        row = self._row(name, recipe, stored, reading)
        if not self.sources[name]:
            return row  # its source is in no file
        try:
            self.files.append(row)
        except OSError as cause:
            if not self.full:
                why = cause.strerror or cause
                self.say(f"rows cannot be kept under {self.files.folder} ({why}): they serve this run alone")
            self.full = True
        return row

    def unusable(self, name: str, function: Unusable, recipe: Recipe, stored: "StoredModel") -> Row:
        """The row of a measure that cannot be imported."""
        return self._row(name, recipe, stored, Reading("error", None, function.problem, 0.0))

    def _row(self, name: str, recipe: Recipe, stored: "StoredModel", reading: Reading) -> Row:
        return Row(
            measure=name,
            version=self.measures[name].version,
            source_sha256=self.sources[name],
            recipe=recipe.key,
            weights_sha256=stored.weights_sha256,
            **dataclasses.asdict(reading),
        )


class _Calls:
    """Which measures have still to be called on which models, and which one each worker is calling."""

    def __init__(
        self,
        waiting: collections.deque[tuple[Recipe, list[Measure]]],
        references: Mapping[str, MeasureReference],
        repeated: set[Recipe],
        settings: Settings,
    ):
        self.waiting, self.references, self.repeated, self.settings = waiting, references, repeated, settings
        self.left: dict[Recipe, list[Measure]] = {}  # on the models that workers are at
        self.current: dict[Recipe, str | None] = {}  # the measure that is being called; None: the model is being loaded
        self.losses: collections.Counter[str] = collections.Counter()  # models on which a measure was lost
        self.given_up: dict[str, Reading] = {}  # measures that are not called any more, and what their rows say

    def next_job(self) -> EvaluateJob | None:
        if not self.waiting:
            return None
        recipe, measures = self.waiting.popleft()
        self.left[recipe], self.current[recipe] = measures, None
        asked = tuple(self.references[measure.name] for measure in measures)
        return EvaluateJob(recipe, asked, recipe in self.repeated, self.settings)

    def suspect(self, job: EvaluateJob) -> tuple[Recipe, str | None]:
        return job.recipe, self.current[job.recipe]

    def is_hanging(self, event: Event) -> bool:
        """Whether a measure was silent: it had all its time, and would take as long again."""
        return event.kind == "silent" and self.current[event.job.recipe] is not None

    def put_back(self, job: EvaluateJob) -> None:
        """Have the measures that are left called on the job's model, by the next worker that is free."""
        if self.left[job.recipe]:
            self.waiting.appendleft((job.recipe, self.left[job.recipe]))

    def done(self, name: str, recipe: Recipe) -> None:
        self.current[recipe] = None
        self.left[recipe] = [measure for measure in self.left[recipe] if measure.name != name]

    def lost(self, name: str, recipe: Recipe, reading: Reading) -> None:
        """This is the measure's reading there; after MOST_LOSSES it is given up."""
        self.done(name, recipe)
        self.losses[name] += 1
        if self.losses[name] >= MOST_LOSSES:
            self.given_up[name] = dataclasses.replace(reading, reason=f"not evaluated: {reading.reason}")

    def drop_given_up(self) -> Iterator[tuple[str, Recipe, Reading]]:
        """Readings for the calls that wait, of measures that were given up; they are not made."""
        if not self.given_up:
            return
        waiting, self.waiting = self.waiting, collections.deque()
        for recipe, measures in waiting:
            dropped = [measure.name for measure in measures if measure.name in self.given_up]
            if left := [measure for measure in measures if measure.name not in dropped]:
                self.waiting.append((recipe, left))
            yield from ((name, recipe, self.given_up[name]) for name in dropped)


def _read_all(
    calls: _Calls, models: dict[Recipe, "StoredModel"], shown: "Shown", executor: Executor | None
) -> Generator[tuple[str, Recipe, Reading], None, None]:
    """Each reading as soon as it is there: the measure's name, the model's recipe, and what came of the call."""
    settings = calls.settings
    limits = Limits(settings.measure_timeout, settings.worker_memory)
    retries = Retries(again=calls.put_back, suspect=calls.suspect, hopeless=calls.is_hanging)
    unreadable: dict[Recipe, str] = {}
    events = run_retrying(evaluate_job, calls.next_job, settings, limits, retries, executor)
    with contextlib.closing(events):
        for event in events:
            recipe = event.job.recipe
            if isinstance(event, Loss):
                name = calls.current[recipe]
                if event.final and name is None:
                    unreadable[recipe] = event.how
                elif event.final and name is not None:
                    reading = _reading_of_loss(event, settings)
                    calls.lost(name, recipe, reading)
                    calls.put_back(event.job)
                    yield name, recipe, reading
                yield from calls.drop_given_up()
            elif event.kind == "raised":
                failed = Reading("error", None, _of_exception(event.payload, recipe), 0.0, event.payload)
                yield from ((measure.name, recipe, failed) for measure in calls.left[recipe])
            elif isinstance(event.payload, Lost):
                calls.lost(event.payload.name, recipe, event.payload.reading)
                yield event.payload.name, recipe, event.payload.reading
                yield from calls.drop_given_up()
            elif isinstance(event.payload, Printed):
                shown.show(event.payload)
            elif isinstance(event.payload, TrainedAgain):
                shown.say(event.payload.text)
                models[recipe] = event.payload.stored
            elif isinstance(event.payload, str):
                calls.current[recipe] = event.payload
            elif event.kind == "report":
                name, reading = event.payload
                calls.done(name, recipe)
                yield name, recipe, reading
    if unreadable:
        raise HarnessError(_unreadable(unreadable))


def _reading_of_loss(loss: Loss, settings: Settings) -> Reading:
    name = loss.job.recipe.id
    if loss.kind == "silent":
        limit = settings.measure_timeout
        return Reading("timeout", None, f"no value for {name} within {limit:g} s (--measure-timeout)", limit)
    return Reading("error", None, f"it ended its process {ATTEMPTS} times, last on {name}: {loss.how}", 0.0)


class Shown:
    """What measures print is shown once each; `names` are those of which it was."""

    def __init__(self, say: Say, names: set[str] | None = None):
        self.say, self.names = say, set[str]() if names is None else names

    def show(self, printed: Printed) -> None:
        if printed.name not in self.names:
            self.say(f"{printed.name} printed, on the first model that it was called on:\n{printed.text.rstrip()}")
        self.names.add(printed.name)


def _of_exception(trace: str, recipe: Recipe) -> str:
    """What is said of an exception outside any measure, by its traceback."""
    cause = trace.strip().splitlines()[-1].removeprefix("harness.store.store.")
    return f"it could not be evaluated on {recipe.id}: {cause}"


def _unreadable(models: Mapping[Recipe, str]) -> str:
    named = "; ".join(f"{recipe.id} ({how})" for recipe, how in models.items())
    return f"could not be loaded in {ATTEMPTS} attempts, while all other values were computed: {named}"
