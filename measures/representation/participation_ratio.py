"""Participation ratio: over how many directions is the variance of the last hidden layer spread?

    μ = (Σⱼ λⱼ)² / Σⱼ λⱼ² = Tr(C)² / ‖C‖_F²     λⱼ eigenvalues of C, the covariance of the features

Between 1 and the smaller of the width and the number of examples less one, at most 500. A number of dimensions; the
claim tested is that of the intrinsic dimension: larger where a network generalizes worse. Not applicable where features
differ by no more than float32 tells apart.

Common practice; Gao et al. 2017 (bioRxiv 214262), participation ratio as dimension.

Claims: read into it.
Random labels: unknown (the source could not be had).
"""

from measures import NotApplicable, measure
from measures.representation._layer_features import hidden_layers
from measures.representation._neighbours import feature_products
from measures.rounding import SAME
from measures.trained_model import TrainedModel


@measure(
    source="Gao et al. 2017, participation ratio",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def participation_ratio(trained: TrainedModel) -> float:
    products = feature_products(trained, hidden_layers(trained)[-1])
    centred = products - products.mean(dim=0) - products.mean(dim=1, keepdim=True) + products.mean()
    total = centred.trace()  # the eigenvalues are those of C times m, and zeros
    if total <= SAME**2 * products.trace():
        raise NotApplicable(f"the features of all {len(products)} examples are the same: they have no variance")
    return float(total**2 / centred.square().sum())
