"""Operations of torch replaced for one call of a network, by those that measures can differentiate once and twice.

What only saves time or memory, or was meant for training, is switched off:

- a compiled part runs as it was written, and a checkpointed one is not run again;
- autocast does not round; `no_grad` and `inference_mode` inside the network do not cut the gradient, and `detach` and
  `.data` do not either (`through_detach`): what is differentiated is the function that the network computes. Where
  that has no slope, as of rounded weights, and the network detaches to have one, it is differentiated as it is written;
- attention and weight normalization are computed by operations that have a second derivative, and the gradient of a
  table is dense;
- batch and instance normalization work on memory in one order.
"""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
import torch.utils.checkpoint
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from measures.networks.copying import modules_kept

DEVICES_WITH_AUTOCAST = ("cpu", "cuda")


def weight_norm(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    """g v / ‖v‖, the norm over all dimensions but one: torch._weight_norm, whose second derivative by v is wrong."""
    return v * (g / torch.norm_except_dim(v, 2, dim))


WITH_SECOND_DERIVATIVE: dict[Any, Any] = {torch._weight_norm: weight_norm}
CUTS = (Tensor.detach, torch.detach, Tensor.detach_, Tensor.data.__get__)  # type: ignore[attr-defined]
IN_A_TABLE = (F.embedding, F.embedding_bag)
OF_A_TABLE = ("sparse", "scale_grad_by_freq")  # options by which its gradient is sparse, or not the derivative


def dense(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function that looks rows up in a table, with a gradient that is dense and the derivative."""

    @functools.wraps(function)
    def looked_up(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named | dict.fromkeys(OF_A_TABLE, False))

    return looked_up


def in_one_order(normalization: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function, where what it receives and what comes back to it lie in memory with channels before positions.

    Of one example alone, on the CPU, torch (2.14) takes the one's order for the other's, and the derivative is wrong.
    """

    def normalized(inputs: Tensor, *arguments: Any, **named: Any) -> Tensor:
        returned = normalization(inputs.contiguous(), *arguments, **named)
        if returned.requires_grad:
            returned.register_hook(Tensor.contiguous)
        return returned

    return normalized


RIGHT_IN_ONE_ORDER = (F.batch_norm, F.instance_norm)
REPLACED: dict[Any, Any] = {
    **WITH_SECOND_DERIVATIVE,
    **{each: in_one_order(each) for each in RIGHT_IN_ONE_ORDER},
    **{each: dense(each) for each in IN_A_TABLE},
}


@contextlib.contextmanager
def plainly(network: nn.Module, through_detach: bool = False) -> Iterator[None]:
    """The block in which a network's forward is run by these operations."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(modules_kept(network))
        stack.enter_context(torch.set_grad_enabled(torch.is_grad_enabled()))  # whatever the network leaves it at
        stack.enter_context(inference_replaced(lambda: None))
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.enter_context(_without_fast_path())
        stack.enter_context(checkpointing_replaced(lambda: None))
        if any(isinstance(module, nn.RNNBase) for module in network.modules()):
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))  # whose kernels have no second derivative
        if "torch._dynamo" in sys.modules:  # nothing is compiled where it was never imported
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        stack.enter_context(_EveryOperation(torch.is_grad_enabled(), through_detach))
        yield


class _EveryOperation(TorchFunctionMode):
    """Operations of torch run without autocast; and with a gradient, if it is wanted, as no_grad does nothing."""

    def __init__(self, with_gradient: bool, through_detach: bool):
        super().__init__()
        self.with_gradient, self.through_detach = with_gradient, with_gradient and through_detach

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch._C._set_grad_enabled and self.with_gradient:
            return None
        if self.through_detach and function in CUTS:
            return args[0] if function is Tensor.detach_ else args[0].view_as(args[0])
        function = REPLACED.get(function, function)
        with contextlib.ExitStack() as stack:
            for device in DEVICES_WITH_AUTOCAST:
                if torch.is_autocast_enabled(device):
                    stack.enter_context(torch.autocast(device, enabled=False))
            return function(*args, **(kwargs or {}))


@contextlib.contextmanager
def checkpointing_replaced(note: Callable[[], None]) -> Iterator[None]:
    """Within the block torch.utils.checkpoint calls `note` and its function, once, and keeps all for the gradient."""

    class RunOnce:
        @staticmethod
        def apply(function: Callable[..., Any], preserve: bool, *args: Any) -> Any:
            note()
            return function(*args)

    def nothing(*anything: Any, **named: Any) -> Iterator[None]:
        note()
        yield

    replaced = {"CheckpointFunction": RunOnce, "_checkpoint_without_reentrant_generator": nothing}
    replaced["_checkpoint_without_reentrant_generator_impl"] = nothing  # its name in later versions of torch
    before = {name: vars(torch.utils.checkpoint)[name] for name in replaced if name in vars(torch.utils.checkpoint)}
    try:
        vars(torch.utils.checkpoint).update({name: replaced[name] for name in before})
        yield
    finally:
        vars(torch.utils.checkpoint).update(before)


@contextlib.contextmanager
def inference_replaced(note: Callable[[], None]) -> Iterator[None]:
    """Within the block torch.inference_mode calls `note` and does nothing else: what it makes has no gradient."""
    before = torch.inference_mode.__enter__, torch.inference_mode.__exit__

    def enter(mode: torch.inference_mode) -> None:
        note()

    def leave(mode: torch.inference_mode, *raised: Any) -> None:
        pass

    try:
        torch.inference_mode.__enter__, torch.inference_mode.__exit__ = enter, leave  # type: ignore[method-assign]
        yield
    finally:
        torch.inference_mode.__enter__, torch.inference_mode.__exit__ = before  # type: ignore[method-assign]


@contextlib.contextmanager
def _without_fast_path() -> Iterator[None]:
    """Attention and transformer layers call the layers that they are made of, with a gradient or without."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
