"""A checkpoint loaded and checked, as a measure receives it. What is wrong with it is one sentence that names it."""

import dataclasses
import hashlib
import inspect
import numbers
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from harness.errors import HarnessError, kind_of, shown
from harness.files.sealed_tensors import digest_tensors
from harness.files.user_module import guarded
from harness.zoo.checkpoints.doors import pair_of
from harness.zoo.checkpoints.histories import problems_of_history
from harness.zoo.checkpoints.pair import Checkpoint
from harness.zoo.checkpoints.reference import CheckpointReference
from harness.zoo.network_problems import NOT_COPIED, is_a_copy
from measures.errors import NotApplicable
from measures.history import flat_state
from measures.networks.copying import copy_of, in_evaluation
from measures.networks.plain_network import require_readable
from measures.trained_model import TrainedModel

THE_SAME = "its init is the same network before its first step, or left out"


def load_checkpoint(reference: CheckpointReference, device: str) -> TrainedModel:
    """The network as it was when it was first looked at. HarnessError if it cannot be had, or is another now."""
    checkpoint = loaded(reference)
    if contents_of(checkpoint) != reference.contents:
        raise HarnessError(
            f"{reference.id} is not what it was when it was first looked at: its weights or data were changed "
            "meanwhile, or its loader draws without a seed; run again"
        )
    return as_trained(checkpoint, reference, device)


def loaded(reference: CheckpointReference) -> Checkpoint:
    """What its loader returns, in copies of its own and in evaluation mode. HarnessError if that cannot be measured.

    A loader may return what it has kept, which no measure is to change.
    """
    load = getattr(pair_of(reference), reference.side)
    with torch.random.fork_rng(devices=[]):
        found = guarded(load, reference.id, "cannot be loaded")
    if not isinstance(found, Checkpoint):
        raise HarnessError(f"{reference.id} is loaded as {kind_of(found)}; expected a Checkpoint")
    for problem in _problems(found):
        raise HarnessError(f"{reference.id} {problem}")
    try:
        return dataclasses.replace(
            found,
            model=_in_evaluation(found.model, reference),
            init=None if found.init is None else _in_evaluation(found.init, reference),
            inputs=found.inputs.detach().clone(),
            labels=found.labels.clone(),
        )
    except NotApplicable as reason:
        raise HarnessError(f"{reference.id} cannot be measured: {reason}") from reason


def _in_evaluation(network: nn.Module, reference: CheckpointReference) -> nn.Module:
    """A copy of it."""
    copied = copy_of(network)
    if not is_a_copy(copied, network):
        raise HarnessError(f"{reference.id} {NOT_COPIED}")
    return guarded(lambda: in_evaluation(copied), reference.id, "cannot be put into evaluation mode")


def as_trained(checkpoint: Checkpoint, reference: CheckpointReference, device: str) -> TrainedModel:
    """The checkpoint as a measure receives it. HarnessError if its network is none that measures can call."""
    fields: dict[str, Any] = {  # a TrainedModel may lack the two that are None
        "model": checkpoint.model.to(device),
        "init": None if checkpoint.init is None else checkpoint.init.to(device),
        "inputs": checkpoint.inputs.to(device),
        "labels": checkpoint.labels.to(device),
        "history": checkpoint.history,
        "seed": reference.seed,
    }

    def tried() -> TrainedModel:
        trained = TrainedModel(**fields, num_classes=0)
        try:
            require_readable(trained.model)
            with torch.no_grad():
                object.__setattr__(trained, "num_classes", trained.model(trained.inputs[:1]).shape[1])
        except NotApplicable as reason:
            raise HarnessError(f"{reference.id} cannot be measured: {reason}") from reason
        return trained

    return guarded(tried, reference.id, "cannot be measured")  # it may end the process, which is not only its own


def contents_of(checkpoint: Checkpoint) -> str:
    """sha256 of all that a measure can see of it, but for the code of its forward."""
    history = [] if checkpoint.history is None else [*vars(checkpoint.history).values()]
    parts = [
        architecture_of(checkpoint.model),
        *(_digest(network) for network in (checkpoint.model, checkpoint.init)),
        digest_tensors(checkpoint.inputs, checkpoint.labels),
        digest_tensors(*(value for value in history if isinstance(value, Tensor))),
    ]
    return hashlib.sha256(":".join(parts).encode()).hexdigest()


def weights_of(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers, those that its state dict leaves out as well."""
    yield from network.named_parameters()
    yield from network.named_buffers()


def architecture_of(network: nn.Module) -> str:
    """A digest of its modules' names, classes and shapes; networks of one architecture are compared with each other."""
    lines = []
    for name, module in network.named_modules():
        settings = _settings_of(module) if type(module).__module__.startswith("torch.nn.") else ""
        lines.append(f"{name}: {type(module).__qualname__}({settings})")
    lines += [f"{name}: {tuple(tensor.shape)} {tensor.dtype}" for name, tensor in weights_of(network)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _settings_of(module: nn.Module) -> str:
    """What one of torch's modules was constructed with, as far as it keeps it: not all of it is in its representation.

    Attributes beyond these may be a user's own, such as an epoch, and are no part of an architecture.
    """
    found = [module.extra_repr()]
    for name in inspect.signature(type(module).__init__).parameters:
        value = vars(module).get(name)
        if isinstance(value, bool | int | float | str | tuple):
            found.append(f"{name}={value!r}")
        elif callable(value):
            found.append(f"{name}={getattr(value, '__qualname__', type(value).__qualname__)}")
    return ", ".join(found)


def _digest(network: nn.Module | None) -> str:
    return "" if network is None else digest_tensors(*(tensor.detach() for _, tensor in weights_of(network)))


def _problems(found: Checkpoint) -> Iterator[str]:
    """What is wrong, as the end of a sentence that begins with its name; later ones suppose that earlier are not."""
    for role, network in (("model", found.model), ("init", found.init)):
        if not isinstance(network, nn.Module) and (role == "model" or network is not None):
            hint = "; load it into its network first" if isinstance(network, dict) else ""
            yield f"has {kind_of(network)} as its {role}; expected a torch.nn.Module{hint}"
    yield from _problems_of_data(found.inputs, found.labels)
    for role, network in (("model", found.model), ("init", found.init)):
        for name, tensor in weights_of(network) if network is not None else ():
            if nn.parameter.is_lazy(tensor):
                yield f"has no shape yet for {name!r} of its {role}: it was never run"
            if kind := _not_dense(tensor):
                yield f"has {kind} as {name!r} of its {role}; expected a dense one on the CPU"
            if isinstance(tensor, nn.Parameter) and not tensor.isfinite().all():  # a buffer may be a mask of infinities
                yield f"has numbers that are not finite in {name!r} of its {role}"
    if found.init is not None:
        yield from _problems_of_init(found.model, found.init)
    if found.history is not None:
        yield from problems_of_history(found.history, len(found.labels), len(flat_state(found.model)))
    error = found.test_error
    if error is not None and not (isinstance(error, numbers.Real) and 0 <= error <= 1):
        yield f"has the test error {shown(error)}; expected a fraction misclassified, from 0 to 1"


def _problems_of_init(model: nn.Module, init: nn.Module) -> Iterator[str]:
    """Measures take the parameters of both in their order, whatever their names: a wrapper may have changed these."""
    ours, theirs = ([tuple(each.shape) for each in network.parameters()] for network in (model, init))
    dtypes = [{each.dtype for each in network.parameters()} for network in (model, init)]
    if len(ours) != len(theirs):
        yield f"has {len(ours)} parameters in its model and {len(theirs)} in its init; {THE_SAME}"
    for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if one != other:
            name = [name for name, _ in model.named_parameters()][place]
            yield f"has {name!r} of {one} in its model, and {other} at that place in its init; {THE_SAME}"
    if dtypes[0] != dtypes[1]:
        yield f"has a model of {_listed(dtypes[0])}, and an init of {_listed(dtypes[1])}; {THE_SAME}"
    trained = zip(model.parameters(), init.parameters(), strict=True)
    if ours and all(torch.equal(one.detach().cpu(), other.detach().cpu()) for one, other in trained):
        yield "has trained weights in its init; keep copy.deepcopy(model) from before its first step, or leave it out"


def _listed(dtypes: set[torch.dtype]) -> str:
    return " and ".join(sorted(str(dtype).removeprefix("torch.") for dtype in dtypes))


def _not_dense(tensor: Tensor) -> str:
    """What the tensor is if its numbers do not lie in memory one beside the other; else empty."""
    if tensor.is_meta:
        return "a tensor without numbers (on torch's meta device)"
    if tensor.layout != torch.strided:
        return f"a sparse tensor ({tensor.layout})"
    return "a quantized tensor" if tensor.is_quantized else ""


def _problems_of_data(inputs: Any, labels: Any) -> Iterator[str]:
    for what, given in (("inputs", inputs), ("labels", labels)):
        if not isinstance(given, Tensor):
            yield f"has {kind_of(given)} as its {what}; expected a tensor (torch.as_tensor)"
        if kind := _not_dense(given):
            yield f"has {kind} as its {what}; expected a dense one on the CPU"
    if inputs.dtype not in (torch.float32, torch.float64):
        yield f"has inputs of {inputs.dtype}; expected torch.float32, as the network was trained on"
    if labels.dtype != torch.int64 or labels.ndim != 1:
        yield f"has labels of {labels.dtype} and shape {tuple(labels.shape)}; expected torch.int64, one an example"
    if inputs.ndim < 2 or len(inputs) != len(labels) or not len(labels):
        yield f"has inputs {tuple(inputs.shape)} and labels {tuple(labels.shape)}; expected one label an example"
    if not inputs.isfinite().all():
        yield "has inputs that are not finite"
    if int(labels.min()) < 0:
        yield f"has labels from {int(labels.min())}; expected 0 to K - 1"
