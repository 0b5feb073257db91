"""How models come to be in the store: what is missing is trained, in worker processes, and waited for."""

import collections
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.progress import Say, progress_bar
from harness.recipe import Recipe
from harness.settings import Settings
from harness.train_jobs import train_group_job, train_job
from harness.workers import ATTEMPTS, run_jobs

if TYPE_CHECKING:
    from harness.store import Entry

TOGETHER = 32  # networks of one recipe, where a device is bound by launching kernels


def build(
    wanted: Iterable[Recipe],
    settings: Settings,
    say: Say = print,
    progress: bool = True,
    stored: Callable[[Recipe], None] = lambda recipe: None,
) -> dict[Recipe, "Entry"]:
    """The store's entries for the recipes; what is missing or damaged is trained first, in worker processes.

    `stored` is called with each recipe as soon as its model is in the store.
    Another run on the same store may be training some of them: those are waited for, not trained twice.
    Raises HarnessError if a model cannot be trained or stored; what was trained by then stays in the store.
    """
    from harness.store import Damaged, Store

    store = Store(settings.cache_dir)
    entries: dict[Recipe, Entry] = {}
    missing: collections.deque[Recipe] = collections.deque()
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
    if missing:
        if settings.device.startswith("cuda"):
            _train_groups(missing, settings, progress, stored)
        if missing:
            _train_missing(missing, settings, say, progress, stored)
        for recipe in wanted:
            if recipe not in entries:
                try:
                    entry = store.find(recipe)
                except Damaged as damage:
                    raise HarnessError(f"damaged as soon as stored: {damage}; is the disk all right?") from damage
                if entry is None:
                    raise HarnessError(f"{recipe.id} is gone from {settings.cache_dir}; was it removed? run again")
                entries[recipe] = entry
    return entries


def _train_missing(
    missing: collections.deque[Recipe],
    settings: Settings,
    say: Say,
    progress: bool,
    stored: Callable[[Recipe], None],
) -> None:
    attempts: collections.Counter[Recipe] = collections.Counter()
    waiting = False
    bar = progress_bar("training", len(missing), "models", progress)

    def next_job() -> tuple[Recipe, Settings] | None:
        return (missing.popleft(), settings) if missing else None

    with bar:
        for event in run_jobs(train_job, next_job, settings.workers):
            recipe = event.job[0]
            if event.kind == "done" and event.payload == "stored":
                bar.set_postfix_str("", refresh=False)
                bar.update()
                stored(recipe)
            elif event.kind == "report":
                bar.set_postfix_str(event.payload, refresh=sys.stderr.isatty())
                bar.update(0)  # where nobody watches, a line when one is due
            elif event.kind == "done":
                missing.append(recipe)  # another run is training it; look again after the others
                if not waiting and len(missing) == 1:
                    say(f"waiting for another run that is training {recipe.id}")
                    waiting = True
            elif event.kind in ("died", "silent"):
                attempts[recipe] += 1
                if attempts[recipe] >= ATTEMPTS:
                    raise HarnessError(
                        f"training {recipe.id} failed {ATTEMPTS} times: {event.payload}; "
                        "is there too little memory? fewer --workers need less"
                    )
                missing.append(recipe)
            elif event.kind == "refused":
                raise HarnessError(event.payload)
            else:
                raise RuntimeError(f"training {recipe.id} failed:\n{event.payload}")


def _train_groups(
    missing: collections.deque[Recipe], settings: Settings, progress: bool, stored: Callable[[Recipe], None]
) -> None:
    """Train together what can be, and take it from `missing`; what does not succeed so is left to be trained alone."""
    from harness.together import groups

    waiting = collections.deque(group for group in groups(missing, TOGETHER) if len(group) > 1)

    def next_job() -> tuple[list[Recipe], Settings] | None:
        return (waiting.popleft(), settings) if waiting else None

    with progress_bar("training together", sum(map(len, waiting)), "models", progress) as bar:
        for event in run_jobs(train_group_job, next_job, workers=1):  # a group is to fill the device
            if event.kind == "report":
                bar.set_postfix_str(event.payload, refresh=sys.stderr.isatty())
                bar.update(0)
            elif event.kind == "done":
                for recipe in event.payload:
                    missing.remove(recipe)
                    stored(recipe)
                    bar.update()
            elif event.kind == "refused":
                raise HarnessError(event.payload)
            elif event.kind == "raised":
                raise RuntimeError(f"training {event.job[0][0].id} and its like failed:\n{event.payload}")
