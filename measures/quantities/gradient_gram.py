"""Inner products of per-example gradients, as an (m, m) matrix: the Gram matrix of the loss and the tangent kernel.

A linear layer adds (A Aᵀ + 1) ∘ (D Dᵀ), where A (m, in) is what it received, D (m, out) what came back to its output
and the 1 is its bias's; no gradient of a weight is formed. For other layers they are, a block at a time.
"""

import torch
from torch import Tensor, nn

from measures.once_per_model import once_per_model
from measures.quantities import plain_layers
from measures.quantities.per_example import (
    ForwardPass,
    forward_pass,
    unit_cotangents,
)
from measures.quantities.plain_layers import PlainLayer, kernel_gradients, normalised
from measures.trained_model import TrainedModel

SAMPLE = 200  # examples at most of a tangent kernel that is taken apart, the first of `random_order`
PAIRED = 2000  # examples at most whose gradients are compared in pairs, the first of `random_order`


def gradient_gram(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """Inner products of the examples' gradients of the cross-entropy with respect to all weights, (m, m) float64.

    Computed of gradients by logits of length one, so that those of well fitted examples do not vanish in float32.
    """
    passed = forward_pass(model, inputs)
    units, lengths = unit_cotangents(passed.logits, labels)
    return gram(passed, units[None]).double() * lengths * lengths[:, None]


def tangent_kernel(model: nn.Module, inputs: Tensor) -> Tensor:
    """The empirical neural tangent kernel's mean over outputs, (m, m).

    Θ(x, x') = (1/K) Σₖ ⟨∇f_k(x), ∇f_k(x')⟩, gradients with respect to all weights, f_k the k-th of K logits. K
    backward passes share one forward pass and what the layers received.
    """
    passed = forward_pass(model, inputs)
    count, classes = passed.logits.shape
    units = torch.eye(classes, dtype=inputs.dtype, device=inputs.device)
    return gram(passed, units[:, None].expand(classes, count, classes)) / classes


@torch.no_grad()
def gram(passed: ForwardPass, cotangents: Tensor) -> Tensor:
    """Σₖ ⟨gₖᵢ, gₖⱼ⟩, (m, m): gₖᵢ the gradient of ⟨cₖᵢ, f(xᵢ)⟩ with respect to all weights, `cotangents` (k, m, K)."""
    count = len(passed.inputs)
    total = torch.zeros(count, count, dtype=passed.logits.dtype, device=passed.logits.device)
    outputs = sum(output.numel() for _, _, output in passed.calls)
    for some in cotangents.split(max(1, 4 * plain_layers.MAX_ENTRIES // max(1, outputs))):
        for calls in zip(*[passed.backward(cotangent) for cotangent in some], strict=True):
            layer, x, _ = calls[0]
            total += _gram_of(layer, x, [back for _, _, back in calls])
    for cotangent in cotangents:
        _add_gram_of_others(total, passed, cotangent)
    return total


def _gram_of(layer: PlainLayer, x: Tensor, backs: list[Tensor]) -> Tensor:
    """One layer's inner products, summed over `backs`: what came back to its outputs, for each cotangent."""
    if isinstance(layer, nn.Linear):
        return (x @ x.T + (layer.bias is not None)) * _inner_products(backs)
    total = torch.zeros(len(x), len(x), dtype=x.dtype, device=x.device)
    if layer.bias is not None:
        total += _inner_products([back.sum(dim=(2, 3)) for back in backs])
    if isinstance(layer, nn.BatchNorm2d) and layer.weight is not None:
        unscaled = normalised(layer, x)
        total += _inner_products([(back * unscaled).sum(dim=(2, 3)) for back in backs])
    if isinstance(layer, nn.Conv2d):
        # The cotangents stand side by side as if they were more output channels.
        few = max(1, plain_layers.MAX_ENTRIES // (len(x) * layer.weight[0].numel()))
        for back in torch.cat(backs, dim=1).split(few, dim=1):
            total += _inner_products([torch.cat([part.flatten(1) for _, part in kernel_gradients(layer, x, back)])])
    return total


def _inner_products(vectors: list[Tensor]) -> Tensor:
    side_by_side = torch.cat(vectors, dim=1)
    return side_by_side @ side_by_side.T


def _add_gram_of_others(total: Tensor, passed: ForwardPass, cotangent: Tensor) -> None:
    """Two blocks of examples at a time: weights of other layers may be many, and are computed again."""
    for rows, gradients in passed.gradients_of_others(cotangent):
        for columns, facing in passed.gradients_of_others(cotangent):
            total[rows, columns] += gradients @ facing.T


@once_per_model
def final_gradient_gram(trained: TrainedModel) -> Tensor:
    """`gradient_gram` of the trained network on PAIRED examples, (m, m): all there are, where they are no more."""
    return gradient_gram(trained.model, *trained.sample(PAIRED))


@once_per_model
def initial_tangent_kernel(trained: TrainedModel) -> Tensor:
    """`tangent_kernel` before the first step on SAMPLE examples, (m, m) float64."""
    return tangent_kernel(trained.init, trained.sample(SAMPLE)[0]).double()


@once_per_model
def final_tangent_kernel(trained: TrainedModel) -> Tensor:
    """`tangent_kernel` of the trained network on SAMPLE examples, (m, m) float64."""
    return tangent_kernel(trained.model, trained.sample(SAMPLE)[0]).double()
