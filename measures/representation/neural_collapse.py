"""Within-class variability relative to between-class variability: 0 where every class collapses to a point (NC1).

    NC1 = (1/C) Tr(Σ_W Σ_B⁺)     Σ_W = mean over examples of (h − μ_y)(h − μ_y)ᵀ
                                 Σ_B = mean over classes of (μ_c − μ_G)(μ_c − μ_G)ᵀ

h are the features that the last layer classifies, those of NC2 to NC4 (neural_collapse_geometry.py), μ_c the mean of
class c, μ_G the mean of the class means, C the number of classes, ⁺ the pseudo-inverse: directions in which the class
means differ by less than 10⁻⁶ of the most (singular values of the centred means) are left out. No unit; in float64.

Papyan, Han & Donoho 2020 (arXiv:2008.08186), property NC1.
Differs from the paper: μ_G is the mean of the class means, which is the mean of all examples where classes are of
one size.

Version 2: of all examples, where it was of at most 1,000; and a network without a linear layer is read as NC2 to NC4
read it, each channel by its average over positions.

Claims: larger gap (Papyan, Han & Donoho 2020, abstract).
Random labels: does not separate (Galanti, Galanti & Ben-Shaul 2022, arXiv:2202.09028, abstract).
"""

import torch

from measures import measure
from measures.representation._last_layer import class_means
from measures.trained_model import TrainedModel

SMALLEST = 1e-6  # singular values of the centred means below this times the largest are rounding


@measure(
    source="Papyan, Han & Donoho 2020, NC1",
    version=2,
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def neural_collapse(trained: TrainedModel) -> float:
    known = class_means(trained)
    members = torch.searchsorted(known.present, trained.labels)
    deviations = known.features - known.means[members]
    _, singular, directions = torch.linalg.svd(known.centred, full_matrices=False)
    kept = singular > SMALLEST * singular[0]
    # Σ_B = V s² Vᵀ / C, so Tr(Σ_W Σ_B⁺) / C = Σⱼ vⱼᵀ Σ_W vⱼ / sⱼ².
    within = (deviations @ directions[kept].T).square().mean(dim=0)
    return float((within / singular[kept].square()).sum())
