"""Gradient disparity: how far apart are the gradients of two batches of the training set?

    gradient_disparity          = mean over pairs of batches B ≠ B′ of  ‖g_B − g_B′‖₂
    gradient_disparity_rescaled = the same of  g_B / std_B

g_B = (1/|B|) Σ_{i∈B} ∇_θ ℓ(f_θ(xᵢ), yᵢ), ℓ the cross-entropy in nats, θ all weights of the trained network; std_B is
the standard deviation of the batch's losses, uncorrected.

Forouzesh & Thiran 2021 (arXiv:2107.06665), eq. 6, which their Theorem 1 has in an upper bound on what a step on one
batch rather than another costs; the loss divided by its standard deviation in the batch is their remedy for gradients
whose length changes in the course of training.
Differs from the paper:
1. All disjoint batches of about 128 along `random_order`, and all pairs of them, at most 64 batches (8,192 examples);
   the paper has 5 batches. Two halves where there are fewer than 256 examples.
2. At the end of training, in evaluation mode: batch normalization uses its running statistics.
3. The rescaling is known to us from others' accounts of the paper. Rescaled: not applicable where all losses of a batch
   are equal.

Claims: larger gap (abstract).
Random labels: separates (abstract: it tells of the level of label noise).
"""

import math

from measures import NotApplicable, measure
from measures.quantities.final_gradients import final_gradients
from measures.trained_model import TrainedModel


@measure(source="Forouzesh & Thiran 2021, eq. 6", invariant_to={"unit_permutation", "logit_shift"})
def gradient_disparity(trained: TrainedModel) -> float:
    require_two(trained)
    return final_gradients(trained).distance


@measure(source="Forouzesh & Thiran 2021, with the loss rescaled", invariant_to={"unit_permutation", "logit_shift"})
def gradient_disparity_rescaled(trained: TrainedModel) -> float:
    require_two(trained)
    rescaled = final_gradients(trained).rescaled_distance
    if not math.isfinite(rescaled):
        raise NotApplicable("all losses of a batch are equal: their standard deviation, which divides, is zero")
    return rescaled


def require_two(trained: TrainedModel) -> None:
    """NotApplicable where there is one training example."""
    if len(trained.labels) < 2:
        raise NotApplicable(f"{len(trained.labels)} training example: there is no pair of batches")
