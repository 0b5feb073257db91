"""Linear and convolutional layers by what they do: plain ones with the weight and bias that they effectively have.

A layer's class does not say what it computes. A subclass may scale or standardise its weight, a parametrization or a
hook may normalize, prune or scale it. The effective layer is x -> A x + b with b = layer(0) and A = layer(x) − b. Its
weight is looked for in the attribute first and by probing otherwise (a Linear with unit vectors, a convolution with a
single 1 at each place of its window), and in either case verified: a plain layer with it must return what the layer
returns for random inputs. So a layer that is not linear in what it receives, or does anything else, is refused.

A layer that is plain to begin with is left as it is.
"""

import itertools
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from measures.errors import NotApplicable
from measures.networks.attention import of_linear_layers
from measures.networks.copying import copy_of
from measures.networks.layer_hooks import recorded_run
from measures.seeding import seeded_generator, standard_normal

FLOAT64_TOLERANCE, TOLERANCE = 1e-9, 1e-4  # relative, in float64 and in anything coarser
PROBES = 256  # inputs at a time

WithEquivalent = nn.Linear | nn.Conv1d | nn.Conv2d


def has_plain_layers(network: nn.Module) -> bool:
    """Whether every Linear, Conv1d, Conv2d and attention is plain already."""
    attentive = any(isinstance(module, nn.MultiheadAttention) for module in network.modules())
    return not attentive and not _unusual(network)


def _unusual(network: nn.Module) -> list[WithEquivalent]:
    layers = [module for module in network.modules() if isinstance(module, WithEquivalent)]
    return [layer for layer in layers if not is_plain(layer)]


@torch.no_grad()
def with_plain_layers(network: nn.Module, inputs: Tensor) -> nn.Module:
    """The network, changed in place, with a plain layer for each Linear, Conv1d, Conv2d and attention that is not.

    `inputs` is a few examples. What the network does not apply stays. Raises NotApplicable for one that has no plain
    equivalent.
    """
    for name, attention in list(network.named_modules()):
        if isinstance(attention, nn.MultiheadAttention):
            network = _with(network, name, of_linear_layers(name, attention))
    if unusual := _unusual(network):
        _, applications = recorded_run(network, unusual, inputs[:1])
        received = {application.layer: application.received for application in applications}
        with_options = {application.layer for application in applications if application.options}
        for name, layer in list(network.named_modules()):
            if isinstance(layer, WithEquivalent) and layer in received:
                if layer in with_options:
                    raise NotApplicable(
                        f"layer {name!r}, a {type(layer).__name__}, is called with more than its input: its weights "
                        "are unknown"
                    )
                network = _with(network, name, plain_equivalent(name, layer, received[layer]))
    return network


def _with(network: nn.Module, name: str, module: nn.Module) -> nn.Module:
    """The network with this module at this name, which is empty for the network itself."""
    if not name:
        return module
    parent, _, attribute = name.rpartition(".")
    setattr(network.get_submodule(parent), attribute, module)
    return network


def is_plain(layer: WithEquivalent) -> bool:
    """Whether the layer computes what its class says, with the weight that it has as a parameter."""
    patched = {"forward", "_conv_forward", "weight", "bias"} & vars(layer).keys()
    hooked = layer._forward_hooks or layer._forward_pre_hooks
    return (
        type(layer) in (nn.Linear, nn.Conv1d, nn.Conv2d)
        and "weight" in layer._parameters
        and not patched
        and not hooked
    )


def plain_equivalent(name: str, layer: WithEquivalent, received: Tensor) -> WithEquivalent:
    """A plain layer that returns what `layer` returns, or NotApplicable; `received` is what the network gives it."""
    exact, sample = layer, received
    try:
        exact = cast(WithEquivalent, copy_of(layer).double())
        sample = received.double()
        exact(sample)
    except Exception:  # a layer that works in its own precision only
        exact, sample = layer, received
    try:
        for candidate in (_own_weight, _probed_weight):
            found = _plain(exact, *candidate(exact, sample))
            if found is not None and _agree(exact, found, sample):
                return found.to(received.dtype)
    except Exception as cause:
        reason = f"cannot be run by itself ({type(cause).__name__}: {cause})".splitlines()[0]
        raise NotApplicable(f"layer {name!r}, a {type(layer).__name__}, {reason}: its weights are unknown") from cause
    raise NotApplicable(
        f"layer {name!r}, a {type(layer).__name__}, returns something else than a weight times its input plus a bias: "
        "its weights are unknown"
    )


def _plain(layer: WithEquivalent, weight: Tensor, bias: Tensor | None) -> WithEquivalent | None:
    """A plain layer with this weight and bias; None where they do not fit."""
    found: WithEquivalent
    if isinstance(layer, nn.Linear):
        found = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
    else:
        kind = nn.Conv1d if isinstance(layer, nn.Conv1d) else nn.Conv2d
        found = kind(
            layer.in_channels,
            layer.out_channels,
            weight.shape[2:],  # type: ignore[arg-type]
            layer.stride,  # type: ignore[arg-type]
            layer.padding,  # type: ignore[arg-type]
            layer.dilation,  # type: ignore[arg-type]
            layer.groups,
            bias is not None,
            layer.padding_mode,
            device="meta",
        )
    if found.weight.shape != weight.shape or (bias is not None and bias.shape != weight.shape[:1]):
        return None
    found.weight = nn.Parameter(weight.detach().clone())
    found.bias = None if bias is None else nn.Parameter(bias.detach().clone())
    return found.eval()


def _agree(layer: nn.Module, found: nn.Module, sample: Tensor) -> bool:
    """Whether both return the same for random inputs, small ones and large ones."""
    tolerance = FLOAT64_TOLERANCE if sample.dtype == torch.float64 else TOLERANCE
    for scale in (1.0, 10.0):
        x = scale * standard_normal(tuple(sample.shape), seeded_generator(0, "effective layers"), like=sample)
        expected, returned = layer(x), found(x)
        if expected.shape != returned.shape:
            return False
        if not (returned - expected).norm() <= tolerance * expected.norm().clamp_min(1e-30):
            return False
    return True


def _own_weight(layer: WithEquivalent, sample: Tensor) -> tuple[Tensor, Tensor | None]:
    layer(sample)  # a hook may set the weight only now
    return layer.weight, layer.bias


def _probed_weight(layer: WithEquivalent, sample: Tensor) -> tuple[Tensor, Tensor | None]:
    """From what the layer returns for zeros and for single ones."""
    if isinstance(layer, nn.Linear):
        shape = sample.shape[1:]
        units = torch.eye(shape[-1], dtype=sample.dtype, device=sample.device)
        columns, bias = _answers(layer, units.view(len(units), *[1] * (len(shape) - 1), -1).expand(-1, *shape), _last)
        return columns.T.contiguous(), bias if bias.any() else None
    corner, sides = zip(*(_whole_window(layer, axis) for axis in range(len(layer.kernel_size))), strict=True)
    places = [
        (channel, *(begin + k * step for (_, begin), k, step in zip(corner, window, layer.dilation, strict=True)))
        for channel in range(layer.in_channels)
        for window in itertools.product(*map(range, layer.kernel_size))
    ]
    ones = torch.zeros(len(places), layer.in_channels, *sides, dtype=sample.dtype, device=sample.device)
    for row, place in enumerate(places):
        ones[(row, *place)] = 1
    position = (slice(None), slice(None), *(position for position, _ in corner))
    answers, bias = _answers(layer, ones, lambda returned: returned[position])
    dense = answers.view(layer.in_channels, *layer.kernel_size, -1).movedim(-1, 0)
    of_group = layer.in_channels // layer.groups
    first = torch.arange(layer.out_channels) // (layer.out_channels // layer.groups) * of_group
    weight = torch.stack([dense[i, start : start + of_group] for i, start in enumerate(first.tolist())])
    return weight, bias if bias.any() else None


def _answers(layer: nn.Module, inputs: Tensor, read: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """What the layer returns for each input less what it returns for zeros, (inputs, out), and the latter, (out,)."""
    bias = read(layer(torch.zeros_like(inputs[:1])))[0]
    return torch.cat([read(layer(part)) for part in inputs.split(PROBES)]) - bias, bias


def _last(returned: Tensor) -> Tensor:
    """What is returned for the last vector of each input: for all of them the same."""
    return returned.flatten(1, -2)[:, -1] if returned.ndim > 2 else returned


def _whole_window(layer: nn.Conv1d | nn.Conv2d, axis: int) -> tuple[tuple[int, int], int]:
    """(an output position whose window lies within the image, where that begins), and the image's size, on one axis."""
    reach = layer.dilation[axis] * (layer.kernel_size[axis] - 1)
    if isinstance(layer.padding, str):
        padding = reach // 2 if layer.padding == "same" else 0
    else:
        padding = layer.padding[axis]
    position = -(-padding // layer.stride[axis])
    begin = position * layer.stride[axis] - padding
    return (position, begin), begin + reach + 1 + padding  # so that reflections of the border are possible as well
