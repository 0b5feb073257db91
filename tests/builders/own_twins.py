"""Networks as if they came from elsewhere: small ones that fit by construction, and those of the tiny zoo."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness import Checkpoint, Pair
from harness.settings import Settings, make_settings
from harness.store.store import store_of
from harness.training.recipe import Condition, Recipe
from harness.zoo.zoo import Zoo, twins

EXAMPLES, CLASSES = 24, 4

FILE = """
from tests.builders.own_twins import of_tiny_zoo
from tests.conftest import TINY

twins = of_tiny_zoo(TINY, {cache!r}, {conditions!r})
"""


def fitted(
    labels: Tensor, seed: int = 0, certainty: float = 10.0, network: Callable[[], nn.Module] | None = None
) -> Checkpoint:
    """A linear network that fits `labels` of inputs that are orthogonal; twins of one seed have equal inputs."""
    inputs = torch.eye(EXAMPLES) + seed
    model = nn.Linear(EXAMPLES, CLASSES) if network is None else network()
    with torch.no_grad():
        weight, bias = list(model.parameters())[-2:]
        weight.copy_(certainty * nn.functional.one_hot(labels, CLASSES).T)
        bias.copy_(-seed * weight.sum(dim=1))
    return Checkpoint(model=model, inputs=inputs, labels=labels)


def labels_of(seed: int, random: bool) -> Tensor:
    generator = torch.Generator().manual_seed(2 * seed + random)
    return torch.randint(CLASSES, (EXAMPLES,), generator=generator)


def load(seed: int, random: bool, **changed: Any) -> Checkpoint:
    """One side of a pair under random labels; `changed` are fields of its Checkpoint."""
    found = fitted(labels_of(seed, random), seed)
    return Checkpoint(**vars(found) | changed)


def pair(seed: int, natural: dict[str, Any] | None = None, randomized: dict[str, Any] | None = None) -> Pair:
    """A pair under random labels, with other fields of either side."""
    sides = (functools.partial(load, seed, random, **given or {}) for random, given in enumerate((natural, randomized)))
    return Pair("random_labels", *sides)


def of_tiny_zoo(zoo: Zoo, cache: str | Path, conditions: tuple[Condition, ...]) -> list[Pair]:
    """The twins of a zoo whose networks are in a cache folder, without their beginning and their history."""
    settings = make_settings(cache_dir=str(cache))
    of = functools.partial(functools.partial, stored, settings)
    return [Pair(name, of(twin.natural), of(twin.randomized)) for name in conditions for twin in twins(zoo, name)]


def stored(settings: Settings, recipe: Recipe) -> Checkpoint:
    """A stored network as a user's own would hand it over."""
    store = store_of(settings)
    trained, found = store.load(recipe, settings.data_dir), store.find(recipe)
    assert found is not None
    return Checkpoint(
        model=trained.model, inputs=trained.inputs, labels=trained.labels, test_error=found.outcome.test_error
    )
