"""Product of the layers' trace norms, as its logarithm: large where many directions are used, whatever the largest.

    μ = Σₗ log ‖Wₗ‖_*                     trace_norm
    μ = Σₗ log ‖Wₗ‖_* − log γ             trace_norm_over_margin

‖W‖_* is the sum of the singular values, Wₗ the true linear operator of layer l with batch normalization folded in,
γ the margin of measures/margins/inverse_margin.py.

Neyshabur et al. 2017 (arXiv:1706.08947): not in the paper, but among the norms that its authors' code compares.
Differs from the code: the operator's norm, where the code has the reshaped kernel's. Not applicable to layers whose
operator is too large to be decomposed (harness/layers.py).
"""

import math

from harness.trained_model import TrainedModel
from measures import INVARIANCES, NotApplicable, measure
from measures.margins.inverse_margin import inverse_margin


@measure(source="code of Neyshabur et al. 2017", invariant_to=INVARIANCES)
def trace_norm(trained: TrainedModel) -> float:
    norms = [float(layer.singular_values.sum()) for layer in trained.layers]
    if not all(norms):
        raise NotApplicable("a layer's weights are all zero: the logarithm of their norm is undefined")
    return sum(math.log(norm) for norm in norms)


@measure(source="code of Neyshabur et al. 2017", invariant_to=INVARIANCES)
def trace_norm_over_margin(trained: TrainedModel) -> float:
    return trace_norm(trained) + math.log(inverse_margin(trained)) / 2
