"""A trained model of which one part is hidden: what a measure still tells then, it has read from what is left.

    network               the untrained network, for both twins
    history               the natural twin's history, for both
    network_and_history   both of these: data alone, inputs and labels, tell twins apart
    initial_weights       the same architecture with fresh weights as `init`, the same for both
    retraining            nothing can be trained again

The rest is as it is, and nothing that was computed from the hidden part is handed on: logits, margins and the like are
computed from what is handed over. A measure may see that a network is untrained. This is asked of honest ones.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Callable
from typing import Any, Literal, cast, get_args

from torch import nn

from harness.calling.request import with_fields
from harness.training.networks.building import build_for
from harness.training.recipe import Recipe
from measures.networks.copying import copy_of, in_evaluation
from measures.networks.network_check import checked
from measures.seeding import seeded_generator
from measures.trained_model import TrainedModel

Part = Literal["network", "history", "network_and_history", "initial_weights", "retraining"]
PARTS: tuple[Part, ...] = get_args(Part)
WITHOUT_NETWORK: tuple[Part, ...] = ("network", "network_and_history")
WITHOUT_HISTORY: tuple[Part, ...] = ("history", "network_and_history")
VERSION = 1
"""Part of every kept value's address. Raise it when another model would be handed over."""


@dataclasses.dataclass(frozen=True)
class Blinded:
    """One model without a part; it takes a recipe's place where measures are evaluated.

    `natural`: its natural twin, itself where it is one, and `natural_weights` the digest of that one's stored file,
    with its history.
    """

    recipe: Recipe
    part: Part
    natural: Recipe
    natural_weights: str

    @property
    def id(self) -> str:
        """How a sentence calls it."""
        return f"{self.recipe.id} without its {self.part.replace('_', ' ')}"

    @functools.cached_property
    def key(self) -> str:
        """A digest of all that it is made from, but for the weights of its own model."""
        other = self.natural_weights if self.part in WITHOUT_HISTORY else ""
        return hashlib.sha256(f"blinded:{VERSION}:{self.part}:{self.recipe.key}:{other}".encode()).hexdigest()

    @property
    def needs(self) -> tuple[Recipe, ...]:
        """The stored models that it is made from."""
        return (self.recipe, self.natural) if self.part in WITHOUT_HISTORY else (self.recipe,)

    def made(self, load: Callable[[Recipe], TrainedModel]) -> TrainedModel:
        """The model as a measure receives it; `load` gives those that it is made from, as the measure would."""
        trained, *others = map(load, self.needs)
        hidden: dict[str, Any] = {}
        if self.part in WITHOUT_NETWORK:
            hidden["model"] = copy_of(trained.init)
        if self.part in WITHOUT_HISTORY:
            hidden["history"] = others[0].history
        if self.part == "initial_weights":
            hidden["init"] = _fresh(self.recipe, trained)
        if self.part == "retraining":
            hidden["retrain_function"] = None
        return with_parts(trained, hidden)


def as_recipe(blinded: Blinded) -> Recipe:
    """The same, for a type checker a Recipe. It has what rows read of one: `id` and `key`."""
    return cast(Recipe, blinded)


def with_parts(trained: TrainedModel, parts: dict[str, Any]) -> TrainedModel:
    """A model with these fields in place of its own, and nothing computed yet."""
    given = {field.name: vars(trained)[field.name] for field in dataclasses.fields(trained)}
    return with_fields(object.__new__(TrainedModel), given | parts)


def _fresh(recipe: Recipe, trained: TrainedModel) -> nn.Module:
    """The recipe's network with weights that no training began from; a function of the seed, which twins share."""
    seed = seeded_generator(recipe.seed, "other initial weights").initial_seed()
    network = build_for(recipe, tuple(trained.inputs.shape[1:]), trained.num_classes, seed)
    (fresh,) = checked((in_evaluation(network.to(trained.inputs.device)),), trained.inputs, trained.labels)
    return fresh
