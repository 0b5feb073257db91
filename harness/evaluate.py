"""Measures on models: a row each, a model at a time, so that measures share what is computed from it.

Runs in worker processes. A measure that raises, returns something that is not a finite number, changes what it was
given, hangs or kills its process gets that as its row, and the others go on.
"""

import collections
import contextlib
import dataclasses
import math
import multiprocessing
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from harness.errors import HarnessError
from harness.executors import run_anywhere
from harness.measure_lookup import reload_measure
from harness.progress import Say, progress_bar
from harness.purity import Witness
from harness.recipe import Recipe
from harness.rows import Row, RowCache, RowStatus
from harness.settings import Settings
from harness.source_digest import source_digest
from harness.trained_model import TrainedModel
from harness.worker_process import Report
from harness.workers import ATTEMPTS, Limits
from measures._registry import Measure, NotApplicable

if TYPE_CHECKING:
    from harness.store import Entry


MOST_LOSSES = 3  # models on which a measure may hang or end its process before the others are not tried


@dataclasses.dataclass(frozen=True)
class MeasureReference:
    """A measure as another process finds it, and the digest of the source that it has to have there."""

    name: str
    origin: str
    source_sha256: str


def reference_to(measure: Measure) -> MeasureReference:
    return MeasureReference(measure.name, measure.origin, source_digest(measure.file))


@dataclasses.dataclass(frozen=True)
class Job:
    """Some measures on one model; `repeat` computes each twice, from the files anew, to see that it repeats."""

    recipe: Recipe
    measures: tuple[MeasureReference, ...]
    repeat: bool
    settings: Settings

    @property
    def needs(self) -> tuple[Recipe, ...]:
        """The model that it reads."""
        return (self.recipe,)


@dataclasses.dataclass(frozen=True)
class Notice:
    """A report that a model was trained again: what the user is told, and its entry now."""

    text: str
    entry: "Entry"


@dataclasses.dataclass(frozen=True)
class Reading:
    """What came of calling a measure once: a row without its addresses."""

    status: RowStatus
    value: float | None
    reason: str
    seconds: float
    traceback: str = ""


def evaluate(
    measures: Sequence[Measure],
    entries: dict[Recipe, "Entry"],
    repeated: Iterable[Recipe],
    settings: Settings,
    say: Say = print,
    progress: bool = True,
    executor: Executor | None = None,
) -> dict[tuple[str, Recipe], Row]:
    """A row for every measure on every model, from the row cache where it holds, else computed and cached.

    On the models in `repeated` every measure is computed twice and must give the same value. A measure that is out
    of time on a model, or ends its process there three times, gets that as its row; on three models, and it is not
    asked about the remaining ones, where it would take all that time again. The work is done on the `executor`
    (executors.py), by default where the settings say. A model that is damaged is trained again, and its entry in
    `entries` is then the new one.

    Raises HarnessError, when all other values are computed, if a model could not be loaded.
    """
    sources = {entry.name: source_digest(entry.file) for entry in measures}
    versions = {entry.name: entry.version for entry in measures}
    cache = RowCache(settings.cache_dir)
    known, damaged = cache.read(sources)
    if damaged:
        say(f"damaged: {damaged} cached rows under {cache.folder} were altered or cut short; computing them again")

    rows: dict[tuple[str, Recipe], Row] = {}
    todo: collections.deque[tuple[Recipe, list[Measure]]] = collections.deque()
    for recipe, entry in entries.items():
        pending = []
        for measure in measures:
            address = (measure.name, measure.version, sources[measure.name], recipe.key, entry.weights_sha256)
            if address in known:
                rows[measure.name, recipe] = known[address]
            else:
                pending.append(measure)
        if pending:
            todo.append((recipe, pending))

    full: list[str] = []

    def keep(name: str, recipe: Recipe, reading: Reading) -> None:
        row = Row(
            measure=name,
            version=versions[name],
            source_sha256=sources[name],
            recipe=recipe.key,
            weights_sha256=entries[recipe].weights_sha256,
            **dataclasses.asdict(reading),
        )
        rows[name, recipe] = row
        bar.update()
        try:
            cache.append(row)
        except OSError as cause:
            if not full:
                say(f"rows cannot be kept under {cache.folder} ({cause.strerror or cause}): they serve this run alone")
            full.append(name)

    bar = progress_bar("evaluating", sum(len(pending) for _, pending in todo), "rows", progress and bool(todo))
    with bar:
        _run(todo, entries, set(repeated), settings, keep, say, executor)
    return rows


def _run(
    todo: collections.deque[tuple[Recipe, list[Measure]]],
    entries: dict[Recipe, "Entry"],
    repeated: set[Recipe],
    settings: Settings,
    keep: Any,
    say: Say,
    executor: Executor | None,
) -> None:
    condemned: dict[str, Reading] = {}
    deaths: collections.Counter[tuple[str | None, Recipe]] = collections.Counter()
    losses: collections.Counter[str] = collections.Counter()
    unreadable: dict[Recipe, str] = {}
    asked: dict[Recipe, str | None] = {}
    left: dict[Recipe, list[Measure]] = {}

    def next_job() -> Job | None:
        while todo:
            recipe, pending = todo.popleft()
            for measure in pending:
                if measure.name in condemned:
                    keep(measure.name, recipe, condemned[measure.name])
            pending = [measure for measure in pending if measure.name not in condemned]
            if pending:
                asked[recipe], left[recipe] = None, pending
                references = tuple(map(reference_to, pending))
                return Job(recipe, references, recipe in repeated, settings)
        return None

    limits = Limits(settings.measure_timeout, settings.worker_memory)
    with contextlib.closing(run_anywhere(evaluate_job, next_job, settings, limits, executor)) as events:
        for event in events:
            recipe = event.job.recipe
            if event.kind == "report" and isinstance(event.payload, Notice):
                say(event.payload.text)
                entries[recipe] = event.payload.entry
            elif event.kind == "report" and isinstance(event.payload, str):
                asked[recipe] = event.payload
            elif event.kind == "report":
                name, reading = event.payload
                asked[recipe] = None
                left[recipe] = [measure for measure in left[recipe] if measure.name != name]
                keep(name, recipe, reading)
            elif event.kind in ("died", "silent"):
                guilty = asked[recipe]
                deaths[guilty, recipe] += 1
                if guilty is None and deaths[guilty, recipe] >= ATTEMPTS:
                    unreadable[recipe] = event.payload
                    continue
                if guilty is not None and (event.kind == "silent" or deaths[guilty, recipe] >= ATTEMPTS):
                    reading = _verdict_on_lost(event.kind, event.payload, recipe, settings)
                    losses[guilty] += 1
                    if losses[guilty] >= MOST_LOSSES:
                        condemned[guilty] = dataclasses.replace(reading, reason=f"not evaluated: {reading.reason}")
                    left[recipe] = [measure for measure in left[recipe] if measure.name != guilty]
                    keep(guilty, recipe, reading)
                if left[recipe]:
                    todo.appendleft((recipe, left[recipe]))
            elif event.kind == "refused":
                raise HarnessError(event.payload)
            elif event.kind == "raised":
                raise RuntimeError(f"evaluating on {recipe.id} failed:\n{event.payload}")
    if unreadable:
        named = "; ".join(f"{recipe.id} ({how})" for recipe, how in unreadable.items())
        raise HarnessError(f"could not be loaded in {ATTEMPTS} attempts, while all other values were computed: {named}")


def _verdict_on_lost(kind: str, how: str, recipe: Recipe, settings: Settings) -> Reading:
    if kind == "silent":
        limit = settings.measure_timeout
        return Reading("timeout", None, f"no value for {recipe.id} within {limit:g} s (--measure-timeout)", limit)
    return Reading("error", None, f"it ended its process {ATTEMPTS} times, last on {recipe.id}: {how}", 0.0)


def load_model(recipe: Recipe, settings: Settings, report: Report = lambda payload: None) -> TrainedModel:
    """The stored model; a damaged one is set aside and trained again, of which a Notice is reported.

    Raises HarnessError if it is damaged then as well.
    """
    from harness.store import Damaged, store_of
    from harness.train_jobs import TrainJob, train_job

    store = store_of(settings)
    try:
        return store.load(recipe, settings.data_dir, settings.device)
    except Damaged as damage:
        text = f"damaged: {damage}; set aside as {store.set_aside(recipe)}, trained again"
    while train_job(TrainJob(recipe, settings), lambda payload: report(None)) is None:
        report(None)  # another process is training it
    try:
        trained, entry = store.load(recipe, settings.data_dir, settings.device), store.find(recipe)
    except Damaged as damage:
        raise HarnessError(f"damaged as soon as stored: {damage}; is the disk all right?") from damage
    assert entry is not None
    report(Notice(text, entry))
    return trained


def evaluate_job(job: Job, report: Report) -> None:
    """In a worker: report each measure's name before it is called, and (name, Reading) after."""
    evaluate_model(job, lambda reference: reload_measure(**vars(reference)), report)


def evaluate_model(job: Job, find: Callable[[MeasureReference], Measure], report: Report) -> None:
    """The same in any process; `find` gives a reference's measure there."""
    trained = load_model(job.recipe, job.settings, report)
    witness = Witness(trained)
    for reference in job.measures:
        report(reference.name)
        measure = find(reference)
        witness.look()
        reading = read(measure, trained)
        changes = witness.changes()
        if changes:
            raised = [reading.reason] if reading.status == "error" else []
            reason = "; ".join([*changes[:3], *raised])
            reading = dataclasses.replace(reading, status="error", value=None, reason=reason)
            trained = load_model(job.recipe, job.settings, report)
            witness = Witness(trained)
        elif job.repeat and reading.status == "value":
            fresh = load_model(job.recipe, job.settings, report)
            report(reference.name)  # the second call has the measure's time to itself
            reading = _repeated(measure, reading, fresh)
        report((reference.name, reading))


def _repeated(measure: Measure, first: Reading, fresh: TrainedModel) -> Reading:
    again = read(measure, fresh)
    tolerance = 0.0 if fresh.inputs.device.type == "cpu" else 1e-4  # sums on accelerators may vary in order
    if again.value is not None and first.value is not None:
        if math.isclose(first.value, again.value, rel_tol=tolerance):
            return first
    second = f"{again.value!r}" if again.status == "value" else again.reason
    return dataclasses.replace(
        first,
        status="error",
        value=None,
        reason=f"it is not deterministic: {first.value!r}, then {second}; draw from trained.generator() only",
    )


def read(measure: Measure, trained: TrainedModel) -> Reading:
    """Call the measure once; whatever comes of it becomes a Reading."""
    started = time.perf_counter()
    try:
        returned = measure(trained)
    except NotApplicable as reason:
        return Reading("not_applicable", None, str(reason), time.perf_counter() - started)
    except BaseException as problem:  # pytest.skip and sys.exit are none of Exception; Ctrl-C is the parent's
        if isinstance(problem, KeyboardInterrupt) and multiprocessing.parent_process() is None:
            raise  # in the user's own process it is the user's
        place = traceback.extract_tb(problem.__traceback__)[-1]
        text = f"it raised {type(problem).__name__}: {problem} ({place.filename}:{place.lineno})"
        trace = "".join(traceback.format_exception(problem))
        return Reading("error", None, text, time.perf_counter() - started, trace)
    seconds = time.perf_counter() - started
    value, problem_with_it = as_number(returned)
    if problem_with_it:
        return Reading("error", None, problem_with_it, seconds)
    return Reading("value", value, "", seconds)


def as_number(returned: object) -> tuple[float | None, str]:
    """The returned object as a finite float, or what is wrong with it."""
    if isinstance(returned, Tensor | np.ndarray) and math.prod(returned.shape) != 1:
        kind = "tensor" if isinstance(returned, Tensor) else "array"
        shape = tuple(returned.shape)
        return (
            None,
            f"it returned a {kind} of shape {shape}; a measure returns one number (did you forget .max()?)",
        )
    if isinstance(returned, Tensor | np.ndarray | np.generic):
        returned = returned.item()
    if isinstance(returned, bool) or not isinstance(returned, int | float):
        return None, f"it returned {returned!r:.60}, a {type(returned).__name__}; a measure returns one float"
    try:
        value = float(returned)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        return None, f"it returned {value}; return a finite float, or raise NotApplicable with a reason"
    return value, ""
