"""What folding asks of a network traced by torch.fx: its graph, without its cuts, and which module a node calls."""

from typing import Any

import torch
from torch import Tensor, fx, nn

from measures.networks.functional_layers import FunctionsAsLayers
from measures.networks.plain_operations import CUTS

RELATIVE_TOLERANCE = 1e-4
Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d
NORMALIZATIONS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.modules.instancenorm._InstanceNorm)


def is_of_one_example(module: nn.Module) -> bool:
    """Whether it normalizes an example by that example's own mean and variance."""
    return isinstance(module, NORMALIZATIONS) and not getattr(module, "track_running_stats", False)


class Tracer(fx.Tracer):
    """torch.fx's, which does not look into normalizations of an example, and sees what a functional layer multiplies.

    So a class that is derived from such a normalization is one still.
    """

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return is_of_one_example(module) or super().is_leaf_module(module, name)

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Operand(node, self)

    def trace(self, root: Any, concrete_args: dict[str, Any] | None = None) -> fx.Graph:
        graph = super().trace(root, concrete_args)
        calls = [f"{node.target}." for node in graph.nodes if node.op == "call_module"]
        for name, network in root.named_modules():
            for route in network.routes if isinstance(network, FunctionsAsLayers) else ():
                layer = f"{name}.{route.layer}".removeprefix(".")
                if not any(call.startswith(f"{layer}.") for call in calls):
                    raise ValueError(f"layer {layer!r} is applied where it does not look")
        return graph

    def create_arg(self, a: Any) -> Any:
        try:
            return super().create_arg(a)
        except NameError as cause:  # of a functional layer
            raise ValueError("a weight is given to a function into which it does not look") from cause


class _Operand(fx.Proxy):
    """Its product with a matrix is a function of torch: of proxies alone, torch.fx passes a TorchFunctionMode over."""

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, Tensor):
            return torch.matmul(self, other)  # type: ignore[arg-type]
        return super().__matmul__(other)  # type: ignore[misc]


def traced(network: nn.Module) -> fx.GraphModule:
    """As fx.symbolic_trace."""
    return fx.GraphModule(network, Tracer().trace(network), type(network).__name__)


def leave_out_cuts(graph: fx.GraphModule) -> None:
    """What the network detaches has its gradient all the same, as in the network that was traced."""
    for node in [*graph.graph.nodes]:
        data = node.target is getattr and node.args[1:] == ("data",)
        if node.target in ("detach", "detach_") or node.target in CUTS or data:
            node.replace_all_uses_with(node.args[0])
            graph.graph.erase_node(node)


def called(node: fx.Node, modules: dict[str, nn.Module]) -> nn.Module | None:
    return modules.get(str(node.target)) if node.op == "call_module" else None
