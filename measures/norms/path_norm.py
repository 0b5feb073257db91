"""Path norms: the weights met on a path from an input to an output multiplied, over all paths.

    μ = (Σ over paths  Π w²)^½ = (Σₖ f_{θ²}(1)[k])^½            path_norm
    μ = (Σ over paths  Π w²)^½ / γ                              path_norm_over_margin
    μ =  Σ over paths  Π |w|   =  Σₖ f_{|θ|}(1)[k]              path_norm_l1

f_{θ²} is the network with every weight and bias squared, f_{|θ|} with their absolute values, applied to an input of
ones. A path starts at an input or at a bias (a unit that is constantly 1) and ends at a logit; γ is the margin of
measures/margins/inverse_margin.py. The values are no logarithms: their unit is weights to the power of the depth, in
float64, which holds norms up to 10¹⁵⁴.

Neyshabur, Tomioka & Srebro 2015 (arXiv:1503.00036); Jiang et al. 2020 (arXiv:1912.02178), eqs. 44 and 43 (the squares
of the first two); pooling and skip connections as in Gonon et al. 2024 (arXiv:2310.01225).
Differs from the paper:
1. Biases count as paths; the first paper has none.
2. Batch normalization is folded into the layer before it.
3. A max pooling unit is replaced by the sum of its inputs, since a path runs through each of them; an average pooling
   unit is a layer whose weights are one over the size of its window, to be squared like any others.
4. Whatever else is neither linear nor ReLU is refused.
"""

import math
import operator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from harness.folding import folded
from harness.shared import once_per_model
from harness.trained_model import FEW, TrainedModel
from measures import NotApplicable, measure
from measures.margins.inverse_margin import inverse_margin

UNCHANGED = (nn.ReLU, nn.Identity, nn.Flatten, nn.Dropout, nn.Dropout2d)  # on numbers ≥ 0, when not training
UNCHANGED_FUNCTIONS = (F.relu, torch.relu, torch.flatten)
UNCHANGED_METHODS = ("relu", "flatten", "view", "reshape", "size")
ADDITIONS = (operator.add, operator.iadd, torch.add)  # skip connections


@measure(
    source="Neyshabur, Tomioka & Srebro 2015; Jiang et al. 2020, eq. 44",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding"},
)
def path_norm(trained: TrainedModel) -> float:
    return math.sqrt(sums_over_paths(trained)[2])


@measure(source="Jiang et al. 2020, eq. 43", invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding"})
def path_norm_over_margin(trained: TrainedModel) -> float:
    return path_norm(trained) * math.sqrt(inverse_margin(trained))


@measure(
    source="Neyshabur, Tomioka & Srebro 2015; Gonon et al. 2024",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding"},
)
def path_norm_l1(trained: TrainedModel) -> float:
    return sums_over_paths(trained)[1]


@once_per_model
def sums_over_paths(trained: TrainedModel) -> dict[int, float]:
    """The products of |w|^power along each path, summed over all of them, by power."""
    network = nn.Sequential(folded(trained.model, trained.inputs[:FEW]))  # a lone layer is one to be met as well
    try:
        graph = fx.symbolic_trace(network)
    except Exception as cause:
        raise NotApplicable(f"paths cannot be followed: torch.fx cannot trace the model ({cause})") from cause
    ones = torch.ones_like(trained.inputs[:1], dtype=torch.float64)
    with torch.no_grad():
        return {power: float(PowersOfWeights(graph, power).run(ones).sum()) for power in (1, 2)}


class PowersOfWeights(fx.Interpreter):
    """Runs a network on numbers ≥ 0 as if each of its weights w were |w|^power; the network stays as it is."""

    def __init__(self, graph: fx.GraphModule, power: int):
        super().__init__(graph)
        self.power = power
        self.extra_traceback = False  # a refusal is one sentence

    def call_module(self, target: fx.node.Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        layer, x = self.fetch_attr(str(target)), (*args, *kwargs.values())[0]
        if isinstance(layer, UNCHANGED):
            return layer(x)
        if isinstance(layer, nn.Linear):
            return F.linear(x, *self.powers(layer))
        if isinstance(layer, nn.Conv2d) and layer.padding_mode == "zeros":
            weight, bias = self.powers(layer)
            return F.conv2d(x, weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups)
        if isinstance(layer, nn.MaxPool2d) and layer.dilation in (1, (1, 1)):
            return _sum_pool(layer, x)
        if isinstance(layer, nn.AvgPool2d):
            ones = torch.ones_like(x)
            return layer(x) * (layer(ones) / _sum_pool(layer, ones)) ** (self.power - 1)
        if isinstance(layer, nn.AdaptiveAvgPool2d):
            averages = layer(x)
            if all(size % windows == 0 for size, windows in zip(x.shape, averages.shape, strict=True)):
                return averages * (averages.numel() / x.numel()) ** (self.power - 1)
        raise NotApplicable(f"paths through the layer {layer} are unknown")

    def powers(self, layer: nn.Linear | nn.Conv2d) -> tuple[Tensor, Tensor | None]:
        """|w|^power of the layer's weights and of its biases, float64."""
        weight, bias = layer.weight.double().abs() ** self.power, layer.bias
        return weight, None if bias is None else bias.double().abs() ** self.power

    def call_function(self, target: fx.node.Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        sums_tensors = target in ADDITIONS and not kwargs and all(isinstance(arg, Tensor) for arg in args)
        if target in UNCHANGED_FUNCTIONS or sums_tensors:
            return super().call_function(target, args, kwargs)
        raise NotApplicable(f"paths through the function {target} are unknown")

    def call_method(self, target: fx.node.Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if target in UNCHANGED_METHODS:
            return super().call_method(target, args, kwargs)
        raise NotApplicable(f"paths through the method {target!r} are unknown")

    def get_attr(self, target: fx.node.Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        raise NotApplicable(f"paths through {target!r} are unknown: it is not a layer")


def _sum_pool(pool: nn.MaxPool2d | nn.AvgPool2d, x: Tensor) -> Tensor:
    return F.avg_pool2d(x, pool.kernel_size, pool.stride, pool.padding, pool.ceil_mode, divisor_override=1)
