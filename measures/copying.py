"""A copy of any network, and a call of it with other parameters: the only place where either is done."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from measures.errors import NotApplicable


def copy_of(network: nn.Module) -> nn.Module:
    """A copy of the network that shares nothing with it.

    Pruning and weight normalization keep a layer's weight as a plain attribute, computed at every call from the
    parameters that are there. Such a tensor is copied by its value. What cannot be copied, as a lock or an open file
    that a module keeps, is shared. Raises NotApplicable where that does not help.
    """
    memo: dict[int, Any] = {id(tensor): tensor.detach().clone() for tensor in _computed_attributes(network)}
    try:
        return copy.deepcopy(network, {**memo})
    except torch.OutOfMemoryError:
        raise
    except Exception:
        memo |= {id(value): value for value in _not_copied(network, memo)}
    try:
        return copy.deepcopy(network, memo)
    except Exception as cause:
        raise NotApplicable(f"the network cannot be copied: {first_line(cause)}") from cause


def run_with(network: nn.Module, weights: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
    """The network's outputs with these `weights` in place of its own, named as in `named_parameters`.

    A weight that several layers share is replaced in all of them. The network is not changed.
    """
    named = dict(network.named_parameters(remove_duplicate=False))
    slots: dict[tuple[int, str], str] = {}  # a layer that is registered twice has one weight to replace, not two
    for name in named:
        module, _, attribute = name.rpartition(".")
        slots.setdefault((id(network.get_submodule(module)), attribute), name)
    given = {id(named[name]): weight for name, weight in weights.items()}
    every = {name: weights.get(name, given[id(named[name])]) for name in slots.values() if id(named[name]) in given}
    outputs: Tensor = functional_call(network, every, (inputs,), tie_weights=False)
    return outputs


def _computed_attributes(network: nn.Module) -> Iterator[Tensor]:
    """Tensors with a gradient graph that stand in the network's modules, in lists and dicts there as well."""
    for module in network.modules():
        values = list(module.__dict__.values())
        for value in values:
            if isinstance(value, dict):
                values += value.values()
            elif isinstance(value, list | tuple):
                values += value
        yield from (value for value in values if isinstance(value, Tensor) and not value.is_leaf)


def _not_copied(network: nn.Module, memo: dict[int, Any]) -> Iterator[object]:
    """Attributes of the network's modules, other than what every module has, that cannot be copied."""
    standard = nn.Module().__dict__.keys()
    for module in network.modules():
        for name, value in module.__dict__.items():
            if name not in standard:
                try:
                    copy.deepcopy(value, {**memo})
                except Exception:
                    yield value


def first_line(problem: BaseException) -> str:
    """The first line of an exception's message, or its class where it has none."""
    return str(problem).strip().split("\n")[0] or type(problem).__name__
