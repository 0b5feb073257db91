"""Which models the findings ask for: networks that differ from one of the gate's in one thing.

An intervention leaves everything else of a recipe as it is, the seed included, so that its network can be compared with
the natural one of the same seed and with that on random labels.
"""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from harness.recipe import Recipe
from harness.zoo import Twin, Zoo, twins

FRACTIONS = (0.2, 0.4, 0.6, 0.8)
"""Corrupted fractions between the true and the random labels."""

DOSES = (1 / 15, 1 / 5, 1 / 2)
"""Attack sets as parts of the shared images, between none and as many."""

LADDER_SEEDS = 2  # of each network
EARLY_EPOCHS = 3
SHARES = (1, 3, 10)  # one image in so many
SHUFFLED_TWINS = 20

REGULARIZERS: dict[str, dict[str, Any]] = {
    "weight_decay": {"weight_decay": 5e-4},
    "dropout": {"dropout": 0.5},
    "random_crop": {"random_crop": 1},
}


@dataclasses.dataclass(frozen=True)
class Way:
    """A natural recipe, the same after an intervention, and its twin on random labels: from where, what, how far."""

    natural: Recipe
    changed: Recipe
    randomized: Recipe


Ladder = tuple[Recipe, ...]
"""Recipes of one network and seed, by rising gap: the blocks of a trend test."""


def same_data(zoo: Zoo) -> list[Twin]:
    """Half of the images, and the same half trained beside an attack set of the other half, wrongly labelled."""
    return [Twin(each, dataclasses.replace(each, attack=shared_images(zoo))) for each in _halves(zoo)]


def attack_doses(zoo: Zoo) -> list[Ladder]:
    """For the first seeds of each network: the shared images with an attack set of rising size, from none to all."""
    shared = shared_images(zoo)
    doses = [0, *(max(1, round(share * shared)) for share in DOSES), shared]
    chosen = _first_seeds(zoo, _halves(zoo))
    return [tuple(dataclasses.replace(each, attack=dose) for dose in doses) for each in chosen]


def corrupted_labels(zoo: Zoo) -> list[Ladder]:
    """For the first seeds of each network: true labels, rising corrupted fractions, random labels."""
    ladders = []
    for natural in _first_seeds(zoo, naturals(zoo)):
        between = [
            dataclasses.replace(natural, condition="corrupted_labels", corrupted_fraction=each) for each in FRACTIONS
        ]
        ladders.append((natural, *between, dataclasses.replace(natural, condition="random_labels")))
    return ladders


def regularized(zoo: Zoo, regularizer: str) -> list[Way]:
    """The natural recipes with one of REGULARIZERS."""
    return _ways(zoo, **REGULARIZERS[regularizer])


def stopped_early(zoo: Zoo) -> list[Way]:
    """Random labels for a few epochs: nothing is learned, and nothing is fitted yet."""
    return _ways(zoo, condition="random_labels", max_epochs=EARLY_EPOCHS)


def equal_steps(zoo: Zoo) -> list[Twin]:
    """The gate's twins on random labels, the natural one after as many steps as the other."""
    return [
        Twin(dataclasses.replace(each.natural, steps_of="random_labels"), each.randomized)
        for each in twins(zoo, "random_labels")
    ]


def sample_sizes(zoo: Zoo) -> list[Ladder]:
    """Natural data that gets scarce: all images, a third, a tenth."""
    sizes = [0 if share == 1 else zoo.train_size // share for share in SHARES]
    return [
        tuple(dataclasses.replace(each, num_train=size or each.num_train) for size in sizes) for each in naturals(zoo)
    ]


def shuffled_pixels(zoo: Zoo) -> list[Twin]:
    """Twins under one fixed permutation of the pixels, of the networks that cannot see it: the MLPs."""
    blind = [name for name in zoo.learning_rates if name.startswith("mlp_")]
    found = [each for each in naturals(zoo) if each.network in blind]
    unused = itertools.count(len(naturals(zoo)))
    for network in itertools.cycle(blind):
        if len(found) >= SHUFFLED_TWINS:
            break
        like = next(each for each in found if each.network == network)
        found.append(dataclasses.replace(like, seed=next(unused)))
    return [Twin(each, dataclasses.replace(each, condition="shuffled_pixels")) for each in found]


def hyperparameters(zoo: Zoo) -> dict[tuple[float, ...], list[Recipe]]:
    """Natural recipes on a grid, by their place in it (the values of Grid.axes): one for each seed."""
    grid = zoo.grid
    if grid is None:
        return {}
    return {place: [grid.recipe(zoo.data_set, place, seed) for seed in range(grid.seeds)] for place in grid.places()}


def naturals(zoo: Zoo) -> list[Recipe]:
    return [twin.natural for twin in twins(zoo, "random_labels")]


def shared_images(zoo: Zoo) -> int:
    return zoo.train_size // 2


def _halves(zoo: Zoo) -> list[Recipe]:
    return [dataclasses.replace(each, num_train=shared_images(zoo)) for each in naturals(zoo)]


def _ways(zoo: Zoo, **change: Any) -> list[Way]:
    found = twins(zoo, "random_labels")
    return [Way(each.natural, dataclasses.replace(each.natural, **change), each.randomized) for each in found]


def _first_seeds(zoo: Zoo, recipes: Sequence[Recipe]) -> list[Recipe]:
    chosen = []
    for network in zoo.learning_rates:
        chosen += [each for each in recipes if each.network == network][:LADDER_SEEDS]
    return chosen
