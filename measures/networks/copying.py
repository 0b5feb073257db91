"""A copy of any network, a call of it with other parameters, and what a call leaves behind put back.

It is the only place where any of these is done.
"""

import collections
import contextlib
import copy
import os
import random
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from measures.errors import NotApplicable

Network = TypeVar("Network", bound=nn.Module)
REFILLED = (dict, collections.OrderedDict, collections.defaultdict, collections.Counter, list, set, collections.deque)
"""Containers that are put back by what is in them: whoever holds one goes on holding it."""


def copy_of(network: nn.Module) -> nn.Module:
    """A copy of the network that shares nothing with it.

    Pruning and weight normalization keep a layer's weight as a plain attribute, computed at every call from the
    parameters that are there. Such a tensor is copied by its value. What cannot be copied, as a lock or an open file
    that a module keeps, is shared. A function that a module holds, as a hook or a `forward` of its own, means the copy
    where it meant the network. Raises NotApplicable where that does not help.
    """
    memo: dict[int, Any] = {id(tensor): tensor.detach().clone() for tensor in _computed_attributes(network)}
    copies = {**memo}
    try:
        return _with_functions_of_its_own(copy.deepcopy(network, copies), copies)
    except torch.OutOfMemoryError:
        raise
    except Exception:
        memo |= {id(value): value for value in _not_copied(network, memo)}
    try:
        return _with_functions_of_its_own(copy.deepcopy(network, memo), memo)
    except Exception as cause:
        raise NotApplicable(f"the network cannot be copied: {first_line(cause)}") from cause


def _with_functions_of_its_own(network: nn.Module, copies: Mapping[int, Any]) -> nn.Module:
    """The copy, with each function that refers to a module or tensor of the original referring to its copy.

    `copies` has what was copied, by the id of the original.
    """
    for module in (*network.modules(), *vars(network).get("given", ())):  # what a PlainNetwork was made of
        for held in (module.__dict__, *(value for value in module.__dict__.values() if isinstance(value, dict))):
            for name, value in held.items():
                if isinstance(value, types.FunctionType):
                    held[name] = _of_copies(value, copies)
    return network


def _of_copies(function: types.FunctionType, copies: Mapping[int, Any]) -> types.FunctionType:
    def copied(value: Any) -> Any:
        return copies.get(id(value), value) if isinstance(value, nn.Module | Tensor) else value

    def cell_copied(cell: types.CellType) -> types.CellType:
        if cell == types.CellType():  # not yet filled
            return cell
        value = copied(cell.cell_contents)
        return cell if value is cell.cell_contents else types.CellType(value)

    before = function.__closure__, function.__defaults__, function.__kwdefaults__
    closure = None if before[0] is None else tuple(map(cell_copied, before[0]))
    defaults = None if before[1] is None else tuple(map(copied, before[1]))
    named = None if before[2] is None else {name: copied(value) for name, value in before[2].items()}
    parts = ((closure, before[0]), (defaults, before[1]), ((named or {}).values(), (before[2] or {}).values()))
    if all(new is old for news, olds in parts for new, old in zip(news or (), olds or (), strict=True)):
        return function
    found = types.FunctionType(function.__code__, function.__globals__, function.__name__, defaults, closure)
    found.__kwdefaults__ = named
    found.__dict__.update(function.__dict__)
    return found


def in_evaluation(network: Network) -> Network:
    """The network, in evaluation mode. (A class may have a `train` or `eval` of its own that returns nothing.)"""
    network.eval()
    return network


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


@contextlib.contextmanager
def modules_kept(network: nn.Module) -> Iterator[Callable[[], list[str]]]:
    """What a call sets on the modules, puts into their lists, dicts and sets, and writes into their buffers, is put
    back after the block; and so are the global random states and the environment.

    Within the block, the function that is given lists what is not as it was before it.
    """
    contents = [(name, held, held.copy()) for name, held in _containers(network)]
    buffers = [(name, buffer, buffer.detach().clone()) for name, buffer in network.named_buffers()]
    with surroundings_kept() as around:

        def changed() -> list[str]:
            of_modules = [name for name, held, before in contents if not _same_objects(held, before)]
            return of_modules + [name for name, buffer, value in buffers if not torch.equal(buffer, value)] + around()

        try:
            yield changed
        finally:
            for _, held, before in contents:
                if not _same_objects(held, before):
                    _refill(held, before)
            for _, buffer, value in buffers:
                if not torch.equal(buffer, value):
                    with torch.no_grad():
                        buffer.copy_(value)


@contextlib.contextmanager
def surroundings_kept() -> Iterator[Callable[[], list[str]]]:
    """Global random states and the environment are put back; the function lists which of them are others now."""
    drawn, of_numpy, of_python = torch.get_rng_state(), np.random.get_state(), random.getstate()
    on_accelerator = torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None
    environment = os.environ.copy()

    def changed() -> list[str]:
        now = np.random.get_state()
        found = {
            "torch": not torch.equal(torch.get_rng_state(), drawn),
            "cuda": on_accelerator is not None and not torch.equal(torch.cuda.get_rng_state(), on_accelerator),
            "numpy": not all(np.array_equal(one, other) for one, other in zip(now, of_numpy, strict=True)),
            "python": random.getstate() != of_python,
            "environment": os.environ.copy() != environment,
        }
        return [name for name, differs in found.items() if differs]

    try:
        yield changed
    finally:
        others = changed()
        if "torch" in others:
            torch.set_rng_state(drawn)
        if "cuda" in others and on_accelerator is not None:
            torch.cuda.set_rng_state(on_accelerator)
        if "numpy" in others:
            np.random.set_state(of_numpy)
        if "python" in others:
            random.setstate(of_python)
        if "environment" in others:
            os.environ.clear()
            os.environ.update(environment)


def _containers(network: nn.Module) -> Iterator[tuple[str, Any]]:
    """The attributes of each module, and every container among them, also inside of another, once."""
    seen: set[int] = set()
    for name, module in network.named_modules():
        held: list[Any] = [module.__dict__]
        while held:
            container = held.pop()
            if id(container) not in seen:
                seen.add(id(container))
                yield name, container
                parts = container.values() if isinstance(container, dict) else container
                held += [part for part in parts if type(part) in REFILLED]


def _same_objects(now: Any, before: Any) -> bool:
    if isinstance(now, dict):
        return now.keys() == before.keys() and all(now[name] is value for name, value in before.items())
    if isinstance(now, set):
        return {id(value) for value in now} == {id(value) for value in before}
    return len(now) == len(before) and all(one is other for one, other in zip(now, before, strict=True))


def _refill(held: Any, before: Any) -> None:
    held.clear()
    if isinstance(held, list | collections.deque):
        held.extend(before)
    else:
        held.update(before)


def first_line(problem: BaseException) -> str:
    """The first line of an exception's message, or its class where it has none."""
    return str(problem).strip().split("\n")[0] or type(problem).__name__
