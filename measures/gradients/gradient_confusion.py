"""Gradient confusion: how much can a step on one training example raise the loss of another?

    μ = −min over i≠j of  ⟨gᵢ, gⱼ⟩     gᵢ = ∇_θ ℓ(f_θ(xᵢ), yᵢ)

ℓ is the cross-entropy, θ all weights of the trained network; the examples are the training set.

Sankararaman et al. 2020 (arXiv:1904.06963): the confusion bound is the least η ≥ 0 with ⟨gᵢ, gⱼ⟩ ≥ −η for all i≠j.
Differs from the paper:
1. Below zero where all pairs agree (there the paper's η is 0): the smallest product still tells how far they agree.
2. The paper's claim is on the speed of training. That confused gradients go with memorized examples is read into it.
3. Batch normalization uses its running statistics, so that every example has a gradient of its own.
4. Of a training set larger than 2000, about 2000 examples, those with large residuals first (weighted_examples of
   quantities/hessian_spectrum.py): the smallest product is theirs.

Version 2: on these examples, where it was on the first 200 of `random_order`. Of 20 digits twins 3, 3 and 5 had the
larger value on random labels, random pixels and gaussian inputs, now 2, 2 and 2: it is inverted, for the product grows
with the residuals of the few worst examples, which are larger where a network has learned.

Claims: read into it.
Random labels: unknown (the source could not be had).
"""

import torch

from measures import NotApplicable, measure
from measures.quantities.gradient_gram import PAIRED, final_gradient_gram, gradient_gram
from measures.quantities.hessian_spectrum import weighted_examples
from measures.trained_model import TrainedModel


@measure(
    source="Sankararaman et al. 2020, gradient confusion",
    version=2,
    cost="slow",
    invariant_to={"unit_permutation", "logit_shift"},
)
def gradient_confusion(trained: TrainedModel) -> float:
    if len(trained.labels) <= PAIRED:
        gram = final_gradient_gram(trained)
    else:
        chosen, _ = weighted_examples(trained, PAIRED)
        gram = gradient_gram(trained.model, trained.inputs[chosen], trained.labels[chosen])
    if len(gram) < 2:
        raise NotApplicable("there is one example: no pair of gradients to compare")
    return -float(gram.masked_fill(torch.eye(len(gram), dtype=torch.bool, device=gram.device), torch.inf).min())
