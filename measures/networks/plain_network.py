"""A network made to run as measures take for granted, whatever it does inside.

Measures differentiate a network's outputs by its inputs and its parameters, once and twice, and look on as its layers
run. What only saves time or memory, or was meant for training, is switched off for one call at a time, and operations
without a second derivative are replaced (plain_operations.py). The network receives a copy of its inputs; what it keeps
of a call in its modules, draws from global random states or writes to the environment is put back afterwards
(copying.py).

Nothing is changed on the network itself. It is network_check.py that finds out which networks need this.
"""

import copy
import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from measures.errors import NotApplicable
from measures.networks.copying import in_evaluation
from measures.networks.plain_operations import plainly


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


def require_parameters(network: nn.Module) -> None:
    """Raises NotApplicable for a RefusedNetwork whose parameters do not exist yet, or are not finite."""
    if isinstance(network, RefusedNetwork):
        known = [*network.parameters()]
        if not known or not all(map(is_finite, known)):
            raise NotApplicable(network.reason)


def is_finite(parameter: Tensor) -> bool:
    """Whether all of its numbers are; in one pass over them, without a copy."""
    if parameter.layout != torch.strided or not parameter.numel():
        return True
    return all(map(math.isfinite, map(float, parameter.detach().aminmax())))


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
