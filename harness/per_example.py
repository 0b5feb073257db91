"""Gradients of each example by itself, without ever holding examples times weights.

A linear layer's gradient for one example is the outer product of what comes back to its output and what came
in, so its norm is the product of theirs (Goodfellow 2015, arXiv:1510.01799). A convolution's is the sum of such
products over the positions. Weights of any other kind of layer go through torch.func, more slowly.

What is differentiated is ⟨cᵢ, f(xᵢ)⟩ for each example i: the logits times a cotangent cᵢ that is held fixed. The
loss's gradient has `loss_cotangents`, that of class k's logit has the k-th unit vector.
"""

import dataclasses
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

CHUNK = 256  # examples a forward and backward pass
MAX_ENTRIES = 2**22  # gradient entries held at a time (16 MB in float32)
DIFFERENT_IN_TRAINING = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd)

PlainLayer = nn.Linear | nn.Conv2d | nn.BatchNorm2d
Call = tuple[PlainLayer, Tensor, Tensor]  # a layer, what it received, what it returned


def loss_cotangents(logits: Tensor, labels: Tensor) -> Tensor:
    """Gradient of each example's cross-entropy with respect to its logits, (m, K): the softmax minus the label.

    The label's entry is minus the sum of the others, so that it does not cancel where the label is all but certain.
    """
    others = logits.detach().double().softmax(dim=1).scatter(1, labels[:, None], 0)
    return others.scatter(1, labels[:, None], -others.sum(dim=1, keepdim=True)).to(logits.dtype)


def gradient_norms(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """Euclidean norm of each example's gradient of the cross-entropy with respect to all weights, (n,).

    The model must be in evaluation mode: in training mode batch normalization mixes the examples.
    """
    squares = []
    for x, y in zip(torch.split(inputs, CHUNK), torch.split(labels, CHUNK), strict=True):
        passed = forward_pass(model, x)
        squares.append(squared_norms(passed, loss_cotangents(passed.logits, y)))
    return torch.cat(squares).sqrt()


@dataclasses.dataclass(frozen=True, eq=False)
class ForwardPass:
    """What a forward pass over some examples leaves for backward passes, any number of them.

    `calls` are the plain layers' applications in order; `others` the weights that belong to none of them.
    """

    model: nn.Module
    inputs: Tensor
    calls: list[Call]
    logits: Tensor
    others: dict[str, Tensor]

    def backward(self, cotangents: Tensor) -> list[Call]:
        """Each plain layer, what it received, and the gradient of Σᵢ ⟨cᵢ, f(xᵢ)⟩ at its output."""
        if not self.calls:
            return []
        returned = [output for _, _, output in self.calls]
        arrived = torch.autograd.grad(self.logits, returned, cotangents, retain_graph=True)
        return [(layer, x, back) for (layer, x, _), back in zip(self.calls, arrived, strict=True)]

    def gradients_of_others(self, cotangents: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """The gradients (few, p') of the other weights, flat and in their order, a few examples at a time."""
        if not self.others:
            return

        def product(weights: dict[str, Tensor], x: Tensor, cotangent: Tensor) -> Tensor:
            return (functional_call(self.model, weights, (x[None],))[0] * cotangent).sum()

        few = max(1, MAX_ENTRIES // sum(weight.numel() for weight in self.others.values()))
        for start in range(0, len(self.inputs), few):
            part = slice(start, start + few)
            gradients = vmap(grad(product), in_dims=(None, 0, 0))(self.others, self.inputs[part], cotangents[part])
            yield part, torch.cat([gradients[name].reshape(len(cotangents[part]), -1) for name in self.others], dim=1)


def forward_pass(model: nn.Module, inputs: Tensor) -> ForwardPass:
    """Run the model on these examples, all at once; ValueError if it is not in evaluation mode."""
    if any(module.training for module in model.modules() if isinstance(module, DIFFERENT_IN_TRAINING)):
        raise ValueError("per-example gradients need the model in evaluation mode; call model.eval() first")
    layers = _plain_layers(model, inputs[:1])
    plain = {id(parameter) for layer in layers for parameter in layer.parameters()}
    others = {name: p.detach() for name, p in model.named_parameters() if id(p) not in plain}
    with torch.enable_grad():
        # With a gradient asked for the inputs every output has one, be the weights frozen or not.
        calls, logits = _run(model, layers, inputs.detach().requires_grad_())
    return ForwardPass(model, inputs.detach(), calls, logits, others)


@torch.no_grad()
def squared_norms(passed: ForwardPass, cotangents: Tensor) -> Tensor:
    """Squared norm of each example's gradient with respect to all weights, (m,)."""
    squares = torch.zeros_like(passed.logits[:, 0])
    for layer, x, back in passed.backward(cotangents):
        squares += _squares(layer, x, back)
    for part, gradients in passed.gradients_of_others(cotangents):
        squares[part] += gradients.square().sum(dim=1)
    return squares


def kernel_gradients(layer: nn.Conv2d, inputs: Tensor, back: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Gradients (few, out channels, weights of a channel) of a convolution's kernel, a few examples at a time.

    Each is (channels, positions) @ (positions, weights of a channel).
    """
    positions, weights_of_channel = back[0, 0].numel(), layer.weight[0].numel()
    few = max(1, MAX_ENTRIES // (weights_of_channel * max(back.shape[1], positions)))
    for start in range(0, len(inputs), few):
        part = slice(start, start + few)
        x = inputs[part]
        patches = F.unfold(x, layer.kernel_size, layer.dilation, layer.padding, layer.stride)  # type: ignore[arg-type]
        yield part, back[part].flatten(2) @ patches.mT


def normalised(layer: nn.BatchNorm2d, inputs: Tensor) -> Tensor:
    """What a normalization in evaluation mode multiplies by its scale."""
    return F.batch_norm(inputs, layer.running_mean, layer.running_var, eps=layer.eps)


def _squares(layer: PlainLayer, inputs: Tensor, back: Tensor) -> Tensor:
    """Squared gradient norm of one layer's weight and bias, from its inputs and the gradient at its outputs."""
    if isinstance(layer, nn.Linear):
        return (inputs.square().sum(dim=1) + (layer.bias is not None)) * back.square().sum(dim=1)
    squares = torch.zeros_like(back[:, 0, 0, 0])
    if layer.bias is not None:
        squares += back.sum(dim=(2, 3)).square().sum(dim=1)
    if isinstance(layer, nn.Conv2d):
        for part, gradients in kernel_gradients(layer, inputs, back):
            squares[part] += gradients.square().sum(dim=(1, 2))
    elif layer.weight is not None:
        squares += (back * normalised(layer, inputs)).sum(dim=(2, 3)).square().sum(dim=1)
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
