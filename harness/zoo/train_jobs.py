"""What a worker does to have a model in the store: train it, publish it, and report meanwhile how far it is."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.settings import Settings
from harness.store.published import Published
from harness.training.recipe import Recipe
from harness.workers.worker_process import Report
from harness.zoo.opening import reopen

if TYPE_CHECKING:
    from harness.store.store import Store, StoredModel
    from harness.training.data_set import DataSet
    from harness.training.train import Fit, Outcome

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
        """It reads no model; its own it makes."""
        return ()


@dataclasses.dataclass(frozen=True)
class GroupJob:
    """Recipes to train together (group_training.py)."""

    recipes: tuple[Recipe, ...]
    settings: Settings
    attempt: int = 1

    @property
    def needs(self) -> tuple[Recipe, ...]:
        return ()


def train_job(job: TrainJob, report: Report) -> Published | None:
    """In a worker: train the recipe and publish it, unless it is there; None while another process is training it."""
    from harness.store.store import Busy, store_of
    from harness.training.train import train

    started = time.monotonic()
    recipe, settings = job.recipe, job.settings
    reopen(settings)
    store = store_of(settings)
    try:
        with store.lock(recipe):
            checkpoint = store.checkpoint(recipe)
            if (stored := _found_or_set_aside(store, recipe)) is not None:
                checkpoint.remove()
                return _published(stored, job, started, trained=False)
            steps = _steps_of_twin(recipe, settings, report) if recipe.steps_of else None
            fit, outcome, data = train(
                recipe,
                settings.data_dir,
                settings.device,
                steps,
                settings.cache_dir,
                checkpoint,
                progress_report(recipe, report),
                sign_of_life(report),
            )
            stored = publish(store, settings, recipe, fit, outcome, data, job.attempt)
            checkpoint.remove()
    except Busy:
        return None
    return _published(stored, job, started, trained=True)


def _published(stored: "StoredModel", job: TrainJob | GroupJob, started: float, trained: bool) -> Published:
    seconds = time.monotonic() - started
    return Published(stored.recipe, stored.weights_sha256, trained, job.attempt, seconds)


def _found_or_set_aside(store: "Store", recipe: Recipe) -> "StoredModel | None":
    """The stored model, if it is there; a damaged one is set aside, to be trained again."""
    from harness.store.store import Damaged

    try:
        return store.find(recipe)
    except Damaged:
        store.set_aside(recipe)
        return None


def _steps_of_twin(recipe: Recipe, settings: Settings, report: Report) -> int:
    """How many steps the recipe's twin took, which is trained first if it is not there."""
    from harness.store.store import store_of

    store = store_of(settings)
    while (stored := _found_or_set_aside(store, recipe.step_twin)) is None:
        report(None)
        train_job(TrainJob(recipe.step_twin, settings), report)  # where another run trains it, this waits for its lock
    return stored.outcome.steps


def train_group_job(job: GroupJob, report: Report) -> list[Published]:
    """In a worker: train together and publish what is not in the store and no other process is training.

    Gives those that are in the store now. Where the device has too little memory for all of them, none is trained.
    """
    import torch

    from harness.store.store import Busy, store_of

    started = time.monotonic()
    reopen(job.settings)
    store = store_of(job.settings)
    held, published = [], {}
    with contextlib.ExitStack() as locks:
        for recipe in job.recipes:
            with contextlib.suppress(Busy):
                locks.enter_context(store.lock(recipe))
                held.append(recipe)
        for recipe in held:
            if (stored := _found_or_set_aside(store, recipe)) is not None:
                published[recipe] = _published(stored, job, started, trained=False)
        if missing := [recipe for recipe in held if recipe not in published]:
            with contextlib.suppress(torch.cuda.OutOfMemoryError):
                for stored in _train_group(missing, store, job, report):
                    published[stored.recipe] = _published(stored, job, started, trained=True)
    return [published[recipe] for recipe in held if recipe in published]


def _train_group(recipes: Sequence[Recipe], store: "Store", job: GroupJob, report: Report) -> Iterator["StoredModel"]:
    from harness.training.examples import data_set
    from harness.training.group_training import fit_group
    from harness.training.train import outcome_of

    settings = job.settings
    data = [data_set(recipe, settings.data_dir, settings.cache_dir) for recipe in recipes]
    training_sets = [(examples.train_inputs, examples.train_labels) for examples in data]
    test_sets = [(examples.test_inputs, examples.test_labels) for examples in data]
    watched = None if recipes[0].stop_loss else test_sets
    after_epoch = progress_report(recipes[0], report)
    fits = fit_group(recipes, training_sets, data[0].num_classes, settings.device, watched, after_epoch)
    for recipe, fit, examples, (inputs, labels) in zip(recipes, fits, data, test_sets, strict=True):
        outcome = outcome_of(fit, inputs.to(settings.device), labels.to(settings.device))
        yield publish(store, settings, recipe, fit, outcome, examples, job.attempt)
        store.checkpoint(recipe).remove()


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
    fit: "Fit",
    outcome: "Outcome",
    data: "DataSet",
    attempt: int,
) -> "StoredModel":
    """Store a trained model; HarnessError where it cannot be written."""
    try:
        return store.publish(recipe, fit, outcome, data, attempt)
    except OSError as cause:
        raise HarnessError(
            f"{recipe.id} could not be stored under {settings.cache_dir} ({cause.strerror or cause}); what "
            "was trained before it is kept: make room, or choose another folder with --cache-dir"
        ) from cause


def progress_report(recipe: Recipe, report: Report) -> Callable[[int, float], None]:
    """What a training reports after an epoch, at most every few seconds: where it stands, and the time left."""
    first: tuple[float, int] | None = None
    said = time.monotonic()

    def after_epoch(epoch: int, loss: float) -> None:
        nonlocal first, said
        now = time.monotonic()
        if first is None:  # after a resumption not the first epoch of all; starting up does not count for the rate
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
