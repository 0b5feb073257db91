"""Product of the layers' spectral norms, as its logarithm: how much they stretch, one after the other.

    μ = Σₗ log ‖Wₗ‖₂     Wₗ the true linear operator of layer l, batch normalization folded in

Jiang et al. 2020 (arXiv:1912.02178), eq. 32 is twice this; Bartlett, Foster & Telgarsky 2017 (arXiv:1706.08498),
eq. 1.2 has the product as its first factor. With skip connections or attention it describes the layers, and bounds
nothing; in a chain of layers and 1-Lipschitz activations it bounds the Lipschitz constant.
Differs from the paper: none; but published code takes the norm of the reshaped kernel, which is not the operator's.

Claims: larger gap (Bartlett, Foster & Telgarsky 2017, abstract).
Random labels: separates (Bartlett, Foster & Telgarsky 2017, abstract, of the Lipschitz constant).
"""

import math

from measures import measure
from measures.layers import require_size
from measures.trained_model import TrainedModel


@measure(
    source="Bartlett, Foster & Telgarsky 2017, eq. 1.2; Jiang et al. 2020, eq. 32",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def spectral_norm(trained: TrainedModel) -> float:
    norms = [layer.operator_norm for layer in trained.layers]
    require_size(trained.layers, norms)
    return sum(math.log(norm) for norm in norms)
