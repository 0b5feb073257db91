"""A network run on numbers ≥ 0 as if each of its weights w were |w|^power: what path norms sum up.

It follows the traced graph (torch.fx). What only moves numbers about leaves them as they are, as ReLU does. A parameter
that is added or concatenated (positions, class tokens) is like a bias: a weight from a unit that is constantly 1; one
that is multiplied by is a weight for each number.
"""

import builtins
import operator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from measures import NotApplicable
from measures.networks.one_dimensional import of_one_row
from measures.networks.traced_graph import Tracer

UNCHANGED = (nn.ReLU, nn.Identity, nn.Flatten, nn.Unflatten, nn.Dropout, nn.Dropout1d, nn.Dropout2d)  # not training
POOLINGS_1D = (nn.MaxPool1d, nn.AvgPool1d, nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d)
POOLINGS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, *POOLINGS_1D)
SHAPE_NAMES = ("flatten", "unflatten", "reshape", "squeeze", "unsqueeze", "permute", "transpose", "movedim", "swapaxes")
PART_NAMES = ("chunk", "split", "unbind", "narrow", "select")
UNCHANGED_METHODS = {"relu", "relu_", "view", "size", "dim", "contiguous", "expand", "clone", "sum", "t"}
UNCHANGED_METHODS |= {*SHAPE_NAMES, *PART_NAMES}
UNCHANGED_FUNCTIONS = {getattr(torch, name) for name in (*SHAPE_NAMES, *PART_NAMES) if hasattr(torch, name)}
UNCHANGED_FUNCTIONS |= {F.relu, torch.relu, torch.cat, torch.concat, torch.stack, torch.sum, operator.getitem}
MOVES = (UNCHANGED_METHODS | UNCHANGED_FUNCTIONS) - {"relu", "relu_", "sum", F.relu, torch.relu, torch.sum}
CONVERSIONS = ("float", "double", "half", "bfloat16", "to", "type_as")  # paths are summed in float64
ATTRIBUTES = ("shape", "ndim", "mT", "T")
ADDITIONS = (operator.add, operator.iadd, torch.add, operator.sub, operator.isub, torch.sub)  # a path has no sign
JOINS = {*ADDITIONS, "add", "add_", "sub", "sub_", torch.cat, torch.concat, torch.stack}
PRODUCTS = (operator.mul, operator.imul, torch.mul)
QUOTIENTS = (operator.truediv, operator.itruediv, torch.div)
POOLING_FUNCTIONS = {
    F.max_pool2d: (nn.MaxPool2d, ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")),
    torch.max_pool2d: (nn.MaxPool2d, ("kernel_size", "stride", "padding", "dilation", "ceil_mode")),
    F.avg_pool2d: (
        nn.AvgPool2d,
        ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
    ),
    F.adaptive_avg_pool2d: (nn.AdaptiveAvgPool2d, ("output_size",)),
    F.adaptive_max_pool2d: (nn.AdaptiveMaxPool2d, ("output_size", "return_indices")),
    F.max_pool1d: (nn.MaxPool1d, ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")),
    torch.max_pool1d: (nn.MaxPool1d, ("kernel_size", "stride", "padding", "dilation", "ceil_mode")),
    F.avg_pool1d: (nn.AvgPool1d, ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")),
    F.adaptive_avg_pool1d: (nn.AdaptiveAvgPool1d, ("output_size",)),
    F.adaptive_max_pool1d: (nn.AdaptiveMaxPool1d, ("output_size", "return_indices")),
}


class TracerOfEffects(Tracer):
    """Looks into a module of torch's as well, where a hook or a `forward` of its own has it do more than its class.

    Linear and Conv2d layers are plain in a folded network.
    """

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        more = module._forward_hooks or module._forward_pre_hooks or "forward" in module.__dict__
        return super().is_leaf_module(module, name) and (isinstance(module, nn.Linear | nn.Conv2d) or not more)


class PowersOfWeights(fx.Interpreter):
    """Runs the network's graph with |w|^power for its weights, in float64; the network stays as it is."""

    def __init__(self, network: nn.Module, graph: fx.Graph, power: float):
        super().__init__(network, graph=graph)
        self.power = power
        self.extra_traceback = False  # a refusal is one sentence
        self.names: dict[fx.Node, str] = {}  # of the parameters that nodes have without the example

    def run_node(self, node: fx.Node) -> Any:
        given = [before for before in node.all_input_nodes if isinstance(self.env[before], Tensor)]
        fixed = [before for before in given if before in self.names]
        if node.op == "get_attr":
            self.names[node] = str(node.target).removeprefix("0.")
        elif fixed and len(fixed) == len(given) and node.target in MOVES:
            self.names[node] = self.names[fixed[0]]
        elif len(fixed) == 1 and len(given) == 2 and node.target in PRODUCTS:
            return self.env[given[0]] * self.env[given[1]]
        elif fixed and (node.target not in JOINS or len(fixed) == len(given)):
            raise NotApplicable(
                f"paths through {self.names[fixed[0]]!r} are unknown: it is neither a layer nor added nor multiplied by"
            )
        return super().run_node(node)

    def call_module(self, target: fx.node.Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        layer, x = self.fetch_attr(str(target)), (*args, *kwargs.values())[0]
        if isinstance(layer, UNCHANGED):
            return layer(x)
        if isinstance(layer, nn.Linear):
            return F.linear(x, *self.powers(layer))
        if isinstance(layer, nn.Conv2d) and layer.padding_mode == "zeros":
            weight, bias = self.powers(layer)
            return F.conv2d(x, weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups)
        if isinstance(layer, POOLINGS):
            return self.pooled(layer, x)
        kind = type(layer).__name__ if any(layer.children()) else str(layer)
        raise NotApplicable(f"paths through the layer {str(target).removeprefix('0.')!r}, {kind}, are unknown")

    def powers(self, layer: nn.Linear | nn.Conv2d) -> tuple[Tensor, Tensor | None]:
        """|w|^power of the layer's weights and of its biases, float64."""
        weight, bias = layer.weight.double().abs() ** self.power, layer.bias
        return weight, None if bias is None else bias.double().abs() ** self.power

    def pooled(self, pool: nn.Module, x: Tensor) -> Tensor:
        """The sum over each window, for an average times one over its size to the power."""
        if row := of_one_row(pool):
            return self.pooled(row, x.unsqueeze(-2)).squeeze(-2)
        if isinstance(pool, nn.MaxPool2d) and pool.dilation in (1, (1, 1)) and not pool.return_indices:
            return _sum_pool(pool, x)
        if isinstance(pool, nn.AvgPool2d):
            ones = torch.ones_like(x)
            return pool(x) * (pool(ones) / _sum_pool(pool, ones)) ** (self.power - 1)
        if isinstance(pool, nn.AdaptiveAvgPool2d):
            averages: Tensor = pool(x)
            return averages * _shares(x, averages) ** (self.power - 1)
        if isinstance(pool, nn.AdaptiveMaxPool2d) and not pool.return_indices:
            averages = F.adaptive_avg_pool2d(x, pool.output_size)  # type: ignore[arg-type]
            return averages / _shares(x, averages)
        raise NotApplicable(f"paths through the pooling {pool} are unknown")

    def call_function(self, target: fx.node.Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor | list | tuple)]
        numbers = [value for value in (*args, *kwargs.values()) if isinstance(value, int | float)]
        if target in UNCHANGED_FUNCTIONS or not tensors or (target is builtins.getattr and args[1] in ATTRIBUTES):
            return super().call_function(target, args, kwargs)
        if target in POOLING_FUNCTIONS:
            kind, names = POOLING_FUNCTIONS[target]
            given = dict(zip(("input", *names), args, strict=False)) | kwargs
            x = given.pop("input")
            return self.pooled(kind(**given), x)
        if target is torch.mean:
            return self.mean(args[0], super().call_function(target, args, kwargs))
        if target is F.dropout and not kwargs.get("training", (*args, True, True)[2]):
            return args[0]
        if len(args) == 2 and not kwargs:
            if target in ADDITIONS and len(tensors) == 2:
                return args[0] + args[1]
            if target is operator.add and numbers == [0]:  # a sum of several begins with it
                return args[1] + args[0]
            if target in PRODUCTS and len(tensors) == len(numbers) == 1:
                return next(a for a in args if isinstance(a, Tensor)) * abs(numbers[0]) ** self.power
            if target in QUOTIENTS and isinstance(args[1], int | float):
                return args[0] / abs(args[1]) ** self.power
        raise NotApplicable(f"paths through the function {getattr(target, '__name__', target)} are unknown")

    def call_method(self, target: fx.node.Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if target in UNCHANGED_METHODS:
            return super().call_method(target, args, kwargs)
        if target in CONVERSIONS:
            return args[0]
        if target == "mean":
            return self.mean(args[0], super().call_method(target, args, kwargs))
        if target in ("add", "add_", "sub", "sub_") and len(args) == 2 and isinstance(args[1], Tensor) and not kwargs:
            return args[0] + args[1]
        raise NotApplicable(f"paths through the method {target!r} are unknown")

    def mean(self, x: Tensor, averages: Tensor) -> Tensor:
        """An average over some dimensions: each of its weights is one over how many numbers are averaged."""
        return averages * (averages.numel() / x.numel()) ** (self.power - 1)

    def get_attr(self, target: fx.node.Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.fetch_attr(str(target)).double().abs() ** self.power


def _sum_pool(pool: nn.MaxPool2d | nn.AvgPool2d, x: Tensor) -> Tensor:
    return F.avg_pool2d(x, pool.kernel_size, pool.stride, pool.padding, pool.ceil_mode, divisor_override=1)


def _shares(x: Tensor, averages: Tensor) -> Tensor | float:
    """One over how many numbers each output of an adaptive pooling averages."""
    if all(size % windows == 0 for size, windows in zip(x.shape, averages.shape, strict=True)):
        return averages.numel() / x.numel()
    sizes = []
    for size, windows in zip(x.shape[-2:], averages.shape[-2:], strict=True):
        place = torch.arange(windows, dtype=torch.int64, device=x.device)
        begin, end = place * size // windows, -(-(place + 1) * size // windows)
        sizes.append((end - begin).double())
    return 1 / torch.outer(*sizes)
