"""What a measure must leave as it found it: model, data, history, shared quantities, gradients, global state.

Tensors are compared by value. What is not a tensor (an attribute, a module, a method that was patched, an entry of what
measures share) is compared by value where it is a plain one, and else by identity.
"""

import dataclasses
import os
import random
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.calling.namespaces import Names, names_in, patched
from harness.calling.same_tensor import same
from measures.layers import Layer
from measures.trained_model import TrainedModel

GIVEN = {field.name for field in dataclasses.fields(TrainedModel)}
LAYER_QUANTITIES = {"change", "singular_values"}
HOOKS = tuple(name for name in vars(nn.Module()) if name.endswith("_hooks"))
SEEN_OTHERWISE = {
    *("_parameters", "_buffers", "_modules", "training"),  # tensors, modules, and a flag of its own
    *(name for name in vars(nn.Module()) if name.endswith("_hooks") or name.endswith("_hooks_with_kwargs")),
}
PATCHABLE = (torch, torch.Tensor, torch.nn, torch.nn.functional, torch.linalg, torch.autograd, torch.func)
"""Where a patched function would change what others compute. What is imported into them later is not a patch."""

Callables = dict[Any, Names]
"""What modules and classes have under each name."""


class Witness:
    """Remembers a TrainedModel and the global state, and lists afterwards what changed.

    `look()` before each measure, `changes()` after it. Tensors are compared in full, with copies made once;
    quantities that measures share (logits, layers, ...) are watched from the first look after they appeared.
    """

    def __init__(self, trained: TrainedModel):
        import torch._dynamo  # noqa: F401  (else the first optimizer would, which changes torch and the environment)

        self.trained = trained
        self.copies: dict[str, Tensor] = {}
        self.objects_now: _Objects | None = None  # as they were after the last measure: the next begins with them

    def look(self, known: "Callables | None" = None) -> None:
        """Remember what there is now. `known`: what some places have under their names, from an earlier witness."""
        modules = _modules(self.trained)
        for name, tensor in _tensors(self.trained, modules):
            if name not in self.copies:
                self.copies[name] = tensor.detach().clone()
        self.flags = _flags(self.trained, modules)
        self.objects = self.objects_now or _Objects(self.trained, modules, known=known)
        self.objects_now = None
        self.state = _global_state()

    def begin_anew(self) -> None:
        """What the harness does between two measures, as when it loads another model, is nothing that one changed."""
        self.objects_now = None

    def look_again(self) -> None:
        """In a process forked since the last look, before anything happens in it: what is new is right."""
        self.objects.entries = dict(self.trained.__dict__)
        self.state = _global_state()

    def changes(self) -> list[str]:
        """What is not as it was at the last look, in words; the global state is put back."""
        modules = _modules(self.trained)
        now = dict(_tensors(self.trained, modules))
        found = []
        for name, copy in self.copies.items():
            if name not in now or not same(now[name], copy):
                found.append(f"it changed {name}")
        objects = _Objects(self.trained, modules, self.objects)
        found += [f"it changed {name}" for name in self.objects.changes(objects)]
        flags = _flags(self.trained, modules)
        found += [f"it changed {name}" for name, value in self.flags.items() if flags.get(name) != value]
        found += [f"it changed {name}" for name in flags if name not in self.flags]
        state = _global_state()
        altered = [name for name, value in self.state.items() if not _equal(state[name], value)]
        found += [f"it changed {name}" for name in altered]
        self.objects_now = None if found else objects  # what is put back may change them once more
        if altered:
            _restore(self.state, state)
        return found


Modules = list[tuple[str, str, nn.Module]]
"""Role, name and module, for every module of both networks, or of the one that there is."""


def _modules(trained: TrainedModel) -> Modules:
    there = [(role, network) for role in ("model", "init") if (network := vars(trained)[role]) is not None]
    return [(role, name, module) for role, network in there for name, module in network.named_modules()]


def _tensors(trained: TrainedModel, modules: Modules) -> Iterator[tuple[str, Tensor]]:
    for role, name, module in modules:
        for own in (module._parameters, module._buffers):
            for key, tensor in own.items():
                if tensor is not None:
                    yield f"{role}'s {name}.{key}" if name else f"{role}'s {key}", tensor
    yield "the inputs", trained.inputs
    yield "the labels", trained.labels
    if (history := vars(trained)["history"]) is not None:
        for field in dataclasses.fields(history):
            yield f"the history's {field.name}", getattr(history, field.name)
    for name, value in trained.__dict__.items():  # shared quantities, once they are computed
        if name == "shared":
            for key, quantity in value.items():
                yield from _inside(quantity, _shared_name(key))
        elif name not in GIVEN:
            yield from _inside(value, f"the shared {name}")


def _shared_name(key: Any) -> str:
    """What to call what is kept under a key of once_per_model, or under one that a measure has made up."""
    try:
        module, function, _, *arguments = key
        called = ", ".join(f"{argument}={given}" for argument, given, _ in arguments)
        return f"the shared {function}({called}) of {module}"
    except (TypeError, ValueError):
        return f"the shared {key!r}"


def _inside(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors in a shared quantity, each with a name to say what was changed."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, nn.Module):
        kept = value.state_dict().items()  # what a module keeps beside its tensors as well
        yield from ((f"{key} of {name}", tensor) for key, tensor in kept if isinstance(tensor, Tensor))
    elif isinstance(value, Layer):
        yield f"the shared weight of layer {value.name}", value.weight
        if (start := vars(value)["init_weight"]) is not None:
            yield f"the shared initial weight of layer {value.name}", start
        for key in LAYER_QUANTITIES & value.__dict__.keys():
            yield f"the shared {key} of layer {value.name}", value.__dict__[key]
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _inside(part, f"{name} {key}")
    elif isinstance(value, tuple | list):
        for number, part in enumerate(value):
            yield from _inside(part, f"{name}[{number}]")
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = vars(value) if hasattr(value, "__dict__") else {}  # a part that a model lacks cannot be read
        for field in dataclasses.fields(value):
            part = parts[field.name] if field.name in parts else getattr(value, field.name)
            yield from _inside(part, f"{name}.{field.name}")


class _Objects:
    """All that is not a tensor: kept here, so that an identity stays its own."""

    def __init__(
        self,
        trained: TrainedModel,
        modules: Modules,
        before: "_Objects | None" = None,
        known: Callables | None = None,
    ):
        self.modules = [(_place(role, name), module, _attributes(module)) for role, name, module in modules]
        self.entries = dict(trained.__dict__)
        self.shared = dict(trained.__dict__.get("shared", {}))
        known, earlier = known or {}, before.callables if before else {}
        places = {*PATCHABLE, *(type(module) for _, _, module in modules)}
        self.callables: Callables = {place: known.get(place) or names_in(place, earlier.get(place)) for place in places}

    def changes(self, now: "_Objects") -> Iterator[str]:
        """What is not as it was."""
        if [where for where, _, _ in now.modules] != [where for where, _, _ in self.modules]:
            yield "the modules of the network"
        for (where, before, attributes), (_, module, others) in zip(self.modules, now.modules, strict=False):
            if module is not before:
                yield f"the module {where}"
            elif attributes != others:
                names = [key for key in {**attributes, **others} if attributes.get(key, now) != others.get(key, now)]
                yield from (f"the attribute {key} of {where}" for key in sorted(names))
        for key, value in self.entries.items():
            if now.entries.get(key) is not value:
                yield f"the entry {key}"
        for shared, value in self.shared.items():
            if now.shared.get(shared) is not value:
                yield f"the shared {shared[1]} of {shared[0]}"
        for place, known in self.callables.items():
            found = now.callables.get(place) or names_in(place, known)
            yield from (f"{getattr(place, '__name__', place)}.{key}" for key in patched(place, known, found))


def _place(role: str, name: str) -> str:
    return f"{role}.{name}" if name else role


def _attributes(module: nn.Module) -> dict[str, Any]:
    return {key: _token(value) for key, value in vars(module).items() if key not in SEEN_OTHERWISE}


def _token(value: Any) -> Any:
    """What to compare of an attribute: a plain value, what a container has, else which object it is."""
    if isinstance(value, bool | int | float | complex | str | bytes | type(None) | torch.dtype | torch.device):
        return value
    if isinstance(value, tuple | list):
        return type(value), tuple(map(_token, value))
    if isinstance(value, dict):
        return type(value), tuple((_token(key), _token(part)) for key, part in value.items())
    return _Same(value)


class _Same:
    """Equal to another of the same object only."""

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value

    __hash__ = None  # type: ignore[assignment]


def _flags(trained: TrainedModel, modules: Modules) -> dict[str, Any]:
    flags: dict[str, Any] = {}
    for role, name, module in modules:
        where = _place(role, name)
        flags[f"the training mode of {where}"] = module.training
        flags[f"the hooks of {where}"] = [len(vars(module).get(key) or ()) for key in HOOKS]
        for key, parameter in module._parameters.items():
            if parameter is not None:
                called = f"{role}'s {name}.{key}" if name else f"{role}'s {key}"
                flags[f"the gradient of {called}"] = parameter.grad is not None
                flags[f"requires_grad of {called}"] = parameter.requires_grad
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
        "inference mode": torch.is_inference_mode_enabled(),
        "autocast": (torch.is_autocast_enabled("cpu"), torch.is_autocast_enabled("cuda")),
        "torch's default dtype": torch.get_default_dtype(),
        "torch's default device": str(torch.get_default_device()),
        "torch's precision of matrix products": torch.get_float32_matmul_precision(),
        "whether torch's algorithms are deterministic": torch.are_deterministic_algorithms_enabled(),
        "numpy's handling of errors": tuple(sorted(np.geterr().items())),
        "the working folder": _working_folder(),
        "the environment": tuple(sorted(os.environ.items())),
        "sys.path": tuple(sys.path),
        "torch's number of threads": torch.get_num_threads(),
    }


def _restore(state: dict[str, Any], now: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch's global random state"])
    if state["the accelerator's random state"]:
        torch.cuda.set_rng_state_all(list(state["the accelerator's random state"]))
    np.random.set_state(state["numpy's global random state"])
    random.setstate(state["Python's global random state"])
    torch.set_grad_enabled(state["whether gradients are enabled"])
    torch.set_default_dtype(state["torch's default dtype"])
    setters: dict[str, Any] = {
        "torch's default device": torch.set_default_device,
        "torch's precision of matrix products": torch.set_float32_matmul_precision,
        "whether torch's algorithms are deterministic": torch.use_deterministic_algorithms,
    }
    for name, setter in setters.items():  # some of them import a great deal
        if now[name] != state[name]:
            setter(state[name])
    np.seterr(**dict(state["numpy's handling of errors"]))
    os.chdir(state["the working folder"])
    sys.path[:] = state["sys.path"]
    _restore_environment(dict(state["the environment"]))
    torch.set_num_threads(state["torch's number of threads"])


def _working_folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:  # it was removed meanwhile
        return "/"


def _restore_environment(before: dict[str, str]) -> None:
    for name in [name for name in os.environ if name not in before]:
        del os.environ[name]
    for name, value in before.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, tuple) and any(isinstance(part, Tensor | np.ndarray) for part in a):
        return len(a) == len(b) and all(_equal(x, y) for x, y in zip(a, b, strict=True))
    return bool(np.array_equal(a, b)) if isinstance(a, np.ndarray) else bool(a == b)
