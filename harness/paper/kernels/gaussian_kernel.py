"""The Gaussian kernel on features of images, a block at a time.

k(x, x') = exp(−γ |x − x'|²)
"""

import dataclasses
import functools

import torch
from torch import Tensor

PREDICTED_AT_ONCE = 1000


@dataclasses.dataclass(frozen=True, eq=False)
class GaussianKernel:
    """The kernel of γ = `gamma` among training examples with the `features` (n, d), float32 or float64."""

    features: Tensor
    gamma: float

    @functools.cached_property
    def squares(self) -> Tensor:
        return self.features.square().sum(dim=1)

    def __call__(self, rows: slice) -> Tensor:
        """K[rows, : rows.stop]; exactly 1 on the diagonal, where rounding would give a little less."""
        kernel = self.between(self.features[rows], rows.stop)
        kernel[:, rows].fill_diagonal_(1)
        return kernel

    def between(self, features: Tensor, leading: int) -> Tensor:
        """k of the features (m, d) with those of the `leading` training examples, (m, leading)."""
        products = features @ self.features[:leading].T
        distances = products.mul_(-2).add_(features.square().sum(dim=1, keepdim=True)).add_(self.squares[:leading])
        return distances.clamp_(min=0).mul_(-self.gamma).exp_()

    def predict(self, features: Tensor, solution: Tensor) -> Tensor:
        """f(x) = Σᵢ αᵢ k(xᵢ, x) at the features (m, d), over as many training examples as α (n, classes) has rows."""
        solution = solution.to(features.dtype)
        parts = features.split(PREDICTED_AT_ONCE)
        return torch.cat([self.between(part, len(solution)) @ solution for part in parts])
