"""Sum of the layers' squared spectral norms once they are balanced, as its logarithm.

    spectral_sum               μ = log( d · (Πₗ ‖Wₗ‖₂²)^(1/d) )
    spectral_sum_over_margin   μ = log( d · (Πₗ ‖Wₗ‖₂² / γ²)^(1/d) )

d is the number of layers, Wₗ the true linear operator of layer l with batch normalization folded in, γ the 10th
percentile of the training margins. A ReLU network's layers can be scaled to equal norms without changing what it
computes; the sum of the squares is then d times their geometric mean, and the smallest that scaling can give.

Jiang et al. 2020 (arXiv:1912.02178), eqs. 35 and 34.
Differs from the paper: the operator, not the reshaped kernel; not applicable where γ ≤ 0. Between networks of one
depth this orders as the product does (spectral_norm.py); the two part where depths differ.

Claims: larger gap (Jiang et al. 2020, eqs. 35 and 34).
Random labels: separates (Bartlett, Foster & Telgarsky 2017, abstract, of the Lipschitz constant).
"""

import math

from measures import measure
from measures.spectral.spectral_norm import spectral_norm
from measures.spectral.spectral_over_margin import spectral_over_margin
from measures.trained_model import TrainedModel

ALL = ("layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift")


@measure(source="Jiang et al. 2020, eq. 35", invariant_to=ALL)
def spectral_sum(trained: TrainedModel) -> float:
    return balanced(2 * spectral_norm(trained), len(trained.layers))


@measure(source="Jiang et al. 2020, eq. 34", invariant_to=ALL)
def spectral_sum_over_margin(trained: TrainedModel) -> float:
    return balanced(spectral_over_margin(trained), len(trained.layers))


def balanced(log_product: float, depth: int) -> float:
    """Log of the sum of `depth` equal numbers with this log product."""
    return math.log(depth) + log_product / depth
