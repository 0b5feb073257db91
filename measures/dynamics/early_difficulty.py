"""Difficulty of the training examples early in training: how wrong is the network about them, how far do they move it?

    el2n_score  = (1/n) Σᵢ ‖pᵢ − e_{yᵢ}‖₂     pᵢ = softmax f(xᵢ), e_y the y-th unit vector
    grand_score = (1/n) Σᵢ ‖∇_θ ℓ(f(xᵢ), yᵢ)‖₂     ℓ the cross-entropy in nats, θ all weights

f is the network at the end of epoch 8, or at the latest of the ends of epochs 1, 2, 4 and 8 that training reached. The
first lies between 0 and √2.

Paul, Ganguli & Dziugaite 2021 (arXiv:2107.07075), the error L2-norm and the gradient normed score, as in the authors'
code (github.com/mansheej/data_diet).
Differs from the paper:
1. The mean over the examples; the paper ranks them.
2. One training; the paper averages each example's score over ten, a few epochs into training.
3. Batch normalization uses its running statistics; the early weights are kept to three digits.
4. Where training stops before epoch 8, it is looked at earlier: twins may be of different epochs.

Claims: read into it.
Random labels: separates (abstract: the scores detect noisy examples).
"""

import torch
from torch import nn

from measures import measure
from measures.dynamics._early_logits import early_logits
from measures.early_networks import early_networks
from measures.quantities.per_example import gradient_norms, loss_cotangents
from measures.trained_model import TrainedModel

EVERY_CHANGE = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}


@measure(source="Paul, Ganguli & Dziugaite 2021, EL2N", invariant_to=EVERY_CHANGE)
@torch.no_grad()
def el2n_score(trained: TrainedModel) -> float:
    early_network(trained)  # there is one
    logits = early_logits(trained, len(trained.snapshots) - 1)
    return float(loss_cotangents(logits.double(), trained.labels).norm(dim=1).mean())


@measure(source="Paul, Ganguli & Dziugaite 2021, GraNd", invariant_to=EVERY_CHANGE)
def grand_score(trained: TrainedModel) -> float:
    return float(gradient_norms(early_network(trained), trained.inputs, trained.labels).double().mean())


def early_network(trained: TrainedModel) -> nn.Module:
    """The last of `snapshots`; NotApplicable if there is none."""
    return early_networks(trained)[-1][1]
