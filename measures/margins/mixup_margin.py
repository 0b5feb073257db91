"""Margins at new inputs whose label is known: does the network keep its distance there?

    μ = −medianᵢ d(x̃ᵢ)     d(x) = γ(x) / (‖∇ₕ γ(x)‖₂ √ν)     ν = mean over i of ‖h(x̃ᵢ) − h̄‖²

γ(x) = f(x)[y] − max_{j≠y} f(x)[j]; h(x) is what the second weight layer receives (the input, if there is but one).
`mixup_margin`: x̃ is the midpoint of two training examples with one label; `augmented_margin`: a training example moved
by a pixel, edges repeated (quantities/mixup.py); at most 256 of each.

Natekar & Sharma 2020 (arXiv:2012.02775), mixup and augmented margin summaries; d as in Jiang et al. 2019
(arXiv:1810.00113).
Differs from the paper:
1. One percentile, the median, for a summary.
2. Without a logarithm: where the network memorizes, the median may well be below 0.
3. Midpoints of one fixed pairing; one shift of a pixel for an augmentation, which says nothing of networks trained on
   images whose pixels are shuffled.

Claims: larger gap (Natekar & Sharma 2020, abstract).
Random labels: unknown (only the abstract could be had).
"""

import math

from torch import Tensor

from measures import NotApplicable, measure
from measures.margins.hidden_margin import normalised_margins, said
from measures.quantities.input_gradients import margin_gradients
from measures.quantities.mixup import mixed_within_classes, moved_by_a_pixel
from measures.trained_model import TrainedModel

EXAMPLES = 256


@measure(
    source="Natekar & Sharma 2020",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def mixup_margin(trained: TrainedModel) -> float:
    inputs, labels = mixed_within_classes(trained)
    if not len(labels):
        raise NotApplicable("no two examples have the same label: there is nothing to mix within a class")
    return -median_margin(trained, inputs[:EXAMPLES], labels[:EXAMPLES])


@measure(
    source="Natekar & Sharma 2020",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def augmented_margin(trained: TrainedModel) -> float:
    if trained.inputs.ndim != 4:
        raise NotApplicable(f"inputs of {trained.inputs.ndim - 1} dimensions cannot be moved by a pixel")
    inputs, labels = moved_by_a_pixel(trained)
    return -median_margin(trained, inputs[:EXAMPLES], labels[:EXAMPLES])


def median_margin(trained: TrainedModel, inputs: Tensor, labels: Tensor) -> float:
    """The median normalised margin of these inputs in the first hidden representation."""
    found = margin_gradients(trained.model, inputs, labels)
    median = float(normalised_margins(found, min(1, len(found.received) - 1)).quantile(0.5))
    if not math.isfinite(median):
        raise NotApplicable(f"the median margin is {said(median)}")
    return median
