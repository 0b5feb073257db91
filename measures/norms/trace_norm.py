"""Product of the layers' trace norms, as its logarithm: large where many directions are used, whatever the largest.

    μ = Σₗ log ‖Wₗ‖_*                     trace_norm
    μ = Σₗ log ‖Wₗ‖_* − log γ             trace_norm_over_margin

‖W‖_* is the sum of the singular values, Wₗ the true linear operator of layer l with batch normalization folded in,
γ the margin of measures/margins/inverse_margin.py.

Neyshabur et al. 2017 (arXiv:1706.08947): not in the paper, but among the norms that its authors' code compares.
Differs from the code: the operator's norm, where the code has the reshaped kernel's. Not applicable to layers whose
operator is too large to be decomposed (measures/layers.py).

Claims: larger gap (the code of the authors of Neyshabur et al. 2017).
Random labels: unknown (only the abstract could be had).
"""

import math

from measures import INVARIANCES, measure
from measures.layers import require_size
from measures.quantities.margin_percentile import inverse_squared_margin
from measures.trained_model import TrainedModel


@measure(source="code of Neyshabur et al. 2017", invariant_to=INVARIANCES)
def trace_norm(trained: TrainedModel) -> float:
    norms = [float(layer.singular_values.sum()) for layer in trained.layers]
    require_size(trained.layers, norms)
    return sum(math.log(norm) for norm in norms)


@measure(source="code of Neyshabur et al. 2017", invariant_to=INVARIANCES)
def trace_norm_over_margin(trained: TrainedModel) -> float:
    return trace_norm(trained) + math.log(inverse_squared_margin(trained)) / 2
