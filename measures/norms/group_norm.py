"""Product of the layers' group norms, as its logarithm: a norm over each unit's inputs, and one over the units.

    μ = Σₗ log ‖Wₗ‖_{p,q}  [− log γ]     ‖W‖_{p,q} = (Σⱼ (Σₖ |W[j,k]|ᵖ)^(q/p))^(1/q)

    l1_inf_norm,  l1_inf_over_margin      p = 1, q = ∞: the largest sum of absolute weights into one unit
    l3_15_norm,   l3_15_over_margin       p = 3, q = 1.5

Wₗ is the true linear operator of layer l with batch normalization folded in, a row j for each output value; γ is the
margin of measures/margins/inverse_margin.py. p = q = 2 is `frobenius_norm`. The complexity that ‖W‖_{p,q} bounds does
not grow with the width where q ≤ p/(p − 1), as in both.

Neyshabur, Tomioka & Srebro 2015 (arXiv:1503.00036), section 3; for L1,∞ Bartlett & Mendelson 2002 (Rademacher and
Gaussian complexities, JMLR 3), section 4, and Golowich, Rakhlin & Shamir 2018 (arXiv:1712.06541) for the depth; the
pair 3, 1.5 and the division by γ as in Neyshabur et al. 2017 (arXiv:1706.08947) and the code of its authors.
Differs from the paper:
1. Biases are left out; the papers' networks have none.
2. A convolution has a row for each place, so q < ∞ counts a kernel once for every place where it is applied.

Claims: larger gap (Golowich, Rakhlin & Shamir 2018, abstract; Neyshabur, Tomioka & Srebro 2015).
Random labels: unknown (only the abstracts could be had).
"""

import math

import torch

from measures import INVARIANCES, measure
from measures.layers import Layer, require_size
from measures.quantities.margin_percentile import inverse_squared_margin
from measures.trained_model import TrainedModel


@measure(source="Bartlett & Mendelson 2002; Golowich, Rakhlin & Shamir 2018", invariant_to=INVARIANCES)
def l1_inf_norm(trained: TrainedModel) -> float:
    return sum(log_group_norm(layer, 1, math.inf) for layer in trained.layers)


@measure(source="Bartlett & Mendelson 2002; Golowich, Rakhlin & Shamir 2018", invariant_to=INVARIANCES)
def l1_inf_over_margin(trained: TrainedModel) -> float:
    return l1_inf_norm(trained) + math.log(inverse_squared_margin(trained)) / 2


@measure(source="Neyshabur, Tomioka & Srebro 2015", invariant_to=INVARIANCES)
def l3_15_norm(trained: TrainedModel) -> float:
    return sum(log_group_norm(layer, 3, 1.5) for layer in trained.layers)


@measure(source="Neyshabur, Tomioka & Srebro 2015", invariant_to=INVARIANCES)
def l3_15_over_margin(trained: TrainedModel) -> float:
    return l3_15_norm(trained) + math.log(inverse_squared_margin(trained)) / 2


def log_group_norm(layer: Layer, p: float, q: float) -> float:
    """log ‖W‖_{p,q} of the layer's operator."""
    ones = torch.ones(1, *layer.input_shape, dtype=torch.float64, device=layer.weight.device)
    of_units = layer.linear_map(ones, layer.weight.double().abs().pow(p)).flatten() ** (1 / p)
    norm = float(of_units.norm(q))
    require_size([layer], [norm])
    return math.log(norm)
