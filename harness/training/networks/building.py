"""A network by its name: one of this project's, or of the zoo of a user's own that this process works for."""

import platform
import re

import torch
from torch import nn

from harness.errors import HarnessError, kind_of
from harness.training.declaring import OPENED, OWN_NETWORKS, DeclaredNetwork
from harness.training.networks import (
    alexnet_small,
    all_convolutional,
    convnet,
    inception_small,
    inception_v3,
    mixer,
    mlp,
    residual_mlp,
    resnet,
    vit,
)
from harness.training.recipe import Recipe

MODULES = (
    mlp,
    convnet,
    all_convolutional,
    residual_mlp,
    resnet,
    vit,
    mixer,
    alexnet_small,
    inception_small,
    inception_v3,
)
"""Each declares its networks when it is imported."""


def network_named(name: str) -> DeclaredNetwork:
    """The declared network, or member of a declared family, of that name. HarnessError if there is none."""
    for declared in (*OWN_NETWORKS.values(), *OPENED.networks.values()):
        if found := declared.named(name):
            return found
    known = ", ".join(_shown(declared) for declared in (*OWN_NETWORKS.values(), *OPENED.networks.values()))
    raise HarnessError(f"unknown network {name!r}; known: {known}")


def build(
    name: str, input_shape: tuple[int, ...], num_classes: int, generator_seed: int = 0, dropout: float = 0.0
) -> nn.Module:
    """A freshly initialised network, in training mode.

    `input_shape` is that of one example. The weights are a function of `generator_seed`; the global random state is
    left as it was. `dropout` above 0 drops units of the hidden linear layers (of the last layer's input in the
    inceptions, which have no hidden linear layer).

    Raises HarnessError for an unknown name, images too small for the network, or dropout in one that takes none.
    """
    declared = network_named(name)
    if dropout and not declared.takes_dropout:
        raise HarnessError(f"{name} cannot be trained with dropout: its function has no parameter of that name")
    options = {"dropout": dropout} if dropout else {}
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(generator_seed)  # the CPU's, and no accelerator's
        network: object = declared(input_shape, num_classes, **options)
    if not isinstance(network, nn.Module):
        raise HarnessError(f"{name} gives {kind_of(network)}; expected a torch.nn.Module, freshly made")
    return network.train()


def build_for(recipe: Recipe, input_shape: tuple[int, ...], num_classes: int, generator_seed: int = 0) -> nn.Module:
    """The recipe's network, as `build`. HarnessError also if its code is not that of the recipe."""
    if network_named(recipe.network).code != recipe.network_code:
        raise HarnessError(
            f"the network {recipe.network} is not what it was when the run was started, or is another on this machine "
            f"({platform.node()}); run again, in a new process, when {OPENED.where or 'it'} is the same everywhere"
        )
    return build(recipe.network, input_shape, num_classes, generator_seed, recipe.dropout)


def _shown(declared: DeclaredNetwork) -> str:
    """A family as in `mlp_<depth>x<width>`."""
    return re.sub(r"{(\w+)}", r"<\1>", declared.name)
