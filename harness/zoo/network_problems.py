"""What can be wrong with a network of a user's own, one part of it after the other (contract.py).

Each gives the end of a sentence that begins with the network.
"""

import copy
import io
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import kind_of
from harness.files.sent_networks import send
from measures.networks.copying import first_line

PROBABILITIES = (
    "gives probabilities: every row of its outputs sums to 1; give logits (leave out the softmax at its end)"
)
AFTER_A_SIGMOID = (
    "gives numbers between 0 and 1 alone, as after a sigmoid; give logits (leave out the sigmoid at its end)"
)
AS_A_TENSOR = "expected its logits alone, a tensor (batch, num_classes)"
NOT_COPIED = "is not copied by copy.deepcopy, which gives the same weights or no network; leave out its __deepcopy__"
DENSE = "expected a dense tensor of float32"
VIEWS = (
    "View",
    "UnsafeView",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
    "Slice",
    "Select",
    "Transpose",
    "Permute",
    "T",
    "Clone",
)
"""What torch calls operations that change no number."""


def of_defaults() -> Iterator[str]:
    if torch.get_default_dtype() != torch.float32:
        yield f"sets torch's default dtype to {torch.get_default_dtype()}, for all that comes after it; leave it"
    if torch.get_default_device().type != "cpu":
        yield f"sets torch's default device to {torch.get_default_device()}, for all that comes after it; leave it"
    if not torch.is_grad_enabled():
        yield "switches gradients off, for all that comes after it; leave torch.set_grad_enabled as it is"


def of_weights(one: nn.Module, again: nn.Module, other: nn.Module) -> Iterator[str]:
    states = [dict(network.state_dict()) for network in (one, again, other)]
    if strange := [name for name, value in states[0].items() if not isinstance(value, Tensor)]:
        yield f"has {strange[0]!r} in its state dict, which is not a tensor"
        return
    if lazy := [name for name, parameter in one.named_parameters() if nn.parameter.is_lazy(parameter)]:
        yield f"has no shape yet for {lazy[0]!r}; call it once in the function, network(torch.zeros(1, *input_shape))"
        return
    if not any(parameter.requires_grad for parameter in one.parameters()):
        yield "has no parameters to train"
    if {tensor.device.type for tensor in states[0].values()} != {"cpu"}:
        yield "is not on the CPU; the harness moves it to the device that it is trained on"
    if {parameter.dtype for parameter in one.parameters()} != {torch.float32}:
        yield "has parameters that are not float32"
    if {tensor.data_ptr() for tensor in one.parameters()} & {tensor.data_ptr() for tensor in again.parameters()}:
        yield "is the same object, or shares weights, whenever it is built; make a new one in the function"
    if not _equal(states[0], states[1]):
        yield "does not draw its weights from torch's generator: with one seed, they are others every time"
    elif _equal(states[0], states[2]):
        yield "starts from the same weights for every seed"


def of_logits(logits: Any, examples: int, classes: int) -> Iterator[str]:
    if not isinstance(logits, Tensor):
        many = f" of {len(logits)}" if isinstance(logits, tuple | list | dict) else ""
        yield f"gives {kind_of(logits)}{many}; {AS_A_TENSOR}"
    elif logits.shape != (examples, classes):
        yield f"gives {tuple(logits.shape)} for {examples} examples of {classes} classes; {AS_A_TENSOR}"
    elif logits.layout != torch.strided or not logits.is_floating_point():
        kind = "sparse outputs" if logits.layout != torch.strided else f"outputs of {logits.dtype}"
        yield f"gives {kind}; {DENSE}"
    elif are_probabilities(logits):
        yield PROBABILITIES
    elif ends_in_a_sigmoid(logits):
        yield AFTER_A_SIGMOID
    elif not logits.isfinite().all():
        yield f"gives {int((~logits.isfinite()).sum())} numbers that are not finite, before any training"


def of_training(network: nn.Module, logits: Tensor, labels: Tensor) -> Iterator[str]:
    if not logits.requires_grad:
        yield "gives outputs without a gradient; is there torch.no_grad() or detach() in it?"
        return
    F.cross_entropy(logits, labels).backward()
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    if any(gradient.layout != torch.strided for gradient in gradients):
        yield "has sparse gradients, which not all optimizers and measures take; leave out sparse=True"
        return
    if not all(gradient.isfinite().all() for gradient in gradients):
        yield "has gradients that are not finite, before any training"
    network.zero_grad()


def of_copies(network: nn.Module, other: nn.Module) -> Iterator[str]:
    """It is kept as it was before training, sent to the process that calls a measure, stored and loaded again."""
    try:
        copied = copy.deepcopy(network)
    except Exception as cause:
        yield f"cannot be copied (copy.deepcopy): {_old_norm(network) or first_line(cause)}"
        return
    if not is_a_copy(copied, network):
        yield NOT_COPIED
        return
    try:
        send(copied, io.BytesIO())
    except Exception as cause:
        scripted = any(isinstance(module, torch.jit.ScriptModule) for module in network.modules())
        mend = "leave out torch.jit" if scripted else "define its parts at the top of the file"
        yield f"cannot be sent to another process: {first_line(cause)}; {mend}"
        return
    try:
        other.load_state_dict(network.state_dict())
    except Exception as cause:
        yield f"cannot be loaded from its own state dict: {first_line(cause)}"


def is_a_copy(copied: object, network: nn.Module) -> bool:
    """Whether it is a network, and another one: a class may have a `__deepcopy__` that returns anything."""
    if not isinstance(copied, nn.Module):
        return False
    ours = [*network.parameters()]  # held, since identities of what is gone are given again
    kept = {*map(id, ours)}
    return copied is not network and not any(id(parameter) in kept for parameter in copied.parameters())


def _old_norm(network: nn.Module) -> str:
    """Which of torch's old normalizations of weights it has; "" for none."""
    hooks = (type(hook).__name__ for module in network.modules() for hook in module._forward_pre_hooks.values())
    new = {"WeightNorm": "weight_norm", "SpectralNorm": "spectral_norm"}
    name = next((new[hook] for hook in hooks if hook in new), "")
    return name and f"it has torch.nn.utils.{name}; use torch.nn.utils.parametrizations.{name}"


def of_state(network: nn.Module, other: nn.Module, inputs: Tensor, classes: int) -> Iterator[str]:
    """`other` was loaded with its state dict, and is to be the same function."""
    with torch.no_grad():
        ours, again, loaded = (each.eval()(inputs.clone()) for each in (network, network, other))
    if problem := next(of_logits(ours, len(inputs), classes), ""):
        yield f"{problem}, in evaluation mode"
    elif not torch.equal(ours, again):
        yield "gives other outputs every time in evaluation mode; let it draw in training alone (if self.training)"
    elif not torch.allclose(ours, loaded, rtol=1e-4, atol=1e-5):
        yield (
            "is not determined by its state dict: it keeps numbers that are neither parameters nor buffers; use "
            "register_buffer"
        )


def are_probabilities(outputs: Tensor) -> bool:
    """Whether every row is a distribution over two classes or more, as of a network that ends in a softmax."""
    if outputs.ndim != 2 or outputs.shape[1] < 2:
        return False
    return bool((outputs >= 0).all()) and bool(((outputs.double().sum(dim=1) - 1).abs() < 1e-3).all())


def ends_in_a_sigmoid(outputs: Tensor) -> bool:
    """Whether a sigmoid gave them, as their gradient tells: before training a few logits may lie in (0, 1) too."""
    step = outputs.grad_fn
    while step is not None and step.name().partition("Backward")[0] in VIEWS:
        step = step.next_functions[0][0]
    return step is not None and step.name() == "SigmoidBackward0"


def lie_between_0_and_1(logits: Tensor) -> bool:
    """Whether all do, and not all are the same: no trained network's logits, of which the largest grow."""
    return bool(((logits > 0) & (logits <= 1)).all()) and bool((logits != logits.flatten()[:1]).any())


def _equal(some: dict[str, Tensor], others: dict[str, Tensor]) -> bool:
    return some.keys() == others.keys() and all(torch.equal(tensor, others[name]) for name, tensor in some.items())
