"""Intrinsic dimension of the last hidden layer, from the ratio of the distances to the two nearest neighbours.

    −log(1 − F(ρ)) = d log ρ     ρᵢ = rᵢ₂ / rᵢ₁,  d fitted by least squares through the origin

rᵢ₁ and rᵢ₂ are the distances of example i from its nearest and second nearest neighbour among at most 500 examples; F
is the empirical distribution of ρ, F(ρ₍ᵢ₎) = i/m in ascending order. The tenth of the examples with the largest ratios
is left out of the fit. A number of dimensions. Published finding: larger for networks that generalize worse.

Ansuini, Laio, Macke & Zoccolan 2019 (arXiv:1905.12784); Facco et al. 2017 (TwoNN).
Differs from the paper:
1. One sample instead of means over subsamples.
2. Examples that equal another, to the precision of float32, are left out; not applicable where fewer than 3 remain, or
   where none of those kept is at different distances from its two neighbours.

Claims: larger gap (Ansuini, Laio, Macke & Zoccolan 2019, abstract).
Random labels: separates (Ansuini, Laio, Macke & Zoccolan 2019, abstract).
"""

import torch

from measures import NotApplicable, measure
from measures.representation._layer_features import hidden_layers
from measures.representation._neighbours import neighbours
from measures.trained_model import TrainedModel

KEPT = 0.9  # share of the ratios that the line is fitted to, smallest first


@measure(
    source="Ansuini, Laio, Macke & Zoccolan 2019, TwoNN",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def intrinsic_dimension(trained: TrainedModel) -> float:
    distances = neighbours(trained, hidden_layers(trained)[-1]).distances
    if distances.shape[1] < 2:
        raise NotApplicable(f"{len(distances)} training examples: none has two neighbours")
    first, second = distances[:, :2].unbind(dim=1)
    ratios = (second / first)[first > 0].sort().values
    ratios = ratios[ratios > 1]  # equal distances, as to an example and its copy, do not count
    m = len(ratios)
    if m < 3:
        raise NotApplicable(f"{m} of {len(first)} examples differ from all others: too few to fit a dimension to")
    x = ratios.log()[: int(KEPT * m)]
    y = -torch.log1p(-torch.arange(1, len(x) + 1, dtype=x.dtype, device=x.device) / m)
    return float((x @ y) / (x @ x))
