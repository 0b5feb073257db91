"""Mixup error: how often is the mean of two training inputs with one label given another label?

    μ = (1/m) Σₖ 1[argmax f((xᵢₖ + xⱼₖ)/2) ≠ yₖ]     yᵢₖ = yⱼₖ = yₖ, iₖ ≠ jₖ

f are the logits; the m pairs are those of quantities/mixup.py, at most 1,000. A fraction; the paper's accuracy is
one minus it.

Natekar & Sharma 2020 (arXiv:2012.02775), label-wise mixup.
Differs from the paper: the share of either input is one half, not drawn; all pairs together instead of a mean over
classes.

Claims: larger gap (Natekar & Sharma 2020, abstract).
Random labels: unknown (only the abstract could be had).
"""

import dataclasses

from measures import NotApplicable, measure
from measures.once_per_model import once_per_model
from measures.quantities.mixup import mixed_within_classes
from measures.trained_model import TrainedModel


@measure(
    source="Natekar & Sharma 2020, label-wise mixup",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def mixup_accuracy(trained: TrainedModel) -> float:
    return mixup_error(trained)


@once_per_model
def mixup_error(trained: TrainedModel) -> float:
    """μ; NotApplicable where no two examples have the same label."""
    mixed, labels = mixed_within_classes(trained)
    if not len(labels):
        raise NotApplicable(f"none of {len(trained.labels)} training examples has the label of another")
    predicted = dataclasses.replace(trained, inputs=mixed, labels=labels).logits.argmax(dim=1)
    return float((predicted != labels).double().mean())
