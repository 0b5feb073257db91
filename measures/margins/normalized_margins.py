"""Normalized margin: how far from the boundary the middle training example is, for a network of this size.

    μ = −log median over i of  γᵢ / R     γᵢ = f(xᵢ)[yᵢ] − max_{j≠yᵢ} f(xᵢ)[j]

    spectral_normalized_margin   R = spectral_complexity · ‖X‖_F / n     X the n training inputs, one a row
    path_normalized_margin       R = path_norm

The unit of the logits cancels: for a network without biases, weights twice as large in every layer give the same μ.
The logarithm, because R spans orders of magnitude from one network to the next, and because minus it is largest
where margins are small; the median, because the paper compares whole distributions by how far to the left they lie, and
the middle of one is positive whenever half of the training set is fitted.

Bartlett, Foster & Telgarsky 2017 (arXiv:1706.08498), normalized margin distribution of section 1, R_A of eq. 1.2;
Neyshabur et al. 2017 (arXiv:1706.08947) for the path norm.
Differs from the paper:
1. One number, where the papers show a distribution or take a percentile of it.
2. R_A and the path norm differ from the papers as spectral_complexity.py and path_norm.py list.
3. Not applicable where the median margin is not above 0.

Claims: larger gap (Bartlett, Foster & Telgarsky 2017, abstract).
Random labels: separates (Bartlett, Foster & Telgarsky 2017, abstracts of paper and talk, of the spectral one).
"""

import math

from measures import NotApplicable, measure
from measures.norms.path_norm import path_norm
from measures.spectral.spectral_complexity import spectral_complexity
from measures.trained_model import TrainedModel


@measure(
    source="Bartlett, Foster & Telgarsky 2017, section 1",
    invariant_to={"batch_norm_folding", "logit_shift"},
)
def spectral_normalized_margin(trained: TrainedModel) -> float:
    input_norm = float(trained.inputs.double().norm())
    return minus_log_median(trained, spectral_complexity(trained) * input_norm / len(trained.inputs))


@measure(
    source="Neyshabur et al. 2017",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding"},
)
def path_normalized_margin(trained: TrainedModel) -> float:
    return minus_log_median(trained, path_norm(trained))


def minus_log_median(trained: TrainedModel, size: float) -> float:
    """−log of the median margin over the network's size."""
    median = float(trained.margins.double().quantile(0.5))
    if not median > 0:
        raise NotApplicable(f"median margin = {median:.3g}, not above 0: it has no logarithm")
    if not size > 0:
        raise NotApplicable(f"a network of size {size:.3g}: no margin is relative to that")
    return math.log(size) - math.log(median)
