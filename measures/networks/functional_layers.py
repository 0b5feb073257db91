"""Layers that a network applies by functions of torch, as F.linear(x, self.weight), as modules that hooks see.

A parameter that does nothing but multiply by F.linear, a product of matrices or F.conv becomes the weight of a layer of
its own, beside where it was: of `proj` in a module the layer is `proj_layer`. While the network runs, the function is
a call of that layer. Which parameter is applied to what is told by watching one example; one that is used in any other
way as well, or in two ways, stays a parameter.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from measures.errors import NotApplicable
from measures.networks.functional_uses import Parameters, Use, Watch
from measures.networks.layer_hooks import recorded_run
from measures.networks.plain_network import PlainNetwork, made_plain

CALLED = (nn.Linear, nn.Conv1d, nn.Conv2d)
TOLERANCE = 1e-4  # of the logits, relative


@dataclasses.dataclass(frozen=True)
class Route:
    """A parameter that is one no more, with its bias, how it is applied, and the name of the layer that does."""

    parameter: Tensor
    bias: Tensor | None
    use: Use
    layer: str


class _Routing(TorchFunctionMode):
    """Calls a network's layers where its forward has the functions."""

    def __init__(self, network: nn.Module, routes: list[Route]):
        super().__init__()
        held = [tensor for route in routes for tensor in (route.parameter, route.bias) if tensor is not None]
        self.known = Parameters({id(tensor): tensor for tensor in held})
        self.routes = {id(route.parameter): (route, network.get_submodule(route.layer)) for route in routes}

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        found = self.known.application(function, args, kwargs)
        if found is None:
            returned = function(*args, **kwargs)
            for parameter in self.known.met(args[:1]):
                self.known.is_transpose(parameter, returned)
            return returned
        route, layer = self.routes[id(found.parameter)]
        bias = None if route.bias is None else id(route.bias)
        if found.use != route.use._replace(bias=bias):
            raise NotApplicable(
                f"layer {route.layer!r} is applied in another way to some examples: it is not known how"
            )
        return layer(found.received.mT).mT if route.use.left else layer(found.received)


class FunctionsAsLayers(nn.Module):
    """A network of any class whose functional layers are modules: `with_functions_as_layers`."""

    routes: list[Route]
    own_forward: Any

    def forward(self, inputs: Tensor) -> Tensor:
        with _Routing(self, self.routes):
            returned: Tensor = self.own_forward(inputs) if self.own_forward else super().forward(inputs)
        return returned


def may_have_functional_layers(network: nn.Module, inputs: Tensor) -> bool:
    """Whether a matrix among its parameters is of no layer that the network calls."""
    return bool(_places(network, inputs[:1]))


def functional_layers(network: nn.Module, inputs: Tensor) -> list[list[str]]:
    """The names of the parameters, of one and its bias if it has one, that are applied as a layer by a function."""
    places = _places(network, inputs)
    uses = _uses_as_layers(network, places, inputs) if places else {}
    return [[places[key][0] for key in (own, use.bias) if key is not None] for own, use in uses.items()]


@torch.no_grad()
def with_functions_as_layers(network: nn.Module, inputs: Tensor) -> nn.Module:
    """The network, changed in place, with a layer for each parameter that it applies as one by a function of torch.

    `inputs` is a few examples. A network without such parameters stays as it is.
    """
    places = _places(network, inputs)
    uses = _uses_as_layers(network, places, inputs) if places else {}
    if not uses:
        return network
    expected = network(inputs)
    base = network.given[0] if isinstance(network, PlainNetwork) else network
    found = _routed(base, [_route(base, places, key, use) for key, use in uses.items()])
    if isinstance(network, PlainNetwork):
        found = made_plain(found, network.no_input_gradient, network.no_gradient_by, network.through_detach)
    if not (found(inputs) - expected).norm() <= TOLERANCE * expected.norm():
        raise NotApplicable("what the network computes by functions of its parameters is not what layers with them do")
    return found


@torch.no_grad()
def _uses_as_layers(network: nn.Module, places: Mapping[int, tuple[str, Tensor]], inputs: Tensor) -> dict[int, Use]:
    """Of the parameters, by their id, those that are applied as layers and do nothing else; and how."""
    watch = Watch({key: parameter for key, (_, parameter) in places.items()})
    with watch:
        network(inputs)
    used_once = {key: next(iter(uses)) for key, uses in watch.uses.items() if len(uses) == 1}
    biases = [use.bias for use in used_once.values() if use.bias is not None]
    return {
        key: use
        for key, use in used_once.items()
        if key not in watch.otherwise and (use.bias is None or _is_only_this(use.bias, biases, watch))
    }


def _is_only_this(bias: int, biases: list[int], watch: Watch) -> bool:
    return biases.count(bias) == 1 and bias not in watch.otherwise and bias not in watch.uses


def _places(network: nn.Module, x: Tensor) -> dict[int, tuple[str, Tensor]]:
    """The parameters, with their names, that are registered once and of no layer that is called; by their id."""
    layers = [module for module in network.modules() if isinstance(module, CALLED)]
    named = list(network.named_parameters(remove_duplicate=False))
    called: set[int] = set()
    if layers:
        with torch.no_grad():
            _, applications = recorded_run(network, layers, x)
        called = {id(parameter) for each in applications for parameter in each.layer.parameters()}
    if not any(parameter.ndim > 1 and id(parameter) not in called for _, parameter in named):
        return {}
    owners = [id(parameter) for _, parameter in named]
    return {
        id(parameter): (name, parameter)
        for name, parameter in named
        if id(parameter) not in called and owners.count(id(parameter)) == 1
    }


def _route(network: nn.Module, places: Mapping[int, tuple[str, Tensor]], key: int, use: Use) -> Route:
    """The parameter, and its bias, taken out of its module; a layer with them put beside it."""
    name, parameter = places[key]
    bias = None
    if use.bias is not None:
        bias_name, bias = places[use.bias]
        _held(network, bias_name)
    _held(network, name)
    weight = parameter.T.contiguous() if use.turned else parameter
    layer = _layer(weight.detach().clone(), bias, use)
    owner, _, own = name.rpartition(".")
    network.get_submodule(owner).add_module(f"{own}_layer", layer.eval())
    return Route(parameter, bias, use, f"{name}_layer")


def _held(network: nn.Module, name: str) -> None:
    """Keep the parameter of this name as a plain attribute, which is not a parameter of the network."""
    owner, _, own = name.rpartition(".")
    module = network.get_submodule(owner)
    module.__dict__[own] = module._parameters.pop(own)


def _layer(weight: Tensor, bias: Tensor | None, use: Use) -> nn.Module:
    options = dict(use.options)
    found: nn.Module
    if use.kind is nn.Linear:
        found = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
    else:
        channels = weight.shape[1] * options.get("groups", 1), weight.shape[0]
        found = use.kind(*channels, weight.shape[2:], bias=bias is not None, device="meta", **options)  # type: ignore[call-arg]
    found.weight = nn.Parameter(weight)
    if bias is not None:
        found.bias = nn.Parameter(bias.detach().clone())
    return found


def _routed(network: nn.Module, routes: list[Route]) -> nn.Module:
    network.__dict__["own_forward"] = network.__dict__.pop("forward", None)
    network.__dict__["routes"] = routes
    network.__class__ = type(FunctionsAsLayers.__name__, (FunctionsAsLayers, type(network)), {})
    return network
