"""Product of the layers' Schatten norms, as its logarithm: between the trace norm and the spectral norm.

    μ = Σₗ log ‖Wₗ‖_S                    schatten_15_norm           ‖W‖_S = (Σᵢ σᵢ^1.5)^⅔
    μ = Σₗ log ‖Wₗ‖_S − log γ            schatten_15_over_margin

σᵢ are the singular values of W, Wₗ is the true linear operator of layer l with batch normalization folded in, γ the
margin of measures/margins/inverse_margin.py. The power 1 is `trace_norm`, 2 `frobenius_norm`, ∞ `spectral_norm`.

Neyshabur et al. 2017 (arXiv:1706.08947): not in the paper, but among the norms that its authors' code compares, over
the margin, as "L_1.5 operator norm".
Differs from the code:
1. The operator's norm, where the code has the reshaped kernel's; and the logarithm of the product.
2. γ is the 10th percentile of the margins, the code's is the 5th.
3. Not applicable to layers whose operator is too large to be decomposed (measures/layers.py).

Claims: larger gap (the code's list of norms that bound the gap; the bounds in it are of other norms).
Random labels: unknown (the code compares networks on true and random labels, but has no numbers).
"""

import math

from measures import INVARIANCES, measure
from measures.layers import require_size
from measures.quantities.margin_percentile import inverse_squared_margin
from measures.trained_model import TrainedModel

POWER = 1.5


@measure(source="code of Neyshabur et al. 2017", invariant_to=INVARIANCES)
def schatten_15_norm(trained: TrainedModel) -> float:
    norms = [float(layer.singular_values.norm(POWER)) for layer in trained.layers]
    require_size(trained.layers, norms)
    return sum(math.log(norm) for norm in norms)


@measure(source="code of Neyshabur et al. 2017", invariant_to=INVARIANCES)
def schatten_15_over_margin(trained: TrainedModel) -> float:
    return schatten_15_norm(trained) + math.log(inverse_squared_margin(trained)) / 2
