"""What a worker does to have a model in the store: train it, publish it, and say meanwhile how far it is."""

import contextlib
import dataclasses
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.receipt import Receipt
from harness.recipe import Recipe
from harness.settings import Settings
from harness.worker_process import Report

if TYPE_CHECKING:
    from harness.data import DataSet
    from harness.store import Entry, Store
    from harness.train import Fit, Outcome

SECONDS_BETWEEN_REPORTS = 5.0
SECONDS_BETWEEN_SIGNS = 0.5


@dataclasses.dataclass(frozen=True)
class TrainJob:
    """A recipe to have in the store; `attempt` counts from 1."""

    recipe: Recipe
    settings: Settings
    attempt: int = 1

    @property
    def needs(self) -> tuple[Recipe, ...]:
        """No model but its own, which it makes."""
        return ()


@dataclasses.dataclass(frozen=True)
class GroupJob:
    """Recipes to train together (together.py)."""

    recipes: tuple[Recipe, ...]
    settings: Settings
    attempt: int = 1

    @property
    def needs(self) -> tuple[Recipe, ...]:
        return ()


def train_job(job: TrainJob, report: Report) -> Receipt | None:
    """In a worker: train the recipe and publish it, unless it is there; None while another process is training it."""
    from harness.store import Busy, Damaged, store_of
    from harness.train import train

    started = time.monotonic()
    recipe, settings = job.recipe, job.settings
    store = store_of(settings)
    try:
        with store.lock(recipe):
            checkpoint = store.checkpoint(recipe)
            try:
                if (entry := store.find(recipe)) is not None:
                    checkpoint.remove()
                    return _receipt(entry, job, started, trained=False)
            except Damaged:
                store.set_aside(recipe)
            steps = _steps_of_twin(recipe, settings, report) if recipe.steps_of else None
            result, outcome, data = train(
                recipe,
                settings.data_dir,
                settings.device,
                steps,
                settings.cache_dir,
                checkpoint,
                progress_report(recipe, report),
                sign_of_life(report),
            )
            entry = publish(store, settings, recipe, result, outcome, data, job.attempt)
            checkpoint.remove()
    except Busy:
        return None
    return _receipt(entry, job, started, trained=True)


def _receipt(entry: "Entry", job: TrainJob | GroupJob, started: float, trained: bool) -> Receipt:
    seconds = time.monotonic() - started
    return Receipt(entry.recipe, entry.weights_sha256, trained, job.attempt, seconds)


def _steps_of_twin(recipe: Recipe, settings: Settings, report: Report) -> int:
    """How many steps the recipe's twin took, which is trained first if it is not there."""
    from harness.store import Damaged, store_of

    store = store_of(settings)
    while True:
        try:
            if (entry := store.find(recipe.step_twin)) is not None:
                return entry.outcome.steps
        except Damaged:
            store.set_aside(recipe.step_twin)
        report(None)
        train_job(TrainJob(recipe.step_twin, settings), report)  # where another run trains it, this waits for its lock


def train_group_job(job: GroupJob, report: Report) -> list[Receipt]:
    """In a worker: train together and publish what is neither there nor being trained elsewhere; which are there now.

    Where the device has too little memory for all of them, none is trained.
    """
    import torch

    from harness.data import data_set
    from harness.store import Busy, Damaged, store_of
    from harness.together import fit_together
    from harness.train import outcome_of

    started = time.monotonic()
    settings = job.settings
    store = store_of(settings)
    held, found = [], {}
    with contextlib.ExitStack() as locks:
        for recipe in job.recipes:
            with contextlib.suppress(Busy):
                locks.enter_context(store.lock(recipe))
                held.append(recipe)
        for recipe in held:
            try:
                if (entry := store.find(recipe)) is not None:
                    found[recipe] = _receipt(entry, job, started, trained=False)
            except Damaged:
                store.set_aside(recipe)
        if not (todo := [recipe for recipe in held if recipe not in found]):
            return [*found.values()]
        data = [data_set(recipe, settings.data_dir, settings.cache_dir) for recipe in todo]
        examples = [(each.train_inputs, each.train_labels) for each in data]
        tests = [(each.test_inputs, each.test_labels) for each in data]
        watched = None if todo[0].stop_loss else tests
        try:
            fits = fit_together(
                todo, examples, data[0].num_classes, settings.device, watched, progress_report(todo[0], report)
            )
        except torch.cuda.OutOfMemoryError:
            return [*found.values()]
        for recipe, result, each, (inputs, labels) in zip(todo, fits, data, tests, strict=True):
            outcome = outcome_of(result, inputs.to(settings.device), labels.to(settings.device))
            entry = publish(store, settings, recipe, result, outcome, each, job.attempt)
            store.checkpoint(recipe).remove()
            found[recipe] = _receipt(entry, job, started, trained=True)
    return [found[recipe] for recipe in held]


def sign_of_life(report: Report) -> Callable[[], None]:
    """What a training does after a step: now and then it says that it goes on."""
    said = time.monotonic()

    def after_step() -> None:
        nonlocal said
        if (now := time.monotonic()) - said >= SECONDS_BETWEEN_SIGNS:
            said = now
            report(None)

    return after_step


def publish(
    store: "Store",
    settings: Settings,
    recipe: Recipe,
    result: "Fit",
    outcome: "Outcome",
    data: "DataSet",
    attempt: int,
) -> "Entry":
    """Store a trained model; HarnessError where it cannot be written."""
    try:
        return store.publish(recipe, result, outcome, data, attempt)
    except OSError as cause:
        raise HarnessError(
            f"{recipe.id} could not be stored under {settings.cache_dir} ({cause.strerror or cause}); what "
            "was trained before it is kept: make room, or choose another folder with --cache-dir"
        ) from cause


def progress_report(recipe: Recipe, report: Report) -> Callable[[int, float], None]:
    """What a training says of itself after an epoch, at most every few seconds: where it stands, and the time left."""
    first: tuple[float, int] | None = None
    said = time.monotonic()

    def after_epoch(epoch: int, loss: float) -> None:
        nonlocal first, said
        now = time.monotonic()
        if first is None:  # after a resumption not the first epoch of all; starting up is no part of the rate
            first = (now, epoch)
        if now - said < SECONDS_BETWEEN_REPORTS or epoch == first[1]:
            return
        said = now
        left = (now - first[0]) / (epoch - first[1]) * (recipe.max_epochs - epoch)
        most = "" if not recipe.stop_loss else "at most "
        report(f"{recipe.id} epoch {epoch} of {most}{recipe.max_epochs}, loss {loss:.3g}, {most}{_clock(left)} left")

    return after_epoch


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
