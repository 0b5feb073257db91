"""Product of the layers' Frobenius norms, as its logarithm; alone, or over the margin.

    μ = Σₗ log ‖Wₗ‖_F                    frobenius_norm
    μ = Σₗ log ‖Wₗ‖_F − log γ            frobenius_over_margin

Wₗ is the true linear operator of layer l with batch normalization folded in, γ the margin of measures/margins/
inverse_margin.py.

Jiang et al. 2020 (arXiv:1912.02178), eqs. 37 and 36 are twice these; Neyshabur et al. 2015 (arXiv:1503.00036) has the
product.
Differs from the paper: a convolution counts each kernel entry once for every place where it is applied inside the
image; the paper's Frobenius norm is the kernel's.
"""

import math

from harness.trained_model import TrainedModel
from measures import INVARIANCES, NotApplicable, measure
from measures.margins.inverse_margin import inverse_margin


@measure(source="Neyshabur, Tomioka & Srebro 2015; Jiang et al. 2020, eq. 37", invariant_to=INVARIANCES)
def frobenius_norm(trained: TrainedModel) -> float:
    norms = [layer.frobenius_norm for layer in trained.layers]
    if not all(norms):
        raise NotApplicable("a layer's weights are all zero: the logarithm of their norm is undefined")
    return sum(math.log(norm) for norm in norms)


@measure(source="Jiang et al. 2020, eq. 36", invariant_to=INVARIANCES)
def frobenius_over_margin(trained: TrainedModel) -> float:
    return frobenius_norm(trained) + math.log(inverse_margin(trained)) / 2
