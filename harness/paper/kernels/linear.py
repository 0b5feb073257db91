"""Linear models with more weights than examples: where gradient descent goes, and what the curvature cannot tell.

    loss(w) = 1/n Σᵢ ℓ(⟨xᵢ, w⟩, yᵢ)     with d ≥ n, every minimum has ⟨xᵢ, w⟩ = yᵢ
    minimum norm: w = Xᵀ (X Xᵀ)⁻¹ y     Hessian: Xᵀ diag(β) X / n, βᵢ = ∂²ℓ/∂z² at (zᵢ, yᵢ)

Every step adds a multiple of some xᵢ, so that stochastic gradient descent from w = 0 never leaves the span of the data,
and the only interpolant there is that of minimum norm. The Hessian depends on w through the outputs alone: it is the
same at all interpolants, and of rank n at most. Zhang et al. 2017, section 5.
"""

import dataclasses
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import HarnessError

Loss = Literal["squared", "logistic"]


@dataclasses.dataclass(frozen=True)
class Step:
    """Where w is after `step` steps: relative to the minimum-norm solution's length, its distance from it and from the
    span of the data; and its mean squared loss."""

    step: int
    distance_to_minimum_norm: float
    distance_from_span: float
    loss: float


def minimum_norm_solution(inputs: Tensor, targets: Tensor) -> Tensor:
    """w (d,) or (d, outputs) for X (n, d), y (n,) or (n, outputs). HarnessError where X Xᵀ has no inverse."""
    gram = inputs @ inputs.T
    factor, trouble = torch.linalg.cholesky_ex(gram)
    if int(trouble):
        raise HarnessError(
            f"{len(inputs)} examples of {inputs.shape[1]} features are linearly dependent; take fewer examples, or "
            "leave out repeated ones"
        )
    columns = targets if targets.ndim == 2 else targets[:, None]
    solution = inputs.T @ torch.cholesky_solve(columns, factor)
    return solution.view(-1, *targets.shape[1:])


def squared_loss(inputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """½ (⟨xᵢ, w⟩ − yᵢ)², summed over outputs, mean over examples."""
    return (inputs @ weights - targets).square().sum() / (2 * len(inputs))


def sgd_path(
    inputs: Tensor,
    targets: Tensor,
    epochs: int,
    generator: torch.Generator,
    batch_size: int = 1,
    start: Tensor | None = None,
    records: int = 20,
) -> tuple[Tensor, list[Step]]:
    """SGD on the squared loss from `start` (0), its last w and `records` moments of its path, closer at the beginning.

    The rate is 1 / max |xᵢ|² (the largest at which one example alone cannot diverge); an epoch is a permutation.
    """
    optimum = minimum_norm_solution(inputs, targets)
    basis = torch.linalg.qr(inputs.T).Q  # (d, n)
    weights = torch.zeros_like(optimum) if start is None else start.clone()
    rate = 1 / float(inputs.square().sum(dim=1).max())
    per_epoch = -(-len(inputs) // batch_size)
    moments = {round((epochs * per_epoch + 1) ** (i / (records - 1))) - 1 for i in range(records)}

    def where(step: int) -> Step:
        outside = weights - basis @ (basis.T @ weights)
        length = float(optimum.norm())
        loss = float(squared_loss(inputs, targets, weights))
        return Step(step, float((weights - optimum).norm()) / length, float(outside.norm()) / length, loss)

    path = [where(0)]
    step = 0
    for _ in range(epochs):
        for batch in torch.randperm(len(inputs), generator=generator).split(batch_size):
            x = inputs[batch]
            weights -= rate / len(batch) * (x.T @ (x @ weights - targets[batch]))
            step += 1
            if step in moments:
                path.append(where(step))
    return weights, path


def off_the_span(inputs: Tensor, weights: Tensor, length: float, generator: torch.Generator) -> Tensor:
    """`weights` (d,) plus a random vector of that length that no example sees: another w with the same outputs."""
    basis = torch.linalg.qr(inputs.T).Q
    drawn = torch.randn(weights.shape, generator=generator, dtype=weights.dtype)
    for _ in range(2):  # once leaves what rounding does
        drawn = drawn - basis @ (basis.T @ drawn)
    return weights + length * F.normalize(drawn, dim=0)


def loss_at(loss: Loss, outputs: Tensor, labels: Tensor) -> Tensor:
    """ℓ(zᵢ, yᵢ) (n,): ½ (z − y)², or log(1 + exp(−y z)) with y = ±1."""
    return (outputs - labels).square() / 2 if loss == "squared" else F.softplus(-labels * outputs)


def second_derivative(loss: Loss, outputs: Tensor, labels: Tensor) -> Tensor:
    """βᵢ (n,): 1, or σ(z) σ(−z), whatever the label."""
    return torch.ones_like(labels) if loss == "squared" else outputs.sigmoid() * (-outputs).sigmoid()


def hessian(loss: Loss, inputs: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Xᵀ diag(β) X / n, (d, d), of the mean loss."""
    beta = second_derivative(loss, inputs @ weights, labels)
    return inputs.T @ (beta[:, None] * inputs) / len(inputs)


def hessian_by_autograd(loss: Loss, inputs: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """The same (d, d), from nothing but the loss."""
    return torch.autograd.functional.hessian(lambda w: loss_at(loss, inputs @ w, labels).mean(), weights)
