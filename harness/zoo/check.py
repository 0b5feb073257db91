"""The contract of a zoo: what it is made of, whether it can be trained, and how long that takes: `zoo check`.

Data and networks are tried first (opening.tried); then one twin of each unit is trained, in worker processes.
"""

import collections
import contextlib
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.settings import Settings
from harness.training.recipe import DIGESTS, Recipe
from harness.workers.pool import Limits
from harness.workers.progress import Say, progress_bar
from harness.workers.retrying import Loss, Retries, run_retrying
from harness.workers.worker_process import Report
from harness.zoo.opening import reopen, tried
from harness.zoo.zoo import Zoo, twins

if TYPE_CHECKING:
    from harness.training.train import Outcome


@dataclasses.dataclass(frozen=True)
class Trial:
    """A network that was trained to see how that goes: its outcome, and the most memory that its process had, torch
    included; on a GPU, that was allocated there."""

    recipe: Recipe
    outcome: "Outcome"
    megabytes: float


@dataclasses.dataclass(frozen=True)
class TrialJob:
    """A recipe to train, whether it is in the store or not."""

    recipe: Recipe
    settings: Settings

    @property
    def needs(self) -> tuple[Recipe, ...]:
        return ()


def check(zoo: Zoo, settings: Settings, say: Say, progress: bool = True) -> list[str]:
    """Say what the zoo is made of and how its networks train; what is wrong with it, a sentence each.

    HarnessError where its data cannot be read.
    """
    zoo, problems, settings = tried(zoo, settings)
    say(f"{zoo.name} zoo: {zoo.twins_per_condition} twins a condition; the gate has {_listed(zoo.gate)}")
    problems += _of_data(zoo, settings, say)
    if problems:
        return problems
    for line in _networks(zoo, settings):
        say(line)
    trials, lost = _trials(zoo, settings, progress)
    for line in _as_table(trials):
        say(line)
    problems += lost + [_unfitted(trial) for trial in trials if not trial.outcome.fitted]
    if not problems:
        say(_estimate(zoo, trials, settings.workers))
    return problems


def trial_job(job: TrialJob, report: Report) -> Trial:
    """In a worker: train the recipe, look at the memory meanwhile, and keep what came of it."""
    import torch

    from harness.store.store import store_of
    from harness.training.train import train
    from harness.workers.peak_memory import PeakMemory
    from harness.zoo.train_jobs import progress_report, publish, sign_of_life

    reopen(job.settings)
    recipe, settings = job.recipe, job.settings
    on_cuda = settings.device.startswith("cuda")
    if on_cuda:
        torch.cuda.reset_peak_memory_stats(settings.device)
    with PeakMemory() as memory:
        fit, outcome, data = train(
            recipe,
            settings.data_dir,
            settings.device,
            cache_dir=settings.cache_dir,
            after_epoch=progress_report(recipe, report),
            after_step=sign_of_life(report),
        )
    publish(store_of(settings), settings, recipe, fit, outcome, data, attempt=1)
    peak = torch.cuda.max_memory_allocated(settings.device) / 2**20 if on_cuda else memory.peak / 2**20
    return Trial(recipe, outcome, peak)


def _of_data(zoo: Zoo, settings: Settings, say: Say) -> list[str]:
    from harness.training.reading.raw_data import data_set_named, read_anew, read_once, train_size_of
    from harness.training.reading.read_splits import remarks_on

    problems = []
    for name in zoo.data_sets:
        declared = data_set_named(name)
        raw = read_once(declared, settings.data_dir, settings.cache_dir)
        train, total = train_size_of(raw), len(raw.labels)
        split = "each seed draws its own" if raw.num_official_train is None else "a split of its own"
        shape = "x".join(map(str, raw.images.shape[1:]))
        say(
            f"{name}: inputs of {shape}, {raw.num_classes} classes, {train} examples to train on and "
            f"{total - train} to test on ({split}); sha256 {raw.sha256[:12]}"
        )
        for line in remarks_on(raw.images):
            say(f"{name}: {line}")
        if not declared.is_own and read_anew(declared, settings.data_dir).sha256 != raw.sha256:
            problems.append(f"data set {name!r} gives other data every time; let it draw from a generator with a seed")
    return problems


def _networks(zoo: Zoo, settings: Settings) -> Iterator[str]:
    """A line each: its size, how it is trained, and what its declaration says of it."""
    from harness.training.networks.building import build
    from harness.training.reading.raw_data import load_raw_data
    from harness.zoo.contract import examples_of, sees_no_positions

    for unit in zoo.units:
        name, fields = unit.network, unit.fields
        raw = load_raw_data(unit.data_set, settings.data_dir, settings.cache_dir)
        inputs, _ = examples_of(zoo, raw)
        network = build(name, tuple(inputs.shape[1:]), raw.num_classes)
        count = sum(parameter.numel() for parameter in network.parameters())
        said = {field: value for field, value in fields.items() if value != getattr(Recipe, field, None)}
        trained = ", ".join(f"{field} {value}" for field, value in said.items() if field not in DIGESTS)
        shown = name if len(zoo.data_sets) == 1 else unit.name
        line = f"{shown}: {count:,} parameters; {trained}"
        if name in zoo.known.blind_to_positions:
            seen = "as is seen" if sees_no_positions(network, inputs) else "which could NOT be seen: is it so?"
            line += f"; blind to positions, {seen}"
        yield line


def _trials(zoo: Zoo, settings: Settings, progress: bool) -> tuple[list[Trial], list[str]]:
    """One twin of each unit, in the order of the zoo; and a sentence for each that could not be trained."""
    first = twins(zoo, "random_labels")[:: zoo.seeds_per_network]
    recipes = [recipe for twin in first for recipe in (twin.natural, twin.randomized)]
    jobs = collections.deque(TrialJob(recipe, settings) for recipe in recipes)
    limits = Limits(settings.training_timeout, settings.worker_memory)
    lost = Retries(jobs.append, lambda job: job.recipe, ("died", "silent", "raised"), hopeless=lambda event: True)
    events = run_retrying(trial_job, lambda: jobs.popleft() if jobs else None, settings, limits, lost)
    found: dict[Recipe, Trial] = {}
    problems = []
    with progress_bar("training", len(recipes), "models", progress) as bar, contextlib.closing(events):
        for event in events:
            if isinstance(event, Loss):
                problems.append(f"{event.job.recipe.id} could not be trained: {event.how.rstrip().splitlines()[-1]}")
            elif event.kind == "report":
                bar.set_postfix_str(event.payload or "")
            else:
                found[event.payload.recipe] = event.payload
                bar.update()
    return [found[recipe] for recipe in recipes if recipe in found], problems


def _as_table(trials: list[Trial]) -> list[str]:
    lines = [("model", "fitted", "epochs", "seconds", "MB", "train error", "test error")]
    for trial in trials:
        outcome = trial.outcome
        lines.append(
            (
                trial.recipe.id,
                "yes" if outcome.fitted else "NO",
                str(outcome.epochs),
                f"{outcome.seconds:.1f}",
                f"{trial.megabytes:.0f}",
                f"{outcome.train_error:.3f}",
                f"{outcome.test_error:.3f}",
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(7)]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _unfitted(trial: Trial) -> str:
    outcome, recipe = trial.outcome, trial.recipe
    loss = "diverged" if outcome.train_loss is None else f"stopped at cross-entropy {outcome.train_loss:.3g}"
    return (
        f"{recipe.id} {loss} after {outcome.epochs} epochs, above {recipe.stop_loss:g}; change its rate, make it "
        "larger, or raise max_epochs"
    )


def _estimate(zoo: Zoo, trials: list[Trial], workers: int) -> str:
    """The gate's models, were all of a unit's like the two of it that were trained."""
    seconds = 0.0
    for natural, randomized in zip(trials[::2], trials[1::2], strict=True):
        seconds += zoo.seeds_per_network * (natural.outcome.seconds + len(zoo.gate) * randomized.outcome.seconds)
    count = zoo.twins_per_condition * (1 + len(zoo.gate))
    return (
        f"the gate has {count} models: about {max(1, round(seconds / workers / 60))} min to train, {workers} at a time"
    )


def _listed(gate: tuple[str, ...]) -> str:
    return ", ".join(name.replace("_", " ") for name in gate)
