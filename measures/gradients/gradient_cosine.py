"""Stiffness: on average over pairs of training examples, does a step on one lower the loss of the other?

    gradient_cosine    = −mean over i≠j of  ⟨gᵢ, gⱼ⟩ / ‖gᵢ‖ ‖gⱼ‖
    gradient_stiffness = −mean over i≠j of  sign ⟨gᵢ, gⱼ⟩
    gᵢ = ∇_θ ℓ(f_θ(xᵢ), yᵢ)

ℓ is the cross-entropy, θ all weights of the trained network; the examples are the training set, of one larger than 2000
the first 2000 of `random_order`. Negated: the claim is that stiff networks generalize.

Fort et al. 2019 (arXiv:1901.09491), the definitions of cosine and sign stiffness.
Differs from the paper:
1. The paper follows stiffness over training, within and between training and validation set; here it is within the
   training set, at the end of training, over classes together.
2. Batch normalization uses its running statistics, so that every example has a gradient of its own.
3. Not applicable if an example's gradient is zero (from a margin of about 350 nats): it has no direction.

Version 2: on up to 2000 examples, where it was on 200.

Claims: larger gap (Fort et al. 2019, abstract).
Random labels: unknown (only the abstract could be had).
"""

from torch import Tensor

from measures import NotApplicable, measure
from measures.quantities.gradient_gram import final_gradient_gram
from measures.trained_model import TrainedModel


@measure(
    source="Fort et al. 2019, cosine stiffness",
    version=2,
    cost="slow",
    invariant_to={"unit_permutation", "logit_shift"},
)
def gradient_cosine(trained: TrainedModel) -> float:
    gram = _gram_of_pairs(trained)
    norms = gram.diagonal().sqrt()
    return -_mean_of_pairs(gram / norms / norms[:, None])


@measure(
    source="Fort et al. 2019, sign stiffness", version=2, cost="slow", invariant_to={"unit_permutation", "logit_shift"}
)
def gradient_stiffness(trained: TrainedModel) -> float:
    return -_mean_of_pairs(_gram_of_pairs(trained).sign())


def _gram_of_pairs(trained: TrainedModel) -> Tensor:
    gram = final_gradient_gram(trained)
    if len(gram) < 2:
        raise NotApplicable("there is one example: no pair of gradients to compare")
    if zeros := int((gram.diagonal() == 0).sum()):
        raise NotApplicable(f"{zeros} of {len(gram)} examples have a gradient of zero, which has no direction")
    return gram


def _mean_of_pairs(matrix: Tensor) -> float:
    """Of the entries off the diagonal."""
    count = len(matrix)
    return float(matrix.sum() - matrix.diagonal().sum()) / (count * (count - 1))
