"""What a measure must leave as it found it: model, data, history, shared quantities, gradients, global state."""

import dataclasses
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.layers import Layer
from harness.trained_model import TrainedModel

GIVEN = {field.name for field in dataclasses.fields(TrainedModel)}
LAYER_QUANTITIES = {"change", "singular_values"}


class Witness:
    """Remembers a TrainedModel and the global state, and says afterwards what changed.

    `look()` before each measure, `changes()` after it. Tensors are compared in full, with copies made once;
    quantities that measures share (logits, layers, ...) are watched from the first look after they appeared.
    """

    def __init__(self, trained: TrainedModel):
        self.trained = trained
        self.copies: dict[str, Tensor] = {}

    def look(self) -> None:
        """Remember what there is now."""
        for name, tensor in _tensors(self.trained):
            if name not in self.copies:
                self.copies[name] = tensor.detach().clone()
        self.flags = _flags(self.trained)
        self.state = _global_state()

    def changes(self) -> list[str]:
        """What is not as it was at the last look, in words; the global state is put back."""
        now = dict(_tensors(self.trained))
        found = []
        for name, copy in self.copies.items():
            if name not in now or not _same(now[name], copy):
                found.append(f"it changed {name}")
        flags = _flags(self.trained)
        found += [f"it changed {name}" for name, value in self.flags.items() if flags.get(name) != value]
        found += [f"it changed {name}" for name in flags if name not in self.flags]
        state = _global_state()
        for name, value in self.state.items():
            if not _equal(state[name], value):
                found.append(f"it changed {name}")
        _restore(self.state)
        return found


def _tensors(trained: TrainedModel) -> Iterator[tuple[str, Tensor]]:
    for role in ("model", "init"):
        network: nn.Module = getattr(trained, role)
        yield from ((f"{role}'s {name}", tensor) for name, tensor in network.named_parameters())
        yield from ((f"{role}'s {name}", tensor) for name, tensor in network.named_buffers())
    yield "the inputs", trained.inputs
    yield "the labels", trained.labels
    for field in dataclasses.fields(trained.history):
        yield f"the history's {field.name}", getattr(trained.history, field.name)
    for name, value in trained.__dict__.items():  # shared quantities, once they are computed
        if name not in GIVEN:
            yield from _inside(value, f"the shared {name}")


def _inside(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors in a shared quantity, each with a name to say what was changed."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, nn.Module):
        yield from ((f"{key} of {name}", tensor) for key, tensor in value.state_dict().items())
    elif isinstance(value, Layer):
        yield f"the shared weight of layer {value.name}", value.weight
        yield f"the shared initial weight of layer {value.name}", value.init_weight
        for key in LAYER_QUANTITIES & value.__dict__.keys():
            yield f"the shared {key} of layer {value.name}", value.__dict__[key]
    elif isinstance(value, dict):
        for key, each in value.items():  # of once_per_model: the module, the function, its arguments
            called = f"{key[1]}({_arguments(key[2:])}) of {key[0]}" if isinstance(key, tuple) else str(key)
            yield from _inside(each, f"the shared {called}" if name == "the shared shared" else f"{name} {called}")
    elif isinstance(value, tuple | list):
        for number, each in enumerate(value):
            yield from _inside(each, f"{name}[{number}]")
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _inside(getattr(value, field.name), f"{name}.{field.name}")


def _arguments(named: tuple[tuple[str, Any], ...]) -> str:
    return ", ".join(f"{name}={value}" for name, value in named)


def _flags(trained: TrainedModel) -> dict[str, Any]:
    flags: dict[str, Any] = {}
    for role in ("model", "init"):
        network: nn.Module = getattr(trained, role)
        for name, module in network.named_modules():
            where = f"{role}.{name}".rstrip(".")
            flags[f"the training mode of {where}"] = module.training
            hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)
            flags[f"the hooks of {where}"] = [len(each) for each in hooks]
        for name, parameter in network.named_parameters():
            flags[f"the gradient of {role}'s {name}"] = parameter.grad is not None
            flags[f"requires_grad of {role}'s {name}"] = parameter.requires_grad
    for name in ("inputs", "labels"):
        flags[f"requires_grad of the {name}"] = getattr(trained, name).requires_grad
    return flags


def _global_state() -> dict[str, Any]:
    return {
        "torch's global random state": torch.get_rng_state(),
        "the accelerator's random state": tuple(torch.cuda.get_rng_state_all()) if torch.cuda.is_initialized() else (),
        "numpy's global random state": np.random.get_state(),
        "Python's global random state": random.getstate(),
        "whether gradients are enabled": torch.is_grad_enabled(),
        "torch's default dtype": torch.get_default_dtype(),
        "torch's number of threads": torch.get_num_threads(),
    }


def _restore(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch's global random state"])
    if state["the accelerator's random state"]:
        torch.cuda.set_rng_state_all(list(state["the accelerator's random state"]))
    np.random.set_state(state["numpy's global random state"])
    random.setstate(state["Python's global random state"])
    torch.set_grad_enabled(state["whether gradients are enabled"])
    torch.set_default_dtype(state["torch's default dtype"])
    torch.set_num_threads(state["torch's number of threads"])


def _same(a: Tensor, b: Tensor) -> bool:
    """Equal, or else NaN in the same places: a shared mean over no examples is no number, and unchanged."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return torch.equal(a, b) or (a.is_floating_point() and bool(((a == b) | (a.isnan() & b.isnan())).all()))


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(_equal(x, y) for x, y in zip(a, b, strict=True))
    return bool(np.array_equal(a, b)) if isinstance(a, np.ndarray) else bool(a == b)
