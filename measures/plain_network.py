"""A network made to run as measures take for granted, whatever it does inside.

Measures differentiate a network's outputs by its inputs and its parameters, once and twice, and look on as its layers
run. What only saves time or memory, or was meant for training, is switched off for one call at a time:

- a compiled network runs as it was written, and a checkpointed part is not run again;
- autocast does not round; `no_grad` and `inference_mode` inside the network do not cut the gradient, and `detach` and
  `.data` do not either (`through_detach`): what is differentiated is the function that the network computes;
- attention and weight normalization are computed by operations that have a second derivative, and the gradient of a
  table is dense;
- batch and instance normalization work on memory in one order;
- the network receives a copy of its inputs; what it keeps of a call in its modules, draws from global random states or
  writes to the environment is put back afterwards (copying.py).

Nothing is changed on the network itself. It is network_check.py that finds out which networks need this.
"""

import contextlib
import copy
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import torch
import torch.nn.functional as F
import torch.utils.checkpoint
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from measures.copying import in_evaluation, modules_kept
from measures.errors import NotApplicable

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


class NoDerivative(torch.autograd.Function):
    """Zero, as a function of some weights whose derivative is a reason: NotApplicable where it is asked for."""

    generate_vmap_rule = True

    @staticmethod
    def forward(reason: str, *weights: Tensor) -> Tensor:
        return weights[0].new_zeros(())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.reason = inputs[0]

    @staticmethod
    def backward(ctx: Any, *back: Tensor) -> Any:
        raise NotApplicable(ctx.reason)


class PlainNetwork(nn.Module):
    """A network of any class that runs as described above: `made_plain`.

    - `no_input_gradient`, where it is not empty, says why outputs have no derivative with respect to the inputs; it is
      raised as NotApplicable by a call that asks for one.
    - `no_gradient_by` says the same of parameters, by their names; it is raised where a gradient is asked for.
    - `through_detach`: what the network detaches has its gradient all the same.
    """

    given: tuple[nn.Module]
    no_input_gradient: str
    no_gradient_by: dict[str, str]
    through_detach: bool

    def forward(self, inputs: Tensor) -> Tensor:
        if self.no_input_gradient and inputs.requires_grad and torch.is_grad_enabled():
            raise NotApplicable(self.no_input_gradient)
        own: Callable[[Tensor], Tensor] = vars(self.given[0]).get("forward") or super().forward
        with plainly(self, self.through_detach):
            outputs = own(inputs.clone())
        if not isinstance(outputs, Tensor):
            return outputs
        if not torch.is_grad_enabled():
            return outputs.detach()  # the network may have switched gradients on
        cut = [p for name, p in self.named_parameters() if name in self.no_gradient_by and p.requires_grad]
        return outputs + NoDerivative.apply(next(iter(self.no_gradient_by.values())), *cut) if cut else outputs

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, or what a pickle gives, is made of a copy of the given network."""
        return made_plain, (self.given[0], self.no_input_gradient, self.no_gradient_by, self.through_detach)


class RefusedNetwork(nn.Module):
    """A network whose function measures cannot read: `refused`. Every call raises NotApplicable with the `reason`."""

    given: tuple[nn.Module]
    reason: str

    def forward(self, inputs: Tensor) -> Tensor:
        raise NotApplicable(self.reason)

    def __reduce__(self) -> tuple[Any, ...]:
        return refused, (self.given[0], self.reason)


def require_readable(network: nn.Module) -> None:
    """Raises NotApplicable for a RefusedNetwork, as a call of it does."""
    if isinstance(network, RefusedNetwork):
        raise NotApplicable(network.reason)


def made_plain(
    network: nn.Module,
    no_input_gradient: str = "",
    no_gradient_by: dict[str, str] | None = None,
    through_detach: bool = False,
) -> PlainNetwork:
    """The network as a PlainNetwork, with the same modules and parameters under the same names."""
    twin = _twin(network, PlainNetwork)
    twin.no_input_gradient = no_input_gradient
    twin.no_gradient_by = no_gradient_by or {}
    twin.through_detach = through_detach
    return twin


def refused(network: nn.Module, reason: str) -> RefusedNetwork:
    """The network as a RefusedNetwork: its parameters can be read, but for those that do not exist yet."""
    twin = RefusedNetwork()
    if any(nn.parameter.is_lazy(parameter) for parameter in network.parameters()):
        twin.given = (network,)
    elif isinstance(network, torch.jit.ScriptModule):  # it cannot be of two classes
        twin.given, twin.network = (network,), network
    else:
        twin = _twin(network, RefusedNetwork)
    twin.reason = reason
    return in_evaluation(twin)


Twin = TypeVar("Twin", PlainNetwork, RefusedNetwork)


def _twin(network: nn.Module, kind: type[Twin]) -> Twin:
    """Another object with the network's modules, parameters, buffers and hooks, of its class and of this kind."""
    twin = copy.copy(network)
    twin.__dict__.pop("forward", None)
    twin.__dict__["_compiled_call_impl"] = None
    twin.__dict__["given"] = (network,)
    twin.__class__ = type(kind.__name__, (kind, type(network)), {})
    return cast(Twin, twin)


def as_given(network: Any) -> nn.Module:
    """The network that one of the two was made of, or that torch wrapped to compile, distribute or average it."""
    wrappers = (nn.DataParallel, nn.parallel.DistributedDataParallel, torch.optim.swa_utils.AveragedModel)
    while True:
        if isinstance(network, PlainNetwork | RefusedNetwork):
            network = network.given[0]
        elif isinstance(network, wrappers):
            network = network.module
        elif type(network).__name__ == "OptimizedModule" and hasattr(network, "_orig_mod"):
            network = network._orig_mod
        else:
            given: nn.Module = network
            return given


@contextlib.contextmanager
def plainly(network: nn.Module, through_detach: bool = False) -> Iterator[None]:
    """The block in which a network's forward is run as described above."""
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
