"""Prunability: the smallest share of the weights with which the training loss stays nearly as low.

    μ = min { a : L(θ ⊙ 1[the a·p largest |θⱼ|]) ≤ (1 + β) L(θ) }     β = 0.1

L is the mean cross-entropy of the training set in nats; θ the p entries of all weights of two and more dimensions
(those of linear layers, convolutions, embeddings), ranked together by magnitude. What is not kept is set to zero,
biases and normalizations stay. In (0, 1]; small is prunable, and predicts a small gap.

Kuhn, Lyle, Gomez, Rothfuss & Gal 2021 (arXiv:2103.06002), prunability.
Differs from the paper:
1. How weights are ranked, which of them are pruned, and β are those of common practice in pruning by magnitude: of the
   paper only the abstract could be had.
2. The loss need not grow as weights go. The shares 1/100, 2/100, … are tried until one is accepted; between it and the
   one below it seven bisections follow. μ is the share that whole weights are.

Claims: larger gap (abstract).
Random labels: unknown (the text of the paper could not be had).
"""

import dataclasses
import math

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.networks.copying import copy_of
from measures.networks.effective_layers import has_plain_layers, with_plain_layers
from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.losses import mean_loss
from measures.trained_model import FEW, TrainedModel

TOLERATED = 0.1  # of the loss, relative
GRID = 100
BISECTIONS = 7


@measure(
    source="Kuhn, Lyle, Gomez, Rothfuss & Gal 2021, prunability",
    cost="slow",
    invariant_to={"unit_permutation", "logit_shift"},
)
def prunability(trained: TrainedModel) -> float:
    if not has_plain_layers(trained.model):  # a mask, a norm: what is ranked are the weights that the layers have
        plain = with_plain_layers(copy_of(trained.model).eval(), trained.inputs[:FEW])
        trained = dataclasses.replace(trained, model=plain)
    theta, prunable = flat_parameters(trained.model), prunable_places(trained)
    if not len(prunable):
        raise NotApplicable("the network has no weight of two or more dimensions to prune")
    largest_first = prunable[theta[prunable].abs().argsort(descending=True, stable=True)]
    limit = (1 + TOLERATED) * mean_loss(trained, theta)

    def accepts(share: float) -> bool:
        pruned = theta.clone()
        pruned[largest_first[kept(share, len(prunable)) :]] = 0
        return mean_loss(trained, pruned) <= limit

    high = next((step / GRID for step in range(1, GRID) if accepts(step / GRID)), 1.0)
    low = high - 1 / GRID
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if accepts(middle) else (middle, high)
    return kept(high, len(prunable)) / len(prunable)


def kept(share: float, count: int) -> int:
    """How many of `count` weights a share of them is, rounded up."""
    return math.ceil(share * count - 1e-9)


def prunable_places(trained: TrainedModel) -> Tensor:
    """Where weights of two and more dimensions stand in `flat_parameters`, (p,) indices."""
    parameters = list(trained.model.parameters())
    pieces = [torch.full((weight.numel(),), weight.ndim >= 2, device=weight.device) for weight in parameters]
    return torch.cat(pieces).nonzero()[:, 0]
