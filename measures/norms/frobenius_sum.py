"""The layers' Frobenius norms as they would be were the network balanced: their geometric mean, times the depth.

    μ = d · (Πₗ ‖Wₗ‖²_F)^(1/d)               frobenius_sum
    μ = d · (Πₗ ‖Wₗ‖²_F / γ²)^(1/d)          frobenius_sum_over_margin

d is the number of weight layers, Wₗ the true linear operator of layer l with batch normalization folded in, γ the
margin of measures/margins/inverse_margin.py. At one depth they order networks as the products do.

Jiang et al. 2020 (arXiv:1912.02178), eqs. 39 and 38.
Differs from the paper: a convolution counts each kernel entry once for every place where it is applied inside the
image; the paper's Frobenius norm is the kernel's.

Claims: larger gap (Jiang et al. 2020, eqs. 39 and 38).
Random labels: unknown (only the abstract could be had).
"""

import math

from measures import INVARIANCES, measure
from measures.norms.frobenius_norm import frobenius_norm, frobenius_over_margin
from measures.trained_model import TrainedModel


@measure(source="Jiang et al. 2020, eq. 39", invariant_to=INVARIANCES)
def frobenius_sum(trained: TrainedModel) -> float:
    d = len(trained.layers)
    return d * math.exp(2 * frobenius_norm(trained) / d)


@measure(source="Jiang et al. 2020, eq. 38", invariant_to=INVARIANCES)
def frobenius_sum_over_margin(trained: TrainedModel) -> float:
    d = len(trained.layers)
    return d * math.exp(2 * frobenius_over_margin(trained) / d)
