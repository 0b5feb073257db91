"""Product of the layers' Frobenius norms, as its logarithm; alone, or over the margin.

    μ = Σₗ log ‖Wₗ‖_F                    frobenius_norm
    μ = Σₗ log ‖Wₗ‖_F − log γ            frobenius_over_margin

Wₗ is the true linear operator of layer l with batch normalization folded in, γ the margin of measures/margins/
inverse_margin.py.

Jiang et al. 2020 (arXiv:1912.02178), eqs. 37 and 36 are twice these; Neyshabur et al. 2015 (arXiv:1503.00036) has the
product.
Differs from the paper: a convolution counts each kernel entry once for every place where it is applied inside the
image; the paper's Frobenius norm is the kernel's.

Claims: larger gap (Jiang et al. 2020, eqs. 37 and 36).
Random labels: unknown (only the abstracts could be had).
"""

import math

from measures import INVARIANCES, measure
from measures.layers import require_size
from measures.quantities.margin_percentile import inverse_squared_margin
from measures.trained_model import TrainedModel


@measure(source="Neyshabur, Tomioka & Srebro 2015; Jiang et al. 2020, eq. 37", invariant_to=INVARIANCES)
def frobenius_norm(trained: TrainedModel) -> float:
    norms = [layer.frobenius_norm for layer in trained.layers]
    require_size(trained.layers, norms)
    return sum(math.log(norm) for norm in norms)


@measure(source="Jiang et al. 2020, eq. 36", invariant_to=INVARIANCES)
def frobenius_over_margin(trained: TrainedModel) -> float:
    return frobenius_norm(trained) + math.log(inverse_squared_margin(trained)) / 2
