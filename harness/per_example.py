"""Norms of per-example gradients, without ever holding examples times weights.

A linear layer's gradient for one example is the outer product of what comes back to its output and what came
in, so its norm is the product of theirs (Goodfellow 2015, arXiv:1510.01799). A convolution's is the sum of such
products over the positions. Weights of any other kind of layer go through torch.func, more slowly.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

CHUNK = 256  # examples a forward and backward pass
MAX_ENTRIES = 2**22  # gradient entries held at a time (16 MB in float32)
DIFFERENT_IN_TRAINING = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd)

PlainLayer = nn.Linear | nn.Conv2d | nn.BatchNorm2d
Call = tuple[PlainLayer, Tensor, Tensor]  # a layer, what it received, what it returned


def gradient_norms(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """Euclidean norm of each example's gradient of the cross-entropy with respect to all weights, (n,).

    The model must be in evaluation mode: in training mode batch normalization mixes the examples.
    """
    if any(module.training for module in model.modules() if isinstance(module, DIFFERENT_IN_TRAINING)):
        raise ValueError("per-example gradients need the model in evaluation mode; call model.eval() first")
    layers = _plain_layers(model, inputs[:1])
    plain = {id(parameter) for layer in layers for parameter in layer.parameters()}
    others = {name: p.detach() for name, p in model.named_parameters() if id(p) not in plain}
    squares = []
    for x, y in zip(torch.split(inputs, CHUNK), torch.split(labels, CHUNK), strict=True):
        squares.append(torch.zeros(len(y), dtype=x.dtype, device=x.device))
        if layers:
            squares[-1] += _squares_of_layers(model, layers, x, y)
        if others:
            squares[-1] += _squares_of_others(model, others, x, y)
    return torch.cat(squares).sqrt()


def _squares_of_layers(model: nn.Module, layers: list[PlainLayer], inputs: Tensor, labels: Tensor) -> Tensor:
    with torch.enable_grad():
        # With a gradient asked for the inputs every output has one, be the weights frozen or not.
        calls, logits = _run(model, layers, inputs.detach().requires_grad_())
        loss = F.cross_entropy(logits, labels, reduction="sum")
    arrived = torch.autograd.grad(loss, [returned for _, _, returned in calls])
    squares = [_squares(layer, x, back) for (layer, x, _), back in zip(calls, arrived, strict=True)]
    return torch.stack(squares).sum(dim=0)


def _squares(layer: PlainLayer, inputs: Tensor, arrived: Tensor) -> Tensor:
    """Squared gradient norm of one layer's weight and bias, from its inputs and the gradient at its outputs."""
    if isinstance(layer, nn.Linear):
        has_bias = layer.bias is not None
        return (inputs.square().sum(dim=1) + has_bias) * arrived.square().sum(dim=1)
    back = arrived.flatten(2)  # (n, channels, positions)
    squares = back.sum(dim=2).square().sum(dim=1) if layer.bias is not None else torch.zeros_like(back[:, 0, 0])
    if isinstance(layer, nn.Conv2d):
        return squares + _squares_of_kernel(layer, inputs, back)
    if layer.weight is not None:
        normalised = F.batch_norm(inputs, layer.running_mean, layer.running_var, eps=layer.eps).flatten(2)
        squares += (back * normalised).sum(dim=2).square().sum(dim=1)
    return squares


def _squares_of_kernel(layer: nn.Conv2d, inputs: Tensor, back: Tensor) -> Tensor:
    """The kernel's gradient is (channels, positions) @ (positions, weights of a channel), a few examples at a time."""
    positions, weights_of_channel = back.shape[2], layer.weight[0].numel()
    few = max(1, MAX_ENTRIES // max(layer.weight.numel(), positions * weights_of_channel))
    squares = []
    for x, d in zip(torch.split(inputs, few), torch.split(back, few), strict=True):
        patches = F.unfold(x, layer.kernel_size, layer.dilation, layer.padding, layer.stride)  # type: ignore[arg-type]
        squares.append((d @ patches.mT).square().sum(dim=(1, 2)))
    return torch.cat(squares)


def _squares_of_others(model: nn.Module, weights: dict[str, Tensor], inputs: Tensor, labels: Tensor) -> Tensor:
    def loss(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(model, weights, (x[None],)), y[None])

    def square(x: Tensor, y: Tensor) -> Tensor:
        return torch.stack([g.square().sum() for g in grad(loss)(weights, x, y).values()]).sum()

    few = max(1, MAX_ENTRIES // sum(weight.numel() for weight in weights.values()))
    squares: Tensor = vmap(square, chunk_size=few)(inputs, labels)
    return squares


def _plain_layers(model: nn.Module, inputs: Tensor) -> list[PlainLayer]:
    """The layers applied once, in the plain way, that share no weights."""
    owners = [id(parameter) for _, parameter in model.named_parameters(remove_duplicate=False)]
    candidates = [
        module
        for module in model.modules()
        if isinstance(module, PlainLayer)
        and _is_plain(module)
        and all(owners.count(id(parameter)) == 1 for parameter in module.parameters())
    ]
    with torch.no_grad():
        calls, _ = _run(model, candidates, inputs)
    applied = [layer for layer, _, _ in calls]
    return [
        layer
        for layer, x, _ in calls
        if applied.count(layer) == 1 and x.ndim == (2 if isinstance(layer, nn.Linear) else 4)
    ]


def _is_plain(layer: PlainLayer) -> bool:
    if isinstance(layer, nn.Conv2d):
        return layer.groups == 1 and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    return isinstance(layer, nn.Linear) or layer.running_mean is not None


def _run(model: nn.Module, layers: list[PlainLayer], inputs: Tensor) -> tuple[list[Call], Tensor]:
    """The applications of the layers, in order, and the logits."""
    calls: list[Call] = []

    def record(module: PlainLayer, args: tuple[Tensor, ...], returned: Tensor) -> Tensor:
        calls.append((module, args[0].detach(), returned))
        return returned.clone()  # the next layer may work in place

    hooks = [layer.register_forward_hook(record) for layer in layers]
    try:
        logits = model(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return calls, logits
