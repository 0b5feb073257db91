"""Which layers are plain: their weights' gradient for an example can be read off what they receive and what comes back.

A Linear, Conv2d or BatchNorm2d by its class is not always one by what it does: it may have a forward of its own, a
hook, a weight that is computed from other parameters or that is used elsewhere, or be applied to rows that are not
examples. So a layer is plain only if it looks so, and if on a few examples what is read off is the gradient that
autograd gives for one example among others.
"""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from measures.networks.copying import run_with
from measures.networks.layer_hooks import Application, recorded_run

MAX_ENTRIES = 2**22  # gradient entries held at a time (16 MB in float32)
FEW = 3  # examples on which layers are tried
TOLERANCE = 1e-3  # of the gradient's norm; a layer that is not plain is off by far more, rounding by less

PlainLayer = nn.Linear | nn.Conv2d | nn.BatchNorm2d


def plain_layers(model: nn.Module, inputs: Tensor) -> list[PlainLayer]:
    """The layers applied once, in the plain way, that share no weights; in the order of application."""
    owners = [id(parameter) for _, parameter in model.named_parameters(remove_duplicate=False)]
    candidates = [
        module
        for module in model.modules()
        if isinstance(module, PlainLayer)
        and _looks_plain(module)
        and all(owners.count(id(parameter)) == 1 for parameter in module.parameters())
    ]
    return _confirmed(model, candidates, inputs[:FEW].detach()) if candidates else []


def kernel_gradients(layer: nn.Conv2d, inputs: Tensor, back: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Gradients (few, out channels, weights of a channel) of a convolution's kernel, a few examples at a time.

    Each is (channels, positions) @ (positions, weights of a channel).
    """
    positions, weights_of_channel = back[0, 0].numel(), layer.weight[0].numel()
    few = max(1, MAX_ENTRIES // (weights_of_channel * max(back.shape[1], positions)))
    for start in range(0, len(inputs), few):
        part = slice(start, start + few)
        yield part, back[part].flatten(2) @ patches(layer, inputs[part]).mT


def patches(layer: nn.Conv2d, inputs: Tensor) -> Tensor:
    """What the kernel meets at each position, (m, weights of a channel, positions): torch's unfold, faster.

    The padding is of zeros, in numbers.
    """
    assert not isinstance(layer.padding, str)  # plain layers only
    (rows, columns), (down, across) = layer.padding, layer.dilation
    x = F.pad(inputs, (columns, columns, rows, rows))
    height = x.shape[2] - down * (layer.kernel_size[0] - 1)  # of the rows in which a kernel can begin
    width = x.shape[3] - across * (layer.kernel_size[1] - 1)
    positions = (-(-height // layer.stride[0]), -(-width // layer.stride[1]))
    example, channel, row, column = x.stride()
    size = (*x.shape[:2], *layer.kernel_size, *positions)
    steps = (example, channel, row * down, column * across, row * layer.stride[0], column * layer.stride[1])
    return x.as_strided(size, steps, x.storage_offset()).reshape(len(x), layer.weight[0].numel(), -1)


def normalised(layer: nn.BatchNorm2d, inputs: Tensor) -> Tensor:
    """What a normalization in evaluation mode multiplies by its scale."""
    return F.batch_norm(inputs, layer.running_mean, layer.running_var, eps=layer.eps)


def scale_gradients(layer: nn.BatchNorm2d, inputs: Tensor, back: Tensor) -> Tensor:
    """Gradients (m, channels) of a normalization's scale: sums over the positions of what it multiplies by it."""
    rows = back.flatten(2).flatten(0, 1)
    return (rows[:, None] @ normalised(layer, inputs).reshape(*rows.shape, 1)).view(back.shape[:2])


def gradients_or_zero(output: Tensor, weights: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The gradient of a number with respect to each of the weights; zero where it does not depend on one."""
    if output.grad_fn is None:
        return tuple(torch.zeros_like(weight) for weight in weights)
    return torch.autograd.grad(output, weights, materialize_grads=True, retain_graph=True)


def _looks_plain(layer: PlainLayer) -> bool:
    base = next(kind for kind in (nn.Linear, nn.Conv2d, nn.BatchNorm2d) if isinstance(layer, kind))
    own_methods = [name for name in ("forward", "_conv_forward", "__call__", "__getattr__") if name in layer.__dict__]
    inherited = all(
        getattr(type(layer), name, None) is getattr(base, name, None)
        for name in ("forward", "_conv_forward", "__call__", "__getattr__")
    )
    hooks = layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks or layer._backward_pre_hooks
    held = {"weight", "bias"} == layer._parameters.keys()  # not computed from other parameters, and no more of them
    if own_methods or not inherited or hooks or not held:
        return False
    if isinstance(layer, nn.Conv2d):
        return layer.groups == 1 and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    return isinstance(layer, nn.Linear) or layer.running_mean is not None


@torch.enable_grad()
def _confirmed(model: nn.Module, candidates: list[PlainLayer], inputs: Tensor) -> list[PlainLayer]:
    """Those applied once to one row an example for which the gradient read off is autograd's."""
    named = {name: parameter.detach().requires_grad_() for name, parameter in model.named_parameters()}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    logits, applications = recorded_run(
        lambda x: run_with(model, named, x), candidates, inputs.clone().requires_grad_()
    )
    applied = [application.layer for application in applications]
    once = [
        call
        for call in applications
        if applied.count(call.layer) == 1
        and len(call.received) == len(inputs)
        and call.received.ndim == (2 if isinstance(call.layer, nn.Linear) else 4)
    ]
    if not once:
        return []
    row = len(inputs) // 2
    numbers = torch.arange(logits.shape[1], dtype=logits.dtype, device=logits.device)
    one = (logits[row] * (1 + numbers).cos()).sum()  # of one example among others, any mixture of its outputs
    own = [(call.layer.weight, call.layer.bias) for call in once]  # parameters() may have them the other way round
    weights = [[named[names[id(p)]] for p in pair if p is not None] for pair in own]
    wanted = [call.returned for call in once] + [weight for own in weights for weight in own]
    found = iter(torch.autograd.grad(one, wanted, allow_unused=True))
    backs = [next(found) for _ in once]
    gradients = [[next(found) for _ in own] for own in weights]
    return [
        call.layer
        for call, back, expected in zip(once, backs, gradients, strict=True)
        if back is not None and _reads_off(call, back, expected, row)
    ]


def _reads_off(call: Application[PlainLayer], back: Tensor, expected: Sequence[Tensor | None], row: int) -> bool:
    """Whether the gradients of the layer's weight and bias are those read off the example's row."""
    layer, x, back = call.layer, call.received[row : row + 1].detach(), back[row : row + 1].detach()
    if isinstance(layer, nn.Linear):
        weight = back.T @ x
    elif isinstance(layer, nn.Conv2d):
        weight = next(kernel_gradients(layer, x, back))[1]
    else:
        weight = (back * normalised(layer, x)).sum(dim=(0, 2, 3))
    bias = back.flatten(2).sum(dim=2) if back.ndim == 4 else back
    read = [weight, bias] if layer.weight is not None else [bias]
    for gradient, of_autograd in zip(read, expected, strict=False):
        if of_autograd is None:
            return False
        difference = gradient.flatten().double() - of_autograd.flatten().double()
        if not difference.norm() <= TOLERANCE * of_autograd.double().norm():
            return False
    return True
