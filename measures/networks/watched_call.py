"""One call of a network, watched: whether it does anything but compute outputs from its parameters and inputs."""

import contextlib
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from measures.networks.copying import modules_kept, run_with
from measures.networks.layer_hooks import leaves_of
from measures.networks.plain_operations import (
    CUTS,
    DEVICES_WITH_AUTOCAST,
    IN_A_TABLE,
    OF_A_TABLE,
    RIGHT_IN_ONE_ORDER,
    WITH_SECOND_DERIVATIVE,
    checkpointing_replaced,
    inference_replaced,
)

WITH_OWN_KERNELS = (nn.RNNBase, nn.MultiheadAttention, nn.TransformerEncoderLayer)


class OrdersInMemory(TorchFunctionMode):
    """Notes a normalization that gets back its images in another order in memory than it received or made them: of one
    example alone its derivative is wrong (plain_operations.in_one_order)."""

    def __init__(self) -> None:
        super().__init__()
        self.mixed: list[str] = []

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        returned = function(*args, **(kwargs or {}))
        if function in RIGHT_IN_ONE_ORDER and returned.requires_grad:
            orders = {"first"} if function is F.instance_norm else {_order(args[0])}

            def note(back: Tensor) -> None:
                if orders | {_order(back)} == {"first", "last"}:
                    self.mixed.append(function.__name__)

            returned.register_hook(note)
        return returned


def _order(images: Tensor) -> str:
    """Where the channels lie in memory: before the positions, after them, or neither."""
    if images.is_contiguous():
        return "first"
    return "last" if images.movedim(1, -1).is_contiguous() else ""


def runs_plainly(network: nn.Module, examples: Tensor) -> bool:
    """Whether a call does nothing but compute outputs from the network's parameters and inputs."""
    return not watched_call(network, examples).odd


class Seen(NamedTuple):
    """Whether a call does anything but compute outputs, whether it detaches what it computes, and the parameters that
    it uses by another reference than their module's own: where others stand in their place, it uses them still."""

    odd: bool
    detaches: bool
    referred: tuple[str, ...] = ()


def watched_call(network: nn.Module, examples: Tensor) -> Seen:
    noted: list[str] = []
    private = examples.clone()
    weights = {name: parameter.detach().clone().requires_grad_() for name, parameter in network.named_parameters()}
    watch = _Watch(noted)
    outputs: Any = None
    with contextlib.ExitStack() as stack:
        changed = stack.enter_context(modules_kept(network))
        stack.enter_context(torch.enable_grad())  # which the network may leave off
        stack.enter_context(checkpointing_replaced(lambda: noted.append("checkpointed")))
        stack.enter_context(inference_replaced(lambda: noted.append("inference mode")))
        stack.enter_context(watch)
        with contextlib.suppress(Exception):  # what is wrong is said by the trial that follows
            outputs = run_with(network, weights, private)
        noted += changed()
    noted += [name for name, tensor in {**weights, "inputs": private}.items() if tensor._version]
    odd = bool(noted) or watch.detaches or not torch.equal(private, examples)
    leaves = {id(leaf) for leaf in leaves_of(outputs)} if isinstance(outputs, Tensor) else set()
    referred = tuple(name for name, parameter in network.named_parameters() if id(parameter) in leaves)
    return Seen(odd or any(map(_runs_otherwise, network.modules())), watch.detaches, referred)


def _runs_otherwise(module: nn.Module) -> bool:
    """Whether it is compiled, or of a class that torch has kernels of its own for."""
    compiled = getattr(module, "_compiled_call_impl", None) or hasattr(module, "_orig_mod")
    return bool(
        compiled or hasattr(module.forward, "_torchdynamo_orig_callable") or isinstance(module, WITH_OWN_KERNELS)
    )


class _Watch(TorchFunctionMode):
    """Notes operations under autocast or with a fused kernel, that gradients are switched on or off, tables of which
    the gradient is sparse, and whether anything is detached."""

    def __init__(self, noted: list[str]):
        super().__init__()
        self.noted, self.detaches = noted, False

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(function, "__name__", "")
        switched = function is torch._C._set_grad_enabled
        self.detaches = self.detaches or function in CUTS
        sparse = function in IN_A_TABLE and any((kwargs or {}).get(option) for option in OF_A_TABLE)
        rounded = any(torch.is_autocast_enabled(device) for device in DEVICES_WITH_AUTOCAST)
        fused = name == "scaled_dot_product_attention" or function in WITH_SECOND_DERIVATIVE
        if switched or rounded or fused or sparse:
            self.noted.append(name)
        return function(*args, **(kwargs or {}))
