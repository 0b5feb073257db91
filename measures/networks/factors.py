"""Factors after a layer, folded into it.

A factor by which each channel of what a layer returned is multiplied, or all of them (layer scale, a temperature, a
normalization whose statistics are buffers), is the scale of that layer's weights and biases. It is told by whether the
logits stay the same, too. Where they do not, or the network cannot be traced, it stays where it is.
"""

import operator

import torch
from torch import Tensor, fx, nn

from measures.networks.copying import copy_of, in_evaluation
from measures.networks.traced_graph import RELATIVE_TOLERANCE, Layer, called, leave_out_cuts, traced

PRODUCTS: dict[object, int] = dict.fromkeys((operator.mul, operator.imul, torch.mul, "mul", "mul_"), 0)
PRODUCTS |= dict.fromkeys((operator.truediv, operator.itruediv, torch.div, "div", "div_"), 1)  # who is divided is first


def may_have_factors(network: nn.Module) -> bool:
    """Whether a module that is not one of torch's has a parameter or buffer of one number, or one a channel."""
    return any(
        tensor.is_floating_point() and tensor.numel() == max((1, *tensor.shape))
        for module in network.modules()
        if not type(module).__module__.startswith("torch.nn")
        for tensor in (*module._parameters.values(), *module._buffers.values())
        if tensor is not None
    )


def with_factors_folded(network: nn.Module, inputs: Tensor, through_detach: bool) -> nn.Module:
    """The network with each factor by which a layer's channels are multiplied (layer scale, a temperature) in the
    layer's weights; as it is, where that changes what is multiplied, or it cannot be traced.
    """
    try:
        graph = traced(copy_of(network))
        if through_detach:
            leave_out_cuts(graph)
        products = _products_with_factors(graph)
        values = _values_of({node for pair in products for node in pair}, graph, inputs) if products else {}
    except torch.OutOfMemoryError:
        raise
    except Exception:  # that cannot be traced: weight_layers names the parameters that are in no layer
        return network
    modules = dict(graph.named_modules())
    expected: dict[fx.Node, Tensor] = {}  # of what now stands in a product's place; of two in a row, in the last one's
    for node, factor in products:
        (before,) = (each for each in node.all_input_nodes if each is not factor)
        if _fold_factor(graph, node, before, values[factor].flatten(), modules):
            expected[before] = values[node]
    if not expected:
        return network
    graph.graph.eliminate_dead_code()
    found = _values_of({*expected}, graph, inputs)
    same = [(found[node] - value).norm() <= RELATIVE_TOLERANCE * value.norm() for node, value in expected.items()]
    return in_evaluation(fx.GraphModule(graph, graph.graph)) if all(same) else network


@torch.no_grad()
def _values_of(nodes: set[fx.Node], graph: fx.GraphModule, inputs: Tensor) -> dict[fx.Node, Tensor]:
    """The tensors that these nodes of the graph have, as they are when others receive them."""
    values: dict[fx.Node, Tensor] = {}

    class Noting(fx.Interpreter):
        def run_node(self, node: fx.Node) -> object:
            value = super().run_node(node)
            if node in nodes:
                values[node] = value.clone()
            return value

    Noting(graph, graph=graph.graph).run(inputs.clone())
    return values


def _products_with_factors(graph: fx.GraphModule) -> list[tuple[fx.Node, fx.Node]]:
    """Products, or quotients, of something of an example with a factor, each with the latter: of parameters alone."""
    found: list[tuple[fx.Node, fx.Node]] = []
    fixed: set[fx.Node] = set()
    for node in graph.graph.nodes:
        given = [each for each in node.args if isinstance(each, fx.Node)]
        if node.op == "get_attr" or (node.all_input_nodes and fixed.issuperset(node.all_input_nodes)):
            fixed.add(node)
        elif node.target in PRODUCTS and len(given) == 2:
            found += [(node, each) for each in given[PRODUCTS[node.target] :] if each in fixed]
    return found


def _fold_factor(
    graph: fx.GraphModule, node: fx.Node, before: fx.Node, scale: Tensor, modules: dict[str, nn.Module]
) -> bool:
    """Take this product out of the graph and into the layer before it; False where no layer of its own is there."""
    layer = _layer_before(graph, before, modules)
    if layer is None or len(scale) not in (1, len(layer.weight)):
        return False
    scale = (1 / scale if PRODUCTS[node.target] else scale).expand(len(layer.weight))
    layer.weight = nn.Parameter(layer.weight.detach() * scale.view(-1, *[1] * (layer.weight.ndim - 1)))
    layer.bias = None if layer.bias is None else nn.Parameter(layer.bias.detach() * scale)
    node.replace_all_uses_with(before)
    graph.graph.erase_node(node)
    return True


def _layer_before(graph: fx.GraphModule, node: fx.Node, modules: dict[str, nn.Module]) -> Layer | None:
    """The layer that is called once, and of what it returns this alone is computed."""
    calls = [str(other.target) for other in graph.graph.nodes if other.op == "call_module"]
    while len(node.users) == 1:
        layer = called(node, modules)
        if isinstance(layer, Layer):
            return layer if calls.count(str(node.target)) == 1 else None
        if len(node.all_input_nodes) != 1:
            return None
        (node,) = node.all_input_nodes
    return None
