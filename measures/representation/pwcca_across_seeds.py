"""Projection-weighted canonical correlation between two seeds, as a distance.

    μ = 1 − Σⱼ αⱼ ρⱼ / Σⱼ αⱼ     αⱼ = Σᵢ |⟨hⱼ, xᵢ⟩|

ρⱼ are the canonical correlations of X and Y, hⱼ the (unit) canonical vectors of X, xᵢ the columns of X: the centred
features of the last hidden layer of the given network, one column a unit. Y are those of a network that the same
recipe with another seed trains on the same examples, at most 1,000 of them. Between 0 and 1.

Morcos, Raghu & Bengio 2018 (arXiv:1806.05759), projection-weighted CCA.
Differs from the paper:
1. X and Y are first projected on the leading principal components that hold 99% of their variance: what is left out
   is mostly noise, and would correlate by chance where the units are not much fewer than the examples.
2. One pair of networks, instead of all pairs of a group.
3. Not applicable where the two projections together have as many components as there are examples or more: any two
   networks correlate perfectly then, and the canonical vectors, which give the weights, are not unique.

Claims: larger gap (Morcos, Raghu & Bengio 2018, abstract).
Random labels: separates (Morcos, Raghu & Bengio 2018, abstract).
"""

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.representation._other_seed import centred_pair
from measures.trained_model import TrainedModel

VARIANCE_KEPT = 0.99


@measure(
    source="Morcos, Raghu & Bengio 2018, projection-weighted CCA",
    cost="retrain",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def pwcca_across_seeds(trained: TrainedModel) -> float:
    x, y = centred_pair(trained)
    x_basis, y_basis = leading_directions(x), leading_directions(y)
    components = x_basis.shape[1] + y_basis.shape[1]
    if components >= len(x):
        raise NotApplicable(f"{components} principal components of both networks, not below the {len(x)} examples")
    left, correlations, _ = torch.linalg.svd(x_basis.T @ y_basis, full_matrices=False)
    canonical = x_basis @ left  # (m, k), one vector a column
    weights = (canonical.T @ x).abs().sum(dim=1)
    return 1 - float((weights * correlations).sum() / weights.sum())


def leading_directions(features: Tensor) -> Tensor:
    """An orthonormal basis (m, k) of the projection of centred features on their leading principal components."""
    examples, width = features.shape
    gram = features.T @ features if width < examples else features @ features.T
    variances, vectors = (part.flip(-1) for part in torch.linalg.eigh(gram))  # largest first
    share = variances.cumsum(0) / variances.sum()
    count = 1 + int((share < VARIANCE_KEPT).sum())
    if width < examples:
        return features @ vectors[:, :count] / variances[:count].sqrt()
    return vectors[:, :count]
