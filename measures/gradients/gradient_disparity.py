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

import torch
import torch.nn.functional as F
from torch import Tensor

from measures import NotApplicable, measure
from measures.once_per_model import once_per_model
from measures.quantities.flat_parameters import flat_parameters, logits_at
from measures.trained_model import TrainedModel

BATCH = 128  # examples, about
MOST_BATCHES = 64


@measure(source="Forouzesh & Thiran 2021, eq. 6", invariant_to={"unit_permutation", "logit_shift"})
def gradient_disparity(trained: TrainedModel) -> float:
    return disparities(trained)[0]


@measure(source="Forouzesh & Thiran 2021, with the loss rescaled", invariant_to={"unit_permutation", "logit_shift"})
def gradient_disparity_rescaled(trained: TrainedModel) -> float:
    _, rescaled = disparities(trained)
    if not math.isfinite(rescaled):
        raise NotApplicable("all losses of a batch are equal: their standard deviation, which divides, is zero")
    return rescaled


@once_per_model
def disparities(trained: TrainedModel) -> tuple[float, float]:
    """Both values; the second is not finite where a batch's losses do not differ."""
    order = trained.random_order[: BATCH * MOST_BATCHES]
    if len(order) < 2:
        raise NotApplicable(f"{len(order)} training example: there is no pair of batches")
    batches = torch.tensor_split(order, max(2, round(len(order) / BATCH)))
    gradients, losses = zip(*[gradient_and_losses(trained, batch) for batch in batches], strict=True)
    stacked = torch.stack(gradients)
    deviations = torch.stack([each.std(correction=0) for each in losses])
    if not bool((deviations > 0).all()):
        return mean_distance(stacked), math.nan
    return mean_distance(stacked), mean_distance(stacked / deviations.to(stacked)[:, None])


def mean_distance(vectors: Tensor) -> float:
    """Mean Euclidean distance over the pairs of rows."""
    return float(torch.pdist(vectors).double().mean())


@torch.enable_grad()
def gradient_and_losses(trained: TrainedModel, batch: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient (p,) of the mean loss of these examples, and each one's loss (len(batch),) float64."""
    theta = flat_parameters(trained.model).requires_grad_()
    logits = logits_at(trained.model, theta, trained.inputs[batch])
    losses = F.cross_entropy(logits, trained.labels[batch], reduction="none")
    (gradient,) = torch.autograd.grad(losses.mean(), theta, materialize_grads=True)
    return gradient, F.cross_entropy(logits.detach().double(), trained.labels[batch], reduction="none")
