"""Which models the questions beyond the gate ask for, a function for each: zoo -> recipes.

An intervention changes one thing of a recipe and leaves the rest, the seed included. So its network can be compared
with the natural one of the same seed, and with the one on random labels.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.training.recipe import Recipe
from harness.zoo.grid import GridPoint
from harness.zoo.once_per_zoo import once_per_zoo
from harness.zoo.zoo import Twin, Zoo, twins

if TYPE_CHECKING:
    from harness.store.stored_model import StoredModel

FRACTIONS = (0.2, 0.4, 0.6, 0.8)
"""Corrupted fractions between the true and the random labels."""

DOSES = (1 / 15, 1 / 5, 1 / 2)
"""Sizes of attack sets, as fractions of the number of shared images."""

EARLY_EPOCHS = 3
ONE_IMAGE_IN = (1, 3, 10)

REGULARIZERS: dict[str, dict[str, Any]] = {
    "weight_decay": {"weight_decay": 5e-4},
    "dropout": {"dropout": 0.5},
    "random_crop": {"random_crop": 1},
}


@dataclasses.dataclass(frozen=True)
class Intervention:
    """A natural recipe, the same with one change, and its twin on random labels: the scale to compare a change with."""

    natural: Recipe
    changed: Recipe
    randomized: Recipe


Ladder = tuple[Recipe, ...]
"""Recipes of one unit and seed, by rising gap: a block of a trend test. A unit has one, its first seed's, since seeds
of a unit are no independent blocks."""


@once_per_zoo
def same_data(zoo: Zoo) -> list[Twin]:
    """Half of the images, and the same half trained beside an attack set: as many others, wrongly labelled."""
    return [Twin(half, dataclasses.replace(half, attack=half.num_train)) for half in _halves(zoo)]


@once_per_zoo
def attack_doses(zoo: Zoo) -> list[Ladder]:
    """For the first seed of each unit: the shared images with an attack set of rising size, from none to all."""
    ladders = []
    for half in _first_of_each_unit(_halves(zoo)):
        doses = [0, *(max(1, round(share * half.num_train)) for share in DOSES), half.num_train]
        ladders.append(tuple(dataclasses.replace(half, attack=dose) for dose in doses))
    return ladders


@once_per_zoo
def corrupted_labels(zoo: Zoo) -> list[Ladder]:
    """For the first seed of each unit: true labels, rising corrupted fractions, random labels."""
    ladders = []
    for natural in _first_of_each_unit(naturals(zoo)):
        between = [
            dataclasses.replace(natural, condition="corrupted_labels", corrupted_fraction=fraction)
            for fraction in FRACTIONS
        ]
        ladders.append((natural, *between, dataclasses.replace(natural, condition="random_labels")))
    return ladders


@once_per_zoo
def regularized(zoo: Zoo, regularizer: str) -> list[Intervention]:
    """The natural recipes with one of REGULARIZERS, those that can have it and have it not yet."""
    change = REGULARIZERS[regularizer]
    possible = {"dropout": zoo.known.take_dropout, "random_crop": tuple(zoo.networks) if zoo.known.images else ()}
    networks = possible.get(regularizer, tuple(zoo.networks))
    return [
        each
        for each in _interventions(zoo, **change)
        if each.natural.network in networks and not getattr(each.natural, regularizer)
    ]


@once_per_zoo
def stopped_early(zoo: Zoo) -> list[Intervention]:
    """Random labels for a few epochs: nothing is learned, and nothing is fitted yet."""
    return _interventions(zoo, condition="random_labels", max_epochs=EARLY_EPOCHS)


def check_fitted(zoo: Zoo, models: Mapping[Recipe, "StoredModel"]) -> None:
    """HarnessError, with their names, if models did not fit their training set.

    Those aside that stop by something else: early, or with their twin, which may fit noise in fewer steps.
    """
    by_steps = {each.changed for each in stopped_early(zoo)} | {twin.natural for twin in equal_steps(zoo)}
    unfitted = [recipe.id for recipe, model in models.items() if recipe not in by_steps and not model.outcome.fitted]
    if unfitted:
        raise HarnessError(f"no verdict can be drawn from: {', '.join(unfitted)}")


@once_per_zoo
def equal_steps(zoo: Zoo) -> list[Twin]:
    """The gate's twins on random labels, the natural one after as many steps as the other."""
    return [
        Twin(dataclasses.replace(twin.natural, steps_of="random_labels"), twin.randomized)
        for twin in twins(zoo, "random_labels")
    ]


@once_per_zoo
def sample_sizes(zoo: Zoo) -> list[Ladder]:
    """For the first seed of each unit: natural data that get scarce, all images, a third, a tenth."""
    return [
        tuple(
            natural if share == 1 else dataclasses.replace(natural, num_train=zoo.train_size_of(natural) // share)
            for share in ONE_IMAGE_IN
        )
        for natural in _first_of_each_unit(naturals(zoo))
    ]


@once_per_zoo
def shuffled_pixels(zoo: Zoo) -> list[Intervention]:
    """One fixed permutation of the pixels, for the networks that cannot see it, as MLPs; none if there are no such
    networks, or it has no meaning for the inputs."""
    if "shuffled_pixels" not in zoo.known.randomizations:
        return []
    every = _interventions(zoo, condition="shuffled_pixels")
    return [each for each in every if each.natural.network in zoo.known.blind_to_positions]


@once_per_zoo
def hyperparameters(zoo: Zoo) -> dict[GridPoint, list[Recipe]]:
    """Natural recipes on the zoo's grid, by their point in it: one for each seed."""
    grid = zoo.grid
    if grid is None:
        return {}
    return {
        point: [grid.recipe(zoo.data_set, point, zoo.seed_at(place), zoo.training) for place in range(grid.seeds)]
        for point in grid.points()
    }


def naturals(zoo: Zoo) -> list[Recipe]:
    """The natural recipes of the gate."""
    return [twin.natural for twin in twins(zoo, "random_labels")]


def _halves(zoo: Zoo) -> list[Recipe]:
    """The natural recipes on the half of the images that the two networks of `same_data` share."""
    return [dataclasses.replace(natural, num_train=zoo.train_size_of(natural) // 2) for natural in naturals(zoo)]


def _interventions(zoo: Zoo, **change: Any) -> list[Intervention]:
    return [
        Intervention(twin.natural, dataclasses.replace(twin.natural, **change), twin.randomized)
        for twin in twins(zoo, "random_labels")
    ]


def _first_of_each_unit(recipes: Sequence[Recipe]) -> list[Recipe]:
    """A unit is a data set with one network."""
    first: dict[tuple[str, str], Recipe] = {}
    for recipe in recipes:
        first.setdefault((recipe.data_set, recipe.network), recipe)
    return [*first.values()]
