"""Normalized sharpness: curvature times weights, at the scaling of rows and columns that makes it smallest.

    μ = Σₗ min over σ, τ > 0 of  Σ_{jk} ( Wₗ[j,k]² / (σⱼτₖ)² + Hₗ[j,k] (σⱼτₖ)² )

Hₗ[j, k] ≥ 0 is the second derivative of the mean training cross-entropy with respect to Wₗ[j, k] (summed over the
kernel's places, as is Wₗ²), by the exact Gauss-Newton diagonal, σ a scale for each output channel of the layer and τ
for each input channel: posterior noise of standard deviation σⱼτₖ, paid in sharpness and in distance from a prior of
that width.

The minimum is found by turns: for fixed τ, σⱼ² = (wⱼ/hⱼ)^½ with wⱼ = Σₖ W²/τₖ², hⱼ = Σₖ Hτₖ²; the sum is convex in
log σ and log τ.

Tsuzuku, Sato & Sugiyama 2020 (arXiv:1901.04653), normalized sharpness.
Differs from the paper:
1. The Gauss-Newton diagonal takes the place of the Hessian's, which may be negative (for ReLU networks the two are
   equal), over weighted examples of a large training set (quantities/hessian_spectrum.py).
2. Batch normalization is folded in; biases are left out.
3. The turns end when the sum falls by less than 10⁻⁹ of itself, or after 1000.

Claims: larger gap (Tsuzuku, Sato & Sugiyama 2020).
Random labels: unknown (the source could not be had).
"""

import torch
from torch import Tensor

from measures import measure
from measures.quantities.gauss_newton import layer_curvatures
from measures.trained_model import TrainedModel

TURNS = 1000


@measure(
    source="Tsuzuku, Sato & Sugiyama 2020",
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def normalized_flat_minima(trained: TrainedModel) -> float:
    total = 0.0
    for layer in layer_curvatures(trained):
        kernel_places = tuple(range(2, layer.weight.ndim))
        squares, curvature = layer.weight.double().square(), layer.diagonal
        if kernel_places:
            squares, curvature = squares.sum(dim=kernel_places), curvature.sum(dim=kernel_places)
        total += smallest_sum(squares, curvature)
    return total


def smallest_sum(squares: Tensor, curvature: Tensor) -> float:
    """The minimum over row and column scales u, v > 0 of Σ squares / (uv) + curvature · uv."""
    size = None
    while size != squares.shape:  # a column that goes may leave a row with nothing
        size = squares.shape
        rows = (squares.sum(dim=1) > 0) & (curvature.sum(dim=1) > 0)  # the others' infimum is 0
        columns = (squares[rows].sum(dim=0) > 0) & (curvature[rows].sum(dim=0) > 0)
        squares, curvature = squares[rows][:, columns], curvature[rows][:, columns]
    if not squares.numel():
        return 0.0
    v = torch.ones_like(squares[0])
    value = float("inf")
    for _ in range(TURNS):
        u = ((squares @ (1 / v)) / (curvature @ v)).sqrt()
        a, b = (1 / u) @ squares, u @ curvature
        v = (a / b).sqrt()
        before, value = value, 2 * float((a * b).sqrt().sum())
        if before - value <= 1e-9 * value:
            break
    return value
