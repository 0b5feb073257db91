"""Product of the layers' Frobenius norms, as its logarithm.

    μ = Σₗ log ‖Wₗ‖_F     Wₗ the true linear operator of layer l, batch normalization folded in

Jiang et al. 2020 (arXiv:1912.02178), eq. 37 is twice this; Neyshabur et al. 2015 (arXiv:1503.00036) has the product.
Differs from the paper: a convolution counts each kernel entry once for every place where it is applied inside the
image; the paper's Frobenius norm is the kernel's.
"""

import math

from harness.trained_model import TrainedModel
from measures import NotApplicable, measure


@measure(
    source="Neyshabur, Tomioka & Srebro 2015; Jiang et al. 2020, eq. 37",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def frobenius_norm(trained: TrainedModel) -> float:
    norms = [layer.frobenius_norm for layer in trained.layers]
    if not all(norms):
        raise NotApplicable("a layer's weights are all zero: the logarithm of their norm is undefined")
    return sum(math.log(norm) for norm in norms)
