"""How models come to be in the store: what is missing is trained, in worker processes, and waited for."""

import collections
import contextlib
import dataclasses
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from harness.errors import HarnessError
from harness.files.private_folder import sweep
from harness.settings import Settings
from harness.training.recipe import Recipe
from harness.workers.pool import EventKind, Limits, warm_up
from harness.workers.progress import Say, progress_bar
from harness.workers.retrying import ATTEMPTS, Loss, Retries, run_retrying
from harness.zoo.train_jobs import GroupJob, TrainJob, train_group_job, train_job

if TYPE_CHECKING:
    from harness.store.store import Store, StoredModel

GROUP_SIZE = 32  # networks of one recipe, where a device is bound by launching kernels
VISIBLE_SECONDS = 60.0  # how long NFS by default believes that a name is not there (acdirmax)
SECONDS_BETWEEN_LOOKS = 0.2
NAMED = 5  # models that failed which a sentence names
LOST: tuple[EventKind, ...] = ("died", "silent", "raised")  # kinds of events that lose a training

Stored = Callable[[Recipe], None]


def build(
    wanted: Iterable[Recipe],
    settings: Settings,
    say: Say = print,
    progress: bool = True,
    stored: Stored = lambda recipe: None,
    executor: Executor | None = None,
) -> dict[Recipe, "StoredModel"]:
    """The recipes' stored models; what is missing or damaged is trained first, in worker processes.

    They run on the `executor` (executors.py), by default where the settings say. `stored` is called with each recipe
    as soon as its model is in the store. Another run on the same store may be training some of them: those are waited
    for, not trained twice. A training that is lost (its process dies, uses more memory than it may, is silent for too
    long, or raises) is tried twice more; the others go on whatever becomes of it.

    Raises HarnessError, when all others are in the store, with the names of those that could not be trained; and at
    once where something has to be done first (data that are not there, a disk that is full).
    """
    from harness.store.store import store_of

    store = store_of(settings)
    recipes = [*dict.fromkeys(wanted)]  # an iterator is read once, a recipe that is named twice is one model
    there = _look_up(recipes, store, say, stored)
    missing = [recipe for recipe in recipes if recipe not in there]
    if not missing:
        return there
    run = _TrainingRun(settings, say, progress, stored, executor)
    if executor is None and settings.dask is None:
        warm_up(long_training=True)
    sweep(store.temporary)
    try:
        grouped = _train_groups(missing, run) if settings.device.startswith("cuda") else set()
        failed = _train_alone([recipe for recipe in missing if recipe not in grouped], run)
    finally:
        sweep(store.temporary)  # of workers that were killed, after Ctrl-C too
    if failed:
        raise HarnessError(_failures(failed, settings))
    remote = executor is not None or settings.dask is not None
    trained = {recipe: _find_published(store, recipe, VISIBLE_SECONDS if remote else 0.0) for recipe in missing}
    return there | trained


@dataclasses.dataclass(frozen=True)
class _TrainingRun:
    """What the two ways to train have in common: where it runs, and who hears of it."""

    settings: Settings
    say: Say
    progress: bool
    stored: Stored
    executor: Executor | None

    @property
    def limits(self) -> Limits:
        return Limits(self.settings.training_timeout, self.settings.worker_memory)


def _look_up(recipes: Sequence[Recipe], store: "Store", say: Say, stored: Stored) -> dict[Recipe, "StoredModel"]:
    """Those that are in the store; what is damaged is set aside, and then is not."""
    from harness.store.store import Damaged

    there: dict[Recipe, StoredModel] = {}
    for recipe in recipes:
        try:
            model = store.find(recipe)
        except Damaged as damage:
            say(f"damaged: {damage}; set aside as {store.set_aside(recipe)}, training it again")
            continue
        if model is not None:
            there[recipe] = model
            stored(recipe)
    return there


def _find_published(store: "Store", recipe: Recipe, seconds: float) -> "StoredModel":
    """A model that was published; on a network file system another machine may see it only after so many seconds."""
    from harness.store.store import Damaged

    deadline = time.monotonic() + seconds
    try:
        while (model := store.find(recipe)) is None:
            if time.monotonic() >= deadline:
                raise HarnessError(f"{recipe.id} is gone from {store.cache_dir}; was it removed? run again")
            store.refresh(recipe)
            time.sleep(SECONDS_BETWEEN_LOOKS)
    except Damaged as damage:
        raise HarnessError(f"damaged as soon as stored: {damage}; is the disk all right?") from damage
    return model


def _train_alone(recipes: Sequence[Recipe], run: _TrainingRun) -> dict[Recipe, str]:
    """Train each in a job of its own; those that failed, and how their last attempt ended."""
    jobs = collections.deque(TrainJob(recipe, run.settings) for recipe in recipes)
    retries = Retries(
        again=lambda job: jobs.append(dataclasses.replace(job, attempt=job.attempt + 1)),
        suspect=lambda job: job.recipe,
        lost=LOST,
    )
    failed: dict[Recipe, str] = {}
    waiting = False
    next_job = _popped_from(jobs)
    events = run_retrying(train_job, next_job, run.settings, run.limits, retries, run.executor)
    with progress_bar("training", len(jobs), "models", run.progress) as bar, contextlib.closing(events):
        for event in events:
            recipe = event.job.recipe
            if isinstance(event, Loss):
                run.say(_in_words(event))
                if event.final:
                    failed[recipe] = _last_line(event.how)
            elif event.kind == "report":
                _show(bar, event.payload)
            elif event.payload is None:
                jobs.append(event.job)  # another run is training it; look again after the others
                if not waiting and len(jobs) == 1:
                    run.say(f"waiting for another run that is training {recipe.id}")
                    waiting = True
            else:
                bar.set_postfix_str("", refresh=False)
                bar.update()
                run.stored(recipe)
    return failed


def _train_groups(recipes: Sequence[Recipe], run: _TrainingRun) -> set[Recipe]:
    """Train together what can be; which are in the store now. What does not succeed is left to be trained alone."""
    from harness.training.group_training import groups

    together = [tuple(group) for group in groups(recipes, GROUP_SIZE) if len(group) > 1]
    jobs = collections.deque(GroupJob(group, run.settings) for group in together)
    never = Retries(again=jobs.append, suspect=lambda job: job.recipes, lost=LOST, hopeless=lambda event: True)
    done: set[Recipe] = set()
    events = run_retrying(
        train_group_job,
        _popped_from(jobs),
        run.settings,
        run.limits,
        never,
        run.executor,
        workers=1,  # one fills the device
    )
    with progress_bar("training together", sum(map(len, together)), "models", run.progress) as bar:
        with contextlib.closing(events):
            for event in events:
                if isinstance(event, Loss):
                    run.say(
                        f"training {len(event.job.recipes)} like {event.job.recipes[0].id} together failed: "
                        f"{event.how}; each is trained alone"
                    )
                elif event.kind == "report":
                    _show(bar, event.payload)
                else:
                    for published in event.payload:
                        done.add(published.recipe)
                        run.stored(published.recipe)
                        bar.update()
    return done


def _popped_from(jobs: collections.deque[Any]) -> Callable[[], Any | None]:
    return lambda: jobs.popleft() if jobs else None


def _show(bar: "tqdm[Any]", report: str) -> None:
    bar.set_postfix_str(report, refresh=sys.stderr.isatty())
    bar.update(0)  # where nobody watches, a line when one is due


def _in_words(loss: Loss) -> str:
    name = loss.job.recipe.id
    if loss.final:
        return f"training {name} failed {ATTEMPTS} times: {loss.how}"
    return f"training {name} was lost: {_last_line(loss.how)}; attempt {loss.attempt + 1} of {ATTEMPTS} follows"


def _last_line(text: str) -> str:
    """Of a traceback; how a process ended is one line."""
    return text.rstrip().rpartition("\n")[2]


def _failures(failed: dict[Recipe, str], settings: Settings) -> str:
    named = "; ".join(f"{recipe.id} ({how})" for recipe, how in [*failed.items()][:NAMED])
    more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    return (
        f"training failed {ATTEMPTS} times: {named}{more}. All others are stored under {settings.cache_dir}. Is there "
        "too little memory? fewer --workers need less"
    )
