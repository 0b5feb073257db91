"""How models come to be in the store: what is missing is trained, in worker processes, and waited for."""

import collections
import contextlib
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.executors import run_anywhere
from harness.private_folder import sweep
from harness.progress import Say, progress_bar
from harness.recipe import Recipe
from harness.settings import Settings
from harness.train_jobs import GroupJob, TrainJob, train_group_job, train_job
from harness.workers import ATTEMPTS, Limits

if TYPE_CHECKING:
    from harness.store import Entry, Store

TOGETHER = 32  # networks of one recipe, where a device is bound by launching kernels
VISIBLE_SECONDS = 60.0  # how long NFS by default believes that a name is not there (acdirmax)
SECONDS_BETWEEN_LOOKS = 0.2
NAMED = 5  # models that failed which a sentence names

Stored = Callable[[Recipe], None]


def build(
    wanted: Iterable[Recipe],
    settings: Settings,
    say: Say = print,
    progress: bool = True,
    stored: Stored = lambda recipe: None,
    executor: Executor | None = None,
) -> dict[Recipe, "Entry"]:
    """The store's entries for the recipes; what is missing or damaged is trained first, in worker processes.

    They run on the `executor` (executors.py), by default where the settings say. `stored` is called with each recipe
    as soon as its model is in the store. Another run on the same store may be training some of them: those are waited
    for, not trained twice. A training that is lost (its process dies, comes above its memory, is silent for too long,
    or raises) is tried twice more; the others go on whatever becomes of it.

    Raises HarnessError, when all others are in the store, with the names of those that could not be trained; and at
    once where something has to be done first (data that are not there, a disk that is full).
    """
    from harness.store import Damaged, store_of

    store = store_of(settings)
    entries: dict[Recipe, Entry] = {}
    missing: collections.deque[Recipe] = collections.deque()
    wanted = dict.fromkeys(wanted)  # an iterator is read once, a recipe that is named twice is one model
    for recipe in wanted:
        try:
            entry = store.find(recipe)
        except Damaged as damage:
            say(f"damaged: {damage}; set aside as {store.set_aside(recipe)}, training it again")
            entry = None
        if entry is None:
            missing.append(recipe)
        else:
            entries[recipe] = entry
            stored(recipe)
    if not missing:
        return entries
    sweep(store.temporary)
    try:
        if settings.device.startswith("cuda"):
            _train_groups(missing, settings, say, progress, stored, executor)
        failed = _train_missing(missing, settings, say, progress, stored, executor)
    finally:
        sweep(store.temporary)  # of workers that were killed, after Ctrl-C too
    if failed:
        raise HarnessError(_failures(failed, settings))
    on_others = executor is not None or settings.dask is not None
    for recipe in wanted:
        if recipe not in entries:
            try:
                entry = _seen(store, recipe, VISIBLE_SECONDS if on_others else 0.0)
            except Damaged as damage:
                raise HarnessError(f"damaged as soon as stored: {damage}; is the disk all right?") from damage
            if entry is None:
                raise HarnessError(f"{recipe.id} is gone from {settings.cache_dir}; was it removed? run again")
            entries[recipe] = entry
    return entries


def _seen(store: "Store", recipe: Recipe, seconds: float) -> "Entry | None":
    """The entry of a model that was published; on a network file system another machine sees it after a while."""
    deadline = time.monotonic() + seconds
    while (entry := store.find(recipe)) is None and time.monotonic() < deadline:
        store.list_anew(recipe)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return entry


def _train_missing(
    missing: collections.deque[Recipe],
    settings: Settings,
    say: Say,
    progress: bool,
    stored: Stored,
    executor: Executor | None,
) -> dict[Recipe, str]:
    """Train them, each in at most ATTEMPTS attempts; those that failed, and how the last attempt ended."""
    lost: collections.Counter[Recipe] = collections.Counter()
    failed: dict[Recipe, str] = {}
    waiting = False
    bar = progress_bar("training", len(missing), "models", progress)

    def next_job() -> TrainJob | None:
        if not missing:
            return None
        recipe = missing.popleft()
        return TrainJob(recipe, settings, 1 + lost[recipe])

    limits = Limits(settings.training_timeout, settings.worker_memory)
    events = run_anywhere(train_job, next_job, settings, limits, executor)
    with bar, contextlib.closing(events):
        for event in events:
            recipe = event.job.recipe
            if event.kind == "report":
                bar.set_postfix_str(event.payload, refresh=sys.stderr.isatty())
                bar.update(0)  # where nobody watches, a line when one is due
            elif event.kind == "done" and event.payload is not None:
                bar.set_postfix_str("", refresh=False)
                bar.update()
                stored(recipe)
            elif event.kind == "done":
                missing.append(recipe)  # another run is training it; look again after the others
                if not waiting and len(missing) == 1:
                    say(f"waiting for another run that is training {recipe.id}")
                    waiting = True
            elif event.kind == "refused":
                raise HarnessError(event.payload)
            else:
                lost[recipe] += 1
                how = _how(event.payload)
                if lost[recipe] < ATTEMPTS:
                    say(f"training {recipe.id} was lost: {how}; attempt {1 + lost[recipe]} of {ATTEMPTS} follows")
                    missing.append(recipe)
                else:
                    say(f"training {recipe.id} failed {ATTEMPTS} times: {event.payload}")
                    failed[recipe] = how
    return failed


def _how(payload: str) -> str:
    """The last line of a traceback; what is none has but one."""
    return payload.rstrip().rpartition("\n")[2]


def _failures(failed: dict[Recipe, str], settings: Settings) -> str:
    named = "; ".join(f"{recipe.id} ({how})" for recipe, how in [*failed.items()][:NAMED])
    more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    return (
        f"training failed {ATTEMPTS} times: {named}{more}. All others are stored under {settings.cache_dir}. Is there "
        "too little memory? fewer --workers need less"
    )


def _train_groups(
    missing: collections.deque[Recipe],
    settings: Settings,
    say: Say,
    progress: bool,
    stored: Stored,
    executor: Executor | None,
) -> None:
    """Train together what can be, and take it from `missing`; what does not succeed so is left to be trained alone."""
    from harness.together import groups

    waiting = collections.deque(tuple(group) for group in groups(missing, TOGETHER) if len(group) > 1)

    def next_job() -> GroupJob | None:
        return GroupJob(waiting.popleft(), settings) if waiting else None

    limits = Limits(settings.training_timeout, settings.worker_memory)
    events = run_anywhere(train_group_job, next_job, settings, limits, executor, workers=1)  # one fills the device
    with progress_bar("training together", sum(map(len, waiting)), "models", progress) as bar:
        with contextlib.closing(events):
            for event in events:
                if event.kind == "report":
                    bar.set_postfix_str(event.payload, refresh=sys.stderr.isatty())
                    bar.update(0)
                elif event.kind == "done":
                    for receipt in event.payload:
                        missing.remove(receipt.recipe)
                        stored(receipt.recipe)
                        bar.update()
                elif event.kind == "refused":
                    raise HarnessError(event.payload)
                else:
                    say(
                        f"training {len(event.job.recipes)} like {event.job.recipes[0].id} together failed: "
                        f"{event.payload}; each is trained alone"
                    )
