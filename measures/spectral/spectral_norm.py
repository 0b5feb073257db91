"""Product of the layers' spectral norms, as its logarithm: an upper bound on the network's Lipschitz constant.

    μ = Σₗ log ‖Wₗ‖₂     Wₗ the true linear operator of layer l, batch normalization folded in

Jiang et al. 2020 (arXiv:1912.02178), eq. 32 is twice this; Bartlett, Foster & Telgarsky 2017 (arXiv:1706.08498),
eq. 1.2 has the product as its first factor.
Differs from the paper: none; but published code takes the norm of the reshaped kernel, which is not the operator's.
"""

import math

from harness.trained_model import TrainedModel
from measures import NotApplicable, measure


@measure(
    source="Bartlett, Foster & Telgarsky 2017, eq. 1.2; Jiang et al. 2020, eq. 32",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def spectral_norm(trained: TrainedModel) -> float:
    norms = [layer.operator_norm for layer in trained.layers]
    if not all(norms):
        raise NotApplicable("a layer's weights are all zero: the logarithm of their norm is undefined")
    return sum(math.log(norm) for norm in norms)
