"""The network as the function that it computes: plain layers, batch normalization folded into the one before it, or
into those after it, and factors after a layer folded into that.

Layers that compute something else than their class says become plain ones of the same effect
(networks/effective_layers.py).

In evaluation mode a batch normalization is a fixed affine map, so layer and normalization together are one layer
with other weights. Norms of the unfolded weights mean little: their scale is undone by the normalization.

One that does not directly follow a layer of its own, as in networks of pre-activation, is folded into the layers after
it. It multiplies each channel by s and adds t, and what comes before the next layers (ReLU, pooling, a change of shape)
passes a factor > 0 on:

    layer(ReLU(s x + t))  =  layer'(ReLU(sign(s) x + t / |s|)),   W' = W diag(|s|)

Whether a factor is passed on is not looked up by kind: the check below tells. An activation like GELU does not.

Factors after a layer, as layer scale, are folded as well (networks/factors.py).

Folding follows the traced graph (torch.fx), not the order in which modules were registered, and is checked: the
folded network must compute the same logits, otherwise the model is refused.
"""

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from measures.errors import NotApplicable
from measures.networks.copying import copy_of, in_evaluation
from measures.networks.effective_layers import has_plain_layers, with_plain_layers
from measures.networks.factors import may_have_factors, with_factors_folded
from measures.networks.functional_layers import with_functions_as_layers
from measures.networks.one_dimensional import has_sequence_layers, with_sequences_as_images
from measures.networks.plain_network import PlainNetwork, require_readable
from measures.networks.traced_graph import RELATIVE_TOLERANCE, Layer, called, leave_out_cuts, traced

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def folded(model: nn.Module, inputs: Tensor) -> nn.Module:
    """A copy of the model in evaluation mode without batch normalization, equal on `inputs` (a few examples).

    Its Linear and Conv2d layers, attention's included, are plain ones with their effective weights. A model that is so
    already is copied as it is. Raises NotApplicable where a layer has no plain equivalent, where a batch normalization
    neither directly follows a linear or convolutional layer of its own nor stands before such layers alone, and where
    the model cannot be traced.
    """
    require_readable(model)
    network = with_functions_as_layers(in_evaluation(copy_of(model)), inputs)
    normalized = any(isinstance(module, BATCH_NORMS) for module in network.modules())
    if normalized or not has_plain_layers(network):
        with torch.no_grad():
            expected = network(inputs)
        network = with_plain_layers(network, inputs)
        if normalized:
            network = _normalization_folded(network, inputs, expected, _through_detach(model))
        else:
            _check(network, inputs, expected, "writing its layers as plain ones")
    if may_have_factors(network):
        network = with_factors_folded(network, inputs, _through_detach(model))
    return with_sequences_as_images(network) if has_sequence_layers(network) else network


def _through_detach(model: nn.Module) -> bool:
    return isinstance(model, PlainNetwork) and model.through_detach


def _normalization_folded(network: nn.Module, inputs: Tensor, expected: Tensor, through_detach: bool) -> nn.Module:
    try:
        graph = traced(network)
    except Exception as cause:
        raise NotApplicable(f"batch normalization cannot be folded: torch.fx cannot trace it ({cause})") from cause
    if through_detach:
        leave_out_cuts(graph)
    ahead = _fold_all(graph, inputs)
    what = "folding batch normalization"
    what += f" {ahead[0]!r} into the layers after it, past an activation that passes no factor on," if ahead else ""
    _check(graph, inputs, expected, what)
    return graph


def _fold_all(graph: fx.GraphModule, inputs: Tensor) -> list[str]:
    """The names of those that are folded into the layers after them."""
    modules = dict(graph.named_modules())
    norms = [node for node in graph.graph.nodes if isinstance(called(node, modules), BATCH_NORMS)]
    after = [node for node in norms if _follows_a_layer_of_its_own(graph, node, modules)]
    if len(after) < len(norms) or any(_is_linear(node.all_input_nodes[0], modules) for node in norms):
        with torch.no_grad():
            ShapeProp(graph).propagate(inputs)
    ahead = [node for node in norms if node not in after or not _is_of_the_layers_units(node, modules)]
    for node in norms:
        norm = called(node, modules)
        assert isinstance(norm, BATCH_NORMS)
        if norm.running_mean is None:
            raise NotApplicable(
                f"batch normalization {node.target!r} keeps no running statistics, so it cannot be folded"
            )
        if node in ahead:
            _fold_ahead(graph, node, modules, *_scale_and_shift(norm))
        else:
            _fold_into_input(graph, node, modules, norm)
    graph.graph.lint()
    graph.delete_all_unused_submodules()
    graph.recompile()
    return [str(node.target) for node in ahead]


def _check(network: nn.Module, inputs: Tensor, expected: Tensor, change: str) -> None:
    with torch.no_grad():
        difference = (network(inputs) - expected).norm() / expected.norm().clamp_min(1e-12)
    if not difference <= RELATIVE_TOLERANCE:
        raise NotApplicable(f"{change} changes the logits by {difference:.1e}, relative")


def _follows_a_layer_of_its_own(graph: fx.GraphModule, node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Whether the normalization gets what a layer returned that is called once, and is all that gets it."""
    (before,) = node.all_input_nodes
    calls = sum(other.target == before.target for other in graph.graph.nodes if other.op == "call_module")
    return isinstance(called(before, modules), Layer) and len(before.users) == calls == 1


def _is_linear(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    return isinstance(called(node, modules), nn.Linear)


def _is_of_the_layers_units(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Whether the normalization has the layer's units for channels, and not the vectors of an example."""
    (before,) = node.all_input_nodes
    return not _is_linear(before, modules) or len(before.meta["tensor_meta"].shape) == 2


def _fold_into_input(
    graph: fx.GraphModule, node: fx.Node, modules: dict[str, nn.Module], norm: nn.modules.batchnorm._BatchNorm
) -> None:
    (before,) = node.all_input_nodes
    layer = called(before, modules)
    assert layer is not None
    _fold(layer, norm)
    node.replace_all_uses_with(before)
    graph.graph.erase_node(node)


@torch.no_grad()
def _fold(layer: nn.Module, norm: nn.modules.batchnorm._BatchNorm) -> None:
    """W ← diag(s) W and b ← s (b − mean) + β, with s = γ / √(var + ε), in place; γ and β where there are any."""
    assert norm.running_mean is not None
    scale = _scale(norm)
    weight, bias = layer.get_parameter("weight"), layer._parameters["bias"]
    shift = (-norm.running_mean if bias is None else bias - norm.running_mean) * scale
    weight.mul_(scale.view(-1, *[1] * (weight.ndim - 1)))
    layer.register_parameter("bias", nn.Parameter(shift if norm.bias is None else shift + norm.bias))


@torch.no_grad()
def _scale_and_shift(norm: nn.modules.batchnorm._BatchNorm) -> tuple[Tensor, Tensor]:
    """s and t = β − s mean: the normalization is x -> s x + t, by channel."""
    assert norm.running_mean is not None
    scale = _scale(norm)
    shift = -scale * norm.running_mean
    return scale, shift if norm.bias is None else shift + norm.bias


def _scale(norm: nn.modules.batchnorm._BatchNorm) -> Tensor:
    assert norm.running_var is not None
    scale = (norm.running_var + norm.eps).rsqrt()
    return scale if norm.weight is None else scale * norm.weight


def _fold_ahead(
    graph: fx.GraphModule, node: fx.Node, modules: dict[str, nn.Module], scale: Tensor, shift: Tensor
) -> None:
    """Multiply the next layers' weights by |scale|; sign(scale) x + shift / |scale| takes the normalization's place.

    `scale` and `shift` are (channels,). Raises NotApplicable where a channel's scale is 0, and where what the
    normalization returns reaches anything else than layers of one call each.
    """
    if not scale.all():
        raise NotApplicable(f"batch normalization {node.target!r} has a channel of scale 0, so it cannot be folded")
    for layer in _next_layers(graph, node, modules):
        layer.weight = nn.Parameter(layer.weight.detach() * _of_inputs(scale.abs(), layer, str(node.target)))
    (before,) = node.all_input_nodes
    dimensions = [1] * (len(before.meta["tensor_meta"].shape) - 2)
    with graph.graph.inserting_before(node):
        after = before
        if (scale < 0).any():
            signs = _constant(graph, f"{node.name}_sign", scale.sign().view(-1, *dimensions))
            after = graph.graph.call_function(torch.mul, (after, signs))
        shifts = _constant(graph, f"{node.name}_shift", (shift / scale.abs()).view(-1, *dimensions))
        after = graph.graph.call_function(torch.add, (after, shifts))
    node.replace_all_uses_with(after)
    graph.graph.erase_node(node)


def _next_layers(graph: fx.GraphModule, node: fx.Node, modules: dict[str, nn.Module]) -> list[Layer]:
    """The layers that are reached without another one in between, in the order in which they are found."""
    found: list[Layer] = []
    calls = [str(other.target) for other in graph.graph.nodes if other.op == "call_module"]
    pending, seen = list(node.users), set(node.users)
    while pending:
        user = pending.pop()
        module = modules.get(str(user.target)) if user.op == "call_module" else None
        if isinstance(module, Layer) and calls.count(str(user.target)) == 1:
            found.append(module)
        elif user.op == "output" or (module is not None and any(True for _ in module.parameters())):
            raise NotApplicable(
                f"batch normalization {node.target!r} does not directly follow a linear or convolutional layer of its "
                "own, and is not followed by such layers alone, so it cannot be folded"
            )
        else:
            pending += [each for each in user.users if each not in seen]
            seen |= {*user.users}
    return found


def _of_inputs(scale: Tensor, layer: Layer, norm: str) -> Tensor:
    """The scale of each input of the layer, in a shape that its weight can be multiplied by."""
    inputs = layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
    times, rest = divmod(inputs, len(scale))
    if rest:
        raise NotApplicable(
            f"batch normalization {norm!r} has {len(scale)} channels and the next layer {inputs} inputs, so it cannot "
            "be folded"
        )
    of_inputs = scale.repeat_interleave(times)  # a channel's positions, flattened, follow each other
    if isinstance(layer, nn.Linear):
        return of_inputs
    of_groups = of_inputs.view(layer.groups, 1, -1).expand(-1, layer.out_channels // layer.groups, -1).flatten(0, 1)
    return of_groups.reshape(*of_groups.shape, *[1] * (layer.weight.ndim - 2))


def _constant(graph: fx.GraphModule, name: str, value: Tensor) -> fx.Node:
    graph.register_buffer(name, value)
    return graph.graph.get_attr(name)
