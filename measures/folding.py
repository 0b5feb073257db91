"""The network as the function that it computes: plain layers, batch normalization folded into the one before it.

Layers that compute something else than their class says become plain ones of the same effect (effective_layers.py).

In evaluation mode a batch normalization is a fixed affine map, so layer and normalization together are one layer
with other weights. Norms of the unfolded weights mean little: their scale is undone by the normalization.

Folding follows the traced graph (torch.fx), not the order in which modules were registered, and is checked: the
folded network must compute the same logits, otherwise the model is refused.
"""

import torch
from torch import Tensor, fx, nn

from measures.copying import copy_of
from measures.effective_layers import has_plain_layers, with_plain_layers
from measures.errors import NotApplicable
from measures.plain_network import require_readable

RELATIVE_TOLERANCE = 1e-4
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def folded(model: nn.Module, inputs: Tensor) -> nn.Module:
    """A copy of the model in evaluation mode without batch normalization, equal on `inputs` (a few examples).

    Its Linear and Conv2d layers, attention's included, are plain ones with their effective weights. A model that is so
    already is copied as it is. Raises NotApplicable where a layer has no plain equivalent, a batch normalization does
    not directly follow a linear or convolutional layer of its own, or the model cannot be traced.
    """
    require_readable(model)
    network = copy_of(model).eval()
    normalized = any(isinstance(module, BATCH_NORMS) for module in network.modules())
    if not normalized and has_plain_layers(network):
        return network
    with torch.no_grad():
        expected = network(inputs)
    network = with_plain_layers(network, inputs)
    if not normalized:
        _check(network, inputs, expected, "writing its layers as plain ones")
        return network
    try:
        graph = fx.symbolic_trace(network)
    except Exception as cause:
        raise NotApplicable(f"batch normalization cannot be folded: torch.fx cannot trace it ({cause})") from cause
    modules = dict(graph.named_modules())
    for node in list(graph.graph.nodes):
        if node.op == "call_module" and isinstance(modules[node.target], BATCH_NORMS):
            _fold_into_input(graph, node, modules)
    graph.graph.lint()
    graph.delete_all_unused_submodules()
    graph.recompile()
    _check(graph, inputs, expected, "folding batch normalization")
    return graph


def _check(network: nn.Module, inputs: Tensor, expected: Tensor, change: str) -> None:
    with torch.no_grad():
        difference = (network(inputs) - expected).norm() / expected.norm().clamp_min(1e-12)
    if not difference <= RELATIVE_TOLERANCE:
        raise NotApplicable(f"{change} changes the logits by {difference:.1e}, relative")


def _fold_into_input(graph: fx.GraphModule, node: fx.Node, modules: dict[str, nn.Module]) -> None:
    before = node.args[0]
    norm = modules[str(node.target)]
    assert isinstance(before, fx.Node) and isinstance(norm, BATCH_NORMS)
    layer = modules.get(str(before.target)) if before.op == "call_module" else None
    calls = sum(other.target == before.target for other in graph.graph.nodes if other.op == "call_module")
    if not isinstance(layer, (*_CONVOLUTIONS, nn.Linear)) or len(before.users) != 1 or calls != 1:
        raise NotApplicable(
            f"batch normalization {node.target!r} does not directly follow a linear or convolutional layer of "
            "its own, so it cannot be folded"
        )
    if norm.running_mean is None:
        raise NotApplicable(f"batch normalization {node.target!r} keeps no running statistics, so it cannot be folded")
    _fold(layer, norm)
    node.replace_all_uses_with(before)
    graph.graph.erase_node(node)


@torch.no_grad()
def _fold(layer: nn.Module, norm: nn.modules.batchnorm._BatchNorm) -> None:
    """W ← diag(s) W and b ← s (b − mean) + β, with s = γ / √(var + ε), in place; γ and β where there are any."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = (norm.running_var + norm.eps).rsqrt()
    scale = scale if norm.weight is None else scale * norm.weight
    weight, bias = layer.get_parameter("weight"), layer._parameters["bias"]
    shift = (-norm.running_mean if bias is None else bias - norm.running_mean) * scale
    weight.mul_(scale.view(-1, *[1] * (weight.ndim - 1)))
    layer.register_parameter("bias", nn.Parameter(shift if norm.bias is None else shift + norm.bias))
