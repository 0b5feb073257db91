"""The zoo: which models a suite asks for, at which scale."""

import dataclasses
import difflib
import itertools
from collections.abc import Iterable
from typing import Any

from harness.errors import HarnessError
from harness.recipe import Condition, Recipe
from harness.settings import Settings

GATE: tuple[Condition, ...] = ("random_labels", "random_pixels", "gaussian")


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
