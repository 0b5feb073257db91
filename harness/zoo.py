"""The zoo: which models a suite asks for, at which scale, and how they come to be in the store."""

import collections
import contextlib
import dataclasses
import difflib
import itertools
import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from harness.errors import HarnessError
from harness.recipe import Condition, Recipe
from harness.settings import Settings
from harness.workers import Report, run_jobs

if TYPE_CHECKING:
    from harness.data import DataSet
    from harness.store import Entry, Store
    from harness.train import Fit, Outcome

ATTEMPTS = 3
TOGETHER = 32  # networks of one recipe, where a device is bound by launching kernels
SECONDS_BETWEEN_REPORTS = 5.0
GATE: tuple[Condition, ...] = ("random_labels", "random_pixels", "gaussian")
Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Grid:
    """Hyperparameters of natural training, each with the values it takes: every combination is trained."""

    width: tuple[int, ...]
    depth: tuple[int, ...]
    batch_size: tuple[int, ...]
    learning_rate: tuple[float, ...]
    num_train: int
    seeds: int

    @property
    def axes(self) -> dict[str, tuple[float, ...]]:
        names = ("width", "depth", "batch_size", "learning_rate")
        return {name: getattr(self, name) for name in names}

    def places(self) -> list[tuple[float, ...]]:
        """Every combination, the values in the order of `axes`."""
        return list(itertools.product(*self.axes.values()))

    def recipe(self, data_set: str, place: tuple[float, ...], seed: int) -> Recipe:
        width, depth, batch_size, rate = place
        return Recipe(
            data_set=data_set,
            network=f"mlp_{depth}x{width}",
            learning_rate=rate,
            batch_size=int(batch_size),
            num_train=self.num_train,
            seed=seed,
        )


@dataclasses.dataclass(frozen=True)
class Zoo:
    """A scale: a data set, its networks with their learning rates, and seeds for each network.

    The rates are those at which a network fits random labels; natural data would bear higher ones. Every twin has a
    seed of its own, so no two twins share a split of the digits, an initialisation or a random draw. `num_train` is
    how many training images a recipe takes (0: all there are); `training` has the fields of all its recipes that are
    not a recipe's defaults.
    """

    name: str
    data_set: str
    learning_rates: dict[str, float]
    seeds_per_network: int = 5
    num_train: int = 0
    grid: Grid | None = None
    training: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def train_size(self) -> int:
        """How many images a natural network is trained on."""
        if not self.num_train and self.data_set not in TRAINING_IMAGES:
            raise HarnessError(f"the {self.name} zoo names no num_train, and how many {self.data_set} has is not known")
        return self.num_train or TRAINING_IMAGES[self.data_set]

    @property
    def data_described(self) -> str:
        """The data set, and where its contents are not those that its name says, which (`pinned`)."""
        sha256 = self.training.get("data_sha256")
        return f"{self.data_set}, class folders with sha256 {sha256}" if sha256 else self.data_set

    @property
    def twins_per_condition(self) -> int:
        return len(self.learning_rates) * self.seeds_per_network


@dataclasses.dataclass(frozen=True)
class Twin:
    """Two recipes that are equal in everything but the randomization."""

    natural: Recipe
    randomized: Recipe


TRAINING_IMAGES = {"digits": 1437, "mnist": 60_000, "fashion_mnist": 60_000, "cifar10": 50_000}
AS_THE_PAPER = {"crop": 28, "standardisation": "each_image"}
IN_BFLOAT16 = {"precision": "bfloat16"}  # large networks, for machines that multiply it fast
PAPER_RATES = {"inception_small": 0.01, "inception_small_no_bn": 0.01, "alexnet_small": 0.01, "mlp_1x512": 0.01}

ZOOS = {
    "digits": Zoo(
        "digits",
        "digits",
        {"convnet": 0.06, "convnet_bn": 0.06, "mlp_3x256": 0.06, "mlp_1x512": 0.2},
        grid=Grid((16, 64, 256), (1, 3), (16, 64), (0.01, 0.03), num_train=300, seeds=3),
    ),
    # The networks of the digits, so that what differs is the data: 5,000 images, since on 1,000 of CIFAR-10 natural
    # training hardly generalizes, and norms then rank noise below nature.
    "cifar10-small": Zoo(
        "cifar10-small",
        "cifar10",
        {"convnet": 0.03, "convnet_bn": 0.03, "mlp_3x256": 0.03, "mlp_1x512": 0.01},
        num_train=5000,
        training=AS_THE_PAPER,
    ),
    "cifar10": Zoo("cifar10", "cifar10", PAPER_RATES, num_train=10_000, training=AS_THE_PAPER | IN_BFLOAT16),
    "mnist": Zoo("mnist", "mnist", PAPER_RATES, num_train=5000, training=AS_THE_PAPER | IN_BFLOAT16),
}


def find_zoo(name: str) -> Zoo:
    """The zoo of that name; HarnessError with near names if there is none."""
    if name in ZOOS:
        return ZOOS[name]
    near = difflib.get_close_matches(name, ZOOS, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise HarnessError(f"unknown zoo {name!r}; {hint}known: {', '.join(ZOOS)}")


def pinned(zoo: Zoo, settings: Settings) -> Zoo:
    """The zoo on the data that are there: where CIFAR-10 lies in class folders, its recipes name their contents.

    Class folders may hold other pixels than the original (JPEG), and their models are others.
    """
    from harness.sources import in_class_folders, load_source

    if zoo.data_set != "cifar10" or not in_class_folders(settings.data_dir):
        return zoo
    sha256 = load_source(zoo.data_set, settings.data_dir, settings.cache_dir).sha256
    return dataclasses.replace(zoo, training={**zoo.training, "data_sha256": sha256})


def twins(zoo: Zoo, condition: Condition) -> list[Twin]:
    """The zoo's twins for one condition, one per network and seed; the natural ones serve every condition."""
    result = []
    for index, (network, rate) in enumerate(zoo.learning_rates.items()):
        for number in range(zoo.seeds_per_network):
            natural = Recipe(
                data_set=zoo.data_set,
                network=network,
                learning_rate=rate,
                seed=index * zoo.seeds_per_network + number,
                num_train=zoo.num_train,
                **zoo.training,
            )
            result.append(Twin(natural, dataclasses.replace(natural, condition=condition)))
    return result


def recipes(zoo: Zoo, conditions: Iterable[Condition]) -> list[Recipe]:
    """Every model that these conditions need, each once, those that take longest first."""
    found: dict[Recipe, None] = {}
    for condition in conditions:
        found |= {twin.randomized: None for twin in twins(zoo, condition)}
    found |= {twin.natural: None for twin in twins(zoo, "random_labels")}
    return list(found)


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


def train_group_job(job: tuple[list[Recipe], Settings], report: Report) -> list[Recipe]:
    """In a worker: train together and publish what is neither there nor being trained elsewhere; which are there now.

    Where the device has too little memory for all of them, none is trained.
    """
    import torch

    from harness.data import data_set
    from harness.store import Busy, Store
    from harness.together import fit_together
    from harness.train import outcome_of

    group, settings = job
    store = Store(settings.cache_dir)
    held = []
    with contextlib.ExitStack() as locks:
        for recipe in group:
            with contextlib.suppress(Busy):
                locks.enter_context(store.lock(recipe))
                held.append(recipe)
        if not (todo := [recipe for recipe in held if not store.folder(recipe).exists()]):
            return held
        data = [data_set(recipe, settings.data_dir, settings.cache_dir) for recipe in todo]
        examples = [(each.train_inputs, each.train_labels) for each in data]
        tests = [(each.test_inputs, each.test_labels) for each in data]
        watched = None if todo[0].stop_loss else tests
        try:
            fits = fit_together(
                todo, examples, data[0].num_classes, settings.device, watched, progress_report(todo[0], report)
            )
        except torch.cuda.OutOfMemoryError:
            return [recipe for recipe in held if recipe not in todo]
        for recipe, result, each, (inputs, labels) in zip(todo, fits, data, tests, strict=True):
            outcome = outcome_of(result, inputs.to(settings.device), labels.to(settings.device))
            publish(store, settings, recipe, result, outcome, each)
            store.checkpoint(recipe).remove()
    return held


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


def train_job(job: tuple[Recipe, Settings], report: Report) -> str:
    """In a worker: train the recipe and publish it, unless it is there ("stored") or being trained ("busy")."""
    from harness.store import Busy, Store
    from harness.train import train

    recipe, settings = job
    store = Store(settings.cache_dir)
    try:
        with store.lock(recipe):
            checkpoint = store.checkpoint(recipe)
            if store.folder(recipe).exists():
                checkpoint.remove()
                return "stored"
            steps = _steps_of_twin(recipe, settings, report) if recipe.steps_of else None
            result, outcome, data = train(
                recipe,
                settings.data_dir,
                settings.device,
                steps,
                settings.cache_dir,
                checkpoint,
                progress_report(recipe, report),
            )
            publish(store, settings, recipe, result, outcome, data)
            checkpoint.remove()
    except Busy:
        return "busy"
    return "stored"


def publish(
    store: "Store", settings: Settings, recipe: Recipe, result: "Fit", outcome: "Outcome", data: "DataSet"
) -> None:
    """Store a trained model; HarnessError where it cannot be written."""
    try:
        store.publish(recipe, result, outcome, data)
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


def _steps_of_twin(recipe: Recipe, settings: Settings, report: Report) -> int:
    """How many steps the recipe's twin took, which is trained first if it is not there."""
    from harness.store import Damaged, Store

    store = Store(settings.cache_dir)
    while True:
        try:
            if (entry := store.find(recipe.step_twin)) is not None:
                return entry.outcome.steps
        except Damaged:
            store.set_aside(recipe.step_twin)
        train_job((recipe.step_twin, settings), report)  # where another run trains it, this waits for its lock


def progress_bar(what: str, total: int, unit: str, show: bool) -> "tqdm[Any]":
    """Items done, rate and time left; where nobody watches (no terminal), a line every ten seconds."""
    watched = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=what,
        unit=unit,
        disable=not show,
        dynamic_ncols=watched,
        mininterval=0.1 if watched else 10.0,
        miniters=0,  # else a report would wait for the next model
    )
