"""A network's weight layers, found while it runs; layers.py has what one of them is.

Weight layers are Linear, Conv2d and Conv1d ones, the projections of attention, and parameters that functions of torch
apply as such layers do (networks/). Their weights are the effective ones: what the layer does to its input, whatever it
is made of, with batch normalization and factors of its units folded in (folding.py).

Left out, as biases are, is what an example meets by addition or concatenation only: positions, class tokens, and layers
that are applied to a constant to make such ones. Left out as well are scale and shift of layer normalization and its
kin: they belong to no weight layer. Such a normalization undoes the scale of the layer before it, which norms of that
layer do not know.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from measures.errors import NotApplicable
from measures.folding import folded
from measures.layers import Layer
from measures.networks.copying import copy_of
from measures.networks.layer_hooks import recorded_run, to_constants
from measures.networks.traced_graph import NORMALIZATIONS, is_of_one_example

OTHER_WEIGHT_LAYERS = (
    nn.Conv1d,
    nn.Conv3d,
    nn.modules.conv._ConvTransposeNd,
    nn.Bilinear,
    nn.Embedding,
    nn.RNNBase,
    nn.RNNCellBase,
    nn.MultiheadAttention,
)
WITH_WEIGHTS = (nn.Linear, nn.Conv2d, *OTHER_WEIGHT_LAYERS, *NORMALIZATIONS, nn.modules.batchnorm._NormBase)
OF_NO_LAYER = (
    "belongs to no Linear or Conv2d that the network applies to an example; known are these two and Conv1d, also where "
    "a function applies a parameter as F.linear(x, self.weight) does, with batch normalization that can be folded into "
    "them, and what is only added or concatenated"
)
KNOWN = "known are Linear, Conv1d and Conv2d"
FACTORS = ("MulBackward0", "DivBackward0")
ADDITIONS = ("AddBackward0", "SubBackward0", "CatBackward0", "StackBackward0")


def weight_layers(model: nn.Module, init: nn.Module | None, inputs: Tensor) -> tuple[Layer, ...]:
    """The layers in the order in which the network applies them; `inputs` is a few training examples.

    Without `init`, the layers have no initial weights.

    Raises NotApplicable for weight layers that are neither Linear nor Conv1d nor Conv2d with zero padding, for layers
    that are not linear in what they receive, for a layer used twice, and for batch normalization that cannot be folded.
    """
    network, start = folded(model, inputs), None if init is None else folded(init, inputs)
    names = _names_of_weight_layers(network)
    with torch.no_grad():
        _, applied_to_all = recorded_run(network, [*names], inputs[:1])
    constant = to_constants(network, [*names], inputs)
    applications = [one for one, left_out in zip(applied_to_all, constant, strict=True) if not left_out]
    applied = [application.layer for application in applications]
    for module in applied:
        if (times := applied.count(module)) > 1:
            raise NotApplicable(f"layer {names[module]!r} is applied {times} times; its weights are shared")
    _check_nothing_is_left_out(network, {module: names[module] for module in applied}, inputs[:1])
    layers = []
    for application in applications:
        module, name = application.layer, names[application.layer]
        layers.append(
            Layer(
                name=name,
                weight=module.weight.detach(),
                bias=None if module.bias is None else module.bias.detach(),
                init_weight=_initial_weight(start, name, module),
                input_shape=_of_one_example(application.received, module),
                output_shape=_of_one_example(application.returned, module),
                linear_map=_linear_map(name, module),
            )
        )
    return tuple(layers)


def _names_of_weight_layers(network: nn.Module) -> dict[nn.Linear | nn.Conv2d, str]:
    """Linear and Conv2d layers with their names; NotApplicable where the network has weight layers of other kinds."""
    names: dict[nn.Linear | nn.Conv2d, str] = {}
    for name, module in network.named_modules():
        if isinstance(module, OTHER_WEIGHT_LAYERS) and module._parameters:
            raise NotApplicable(f"layer {name!r} is of the kind {type(module).__name__}; {KNOWN}")
        if isinstance(module, nn.Linear | nn.Conv2d):
            names[module] = name
    return names


def check_layers_are_seen(model: nn.Module, inputs: Tensor) -> None:
    """NotApplicable where an example meets weights that belong to no Linear, Conv2d or attention: what looks at what
    layers receive would pass over them. `inputs` is an example."""
    for name, module in model.named_modules():
        known = not module._parameters or isinstance(module, nn.Embedding | nn.MultiheadAttention)
        if isinstance(module, OTHER_WEIGHT_LAYERS) and not known:
            raise NotApplicable(f"layer {name!r} is of the kind {type(module).__name__}; {KNOWN}")
    loose, not_called = loose_matrices(model), _weights_of_layers_not_called(model, inputs)
    if loose or not_called:
        network = copy_of(model).eval()
        uses = _uses(network, inputs)
        for name, parameter in network.named_parameters():
            passed_over = name in loose and not _is_only_added(uses, parameter) and not _is_a_factor(uses, parameter)
            if passed_over or (name in not_called and _met_by(uses, parameter)):
                raise NotApplicable(f"parameter {name!r} {OF_NO_LAYER}")


def _weights_of_layers_not_called(model: nn.Module, inputs: Tensor) -> list[str]:
    """The names of weights that a function may read from their layers; attention reads that of its last one so."""
    attention = {name for name, module in model.named_modules() if isinstance(module, nn.MultiheadAttention)}
    layers = {
        module: name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and name.rpartition(".")[0] not in attention
    }
    with torch.no_grad():
        _, applications = recorded_run(model, [*layers], inputs)
    called = {application.layer for application in applications}
    return [
        f"{name}.{own}".removeprefix(".")
        for layer, name in layers.items()
        if layer not in called
        for own, parameter in layer.named_parameters(recurse=False)
        if parameter.ndim > 1
    ]


def loose_matrices(network: nn.Module) -> list[str]:
    """The names of parameters of two and more dimensions that belong to no layer, normalization or parametrization."""
    return [
        f"{name}.{own}".removeprefix(".")
        for name, module in network.named_modules()
        if not isinstance(module, WITH_WEIGHTS) and "parametrizations" not in name.split(".")
        for own, parameter in module.named_parameters(recurse=False)
        if parameter.ndim > 1 and parameter.numel()
    ]


def _of_one_example(values: Tensor, layer: nn.Linear | nn.Conv2d) -> tuple[int, ...]:
    """The shape of what the layer is given for a single example: without a batch dimension of 1, if there is one.

    A network that folds positions into the batch, as in x.view(-1, 6), gives a layer several rows for one example.
    """
    alone = len(values) == 1 and values.ndim >= (4 if isinstance(layer, nn.Conv2d) else 2)
    return tuple(values.shape[1:] if alone else values.shape)


def _initial_weight(start: nn.Module | None, name: str, trained: nn.Linear | nn.Conv2d) -> Any:
    """A Tensor; None if the network came without."""
    if start is None:
        return None
    layer = dict(start.named_modules()).get(name)
    if not isinstance(layer, nn.Linear | nn.Conv2d) or layer.weight.shape != trained.weight.shape:
        raise NotApplicable(
            f"layer {name!r} with weights of shape {tuple(trained.weight.shape)} has no counterpart in the network "
            "before training"
        )
    return layer.weight.detach()


def _check_nothing_is_left_out(network: nn.Module, applied: Mapping[nn.Linear | nn.Conv2d, str], x: Tensor) -> None:
    """NotApplicable for a weight that is used elsewhere as well, and for a parameter of nothing that is known."""
    normalizations = [module for module in network.modules() if is_of_one_example(module)]
    known = {id(parameter) for module in (*applied, *normalizations) for parameter in module.parameters()}
    others = {name: parameter for name, parameter in network.named_parameters() if id(parameter) not in known}
    uses = _uses(network, x)
    for layer, name in applied.items():
        if (times := len(uses.users.get(uses.leaves.get(id(layer.weight)), ()))) > 1:
            raise NotApplicable(f"the weight of layer {name!r} is used {times} times; its weights are shared")
    if unknown := [name for name, parameter in others.items() if not _is_only_added(uses, parameter)]:
        raise NotApplicable(f"parameter {unknown[0]!r} {OF_NO_LAYER}")


@dataclasses.dataclass(frozen=True)
class _Uses:
    """What autograd recorded of a call: `leaves` by the id of their tensor, all users of a node, and what is of x."""

    leaves: dict[int, object]
    users: dict[object | None, list[object]]
    of_example: set[object]


@torch.enable_grad()
def _uses(network: nn.Module, x: Tensor) -> _Uses:
    """Of a call with one example. All parameters of the network, which is a copy, ask for a gradient from here on."""
    x = x.detach().clone().requires_grad_()
    for parameter in network.parameters():
        parameter.requires_grad_(parameter.is_floating_point())
    users: dict[object | None, list[object]] = {}
    leaves: dict[int, object] = {}
    pending = [network(x).grad_fn]
    while pending:
        node = pending.pop()
        for before, _ in node.next_functions if node is not None else ():
            if before is not None and before not in users:
                pending.append(before)
            if before is not None:
                users.setdefault(before, []).append(node)
                if hasattr(before, "variable"):
                    leaves[id(before.variable)] = before
    return _Uses(leaves, users, _reached_from(leaves.get(id(x)), users))


def _is_only_added(uses: _Uses, parameter: nn.Parameter) -> bool:
    """Whether the example meets this parameter, and by addition or concatenation only."""
    met = _met_by(uses, parameter)
    return bool(met) and met.issubset(ADDITIONS)


def _is_a_factor(uses: _Uses, parameter: nn.Parameter) -> bool:
    """Whether it is one number, or one for each channel, that an example is multiplied by: as of a normalization."""
    return parameter.numel() == max(parameter.shape) and _met_by(uses, parameter).issubset((*ADDITIONS, *FACTORS))


def _met_by(uses: _Uses, parameter: nn.Parameter) -> set[str]:
    """The operations in which the example meets this parameter, or what is computed of it, as autograd names them."""
    alone = _reached_from(uses.leaves.get(id(parameter)), uses.users, uses.of_example)
    met = {user for node in alone for user in uses.users.get(node, ()) if user in uses.of_example}
    return {node.name() for node in met}  # type: ignore[attr-defined]


def _reached_from(
    node: object | None, users: Mapping[object | None, list[object]], until: set[object] | None = None
) -> set[object]:
    """The node and all that uses it, directly or not; not going on from those in `until`, which are left out."""
    found: set[object] = set()
    pending = [] if node is None else [node]
    while pending:
        node = pending.pop()
        if node not in found and node not in (until or ()):
            found.add(node)
            pending += users.get(node, ())
    return found


def _linear_map(name: str, module: nn.Linear | nn.Conv2d) -> Callable[[Tensor, Tensor], Tensor]:
    if isinstance(module, nn.Linear):
        return F.linear
    if module.padding_mode != "zeros":
        raise NotApplicable(f"layer {name!r} pads with {module.padding_mode}; known is zero padding")
    stride, padding, dilation, groups = module.stride, module.padding, module.dilation, module.groups

    def convolve(inputs: Tensor, weight: Tensor) -> Tensor:
        batch = inputs.shape[:-3]  # more than one dimension where the network convolves several maps of an example
        images = F.conv2d(inputs.flatten(0, -4), weight, None, stride, padding, dilation, groups)  # type: ignore[arg-type]
        return images.unflatten(0, batch)

    return convolve
