"""Product of the layers' squared spectral norms over the squared margin, as its logarithm.

    μ = Σₗ log ‖Wₗ‖₂² − 2 log γ     γ = 10th percentile of the training margins

Wₗ is the true linear operator of layer l, batch normalization folded in.

Jiang et al. 2020 (arXiv:1912.02178), eq. 31; the capacity in the bound of Bartlett, Foster & Telgarsky 2017
(arXiv:1706.08498) has this as its leading factor.
Differs from the paper: the operator, not the reshaped kernel; not applicable where γ ≤ 0.

Claims: larger gap (Jiang et al. 2020, eq. 31; Bartlett, Foster & Telgarsky 2017, abstract).
Random labels: separates (Bartlett, Foster & Telgarsky 2017, abstract, of the bound and the Lipschitz constant).
"""

import math

from measures import measure
from measures.quantities.margin_percentile import inverse_squared_margin
from measures.spectral.spectral_norm import spectral_norm
from measures.trained_model import TrainedModel


@measure(
    source="Jiang et al. 2020, eq. 31",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def spectral_over_margin(trained: TrainedModel) -> float:
    return 2 * spectral_norm(trained) + math.log(inverse_squared_margin(trained))
