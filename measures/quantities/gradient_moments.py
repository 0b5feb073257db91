"""Mean and mean square of each weight's per-example gradient, and the diagonal of the Fisher information.

For a linear layer the mean square is (D²)ᵀ A² / m, with A (m, in) what it received and D (m, out) what came back to its
output: no example's gradient is formed. For other layers they are, a few examples at a time. Over all the examples
given, CHUNK at a time: time grows with their number, memory does not.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from measures.quantities.per_example import CHUNK, ForwardPass, forward_passes, loss_cotangents
from measures.quantities.plain_layers import PlainLayer, kernel_gradients, normalised

Moments = tuple[Tensor, Tensor]  # of the gradient and of its square: sums over examples, or means


@torch.no_grad()
def gradient_moments(model: nn.Module, inputs: Tensor, labels: Tensor) -> Moments:
    """Mean and mean square over the examples of the cross-entropy's gradient, (p,) each, as in model.parameters().

    Float64, each chunk's share in the model's precision.
    """
    first: Tensor | float = 0.0
    second: Tensor | float = 0.0
    for passed, y in zip(forward_passes(model, inputs.split(CHUNK)), labels.split(CHUNK), strict=True):
        one, other = _sums(passed, loss_cotangents(passed.logits, y))
        first, second = first + one.double(), second + other.double()
    return torch.as_tensor(first) / len(inputs), torch.as_tensor(second) / len(inputs)


@torch.no_grad()
def fisher_diagonal(model: nn.Module, inputs: Tensor) -> Tensor:
    """(1/m) Σₓ Σ_y p(y | x) (∂ log p(y | x) / ∂θ)², (p,) float64, as in model.parameters()."""
    total: Tensor | float = 0.0
    for passed in forward_passes(model, inputs.split(CHUNK)):
        p = passed.logits.double().softmax(dim=1)
        for label in range(p.shape[1]):
            labels = torch.full((len(p),), label, device=p.device)
            root = p[:, label, None].sqrt() * loss_cotangents(passed.logits.double(), labels)
            total = total + _sums(passed, root.to(passed.logits))[1].double()
    return torch.as_tensor(total) / len(inputs)


def _sums(passed: ForwardPass, cotangents: Tensor) -> Moments:
    """Σᵢ gᵢ and Σᵢ gᵢ², (p,) each: gᵢ the gradient of ⟨cᵢ, f(xᵢ)⟩ with respect to all weights."""
    sums: dict[int, Moments] = {}
    for layer, x, back in passed.backward(cotangents):
        if layer.weight is not None:
            sums[id(layer.weight)] = _weight_sums(layer, x, back)
        if layer.bias is not None:
            per_example = back if back.ndim == 2 else back.sum(dim=(2, 3))
            sums[id(layer.bias)] = per_example.sum(dim=0), per_example.square().sum(dim=0)
    sums |= _sums_of_others(passed, cotangents)
    first, second = zip(*[sums[id(parameter)] for parameter in passed.model.parameters()], strict=True)
    return parameters_to_vector(first), parameters_to_vector(second)


def _weight_sums(layer: PlainLayer, x: Tensor, back: Tensor) -> Moments:
    if isinstance(layer, nn.Linear):
        return back.T @ x, back.square().T @ x.square()
    if isinstance(layer, nn.Conv2d):
        first, second = torch.zeros_like(layer.weight).flatten(1), torch.zeros_like(layer.weight).flatten(1)
        for _, gradients in kernel_gradients(layer, x, back):
            first += gradients.sum(dim=0)
            second += gradients.square().sum(dim=0)
        return first, second
    scales = (back * normalised(layer, x)).sum(dim=(2, 3))
    return scales.sum(dim=0), scales.square().sum(dim=0)


def _sums_of_others(passed: ForwardPass, cotangents: Tensor) -> dict[int, Moments]:
    if not passed.others:
        return {}
    named = dict(passed.model.named_parameters())
    sizes = [weight.numel() for weight in passed.others.values()]
    first, second = passed.logits.new_zeros(sum(sizes)), passed.logits.new_zeros(sum(sizes))
    for _, gradients in passed.gradients_of_others(cotangents):
        first += gradients.sum(dim=0)
        second += gradients.square().sum(dim=0)
    pieces = zip(passed.others, first.split(sizes), second.split(sizes), strict=True)
    return {id(named[name]): (mean, square) for name, mean, square in pieces}
