"""Tail index of the gradient noise: how rare are large jumps of stochastic gradient descent?

    1/μ = (1 / log K) [ mean over blocks of log ‖Σ_{t ∈ block} uₜ‖  −  mean over t of log ‖uₜ‖ ]     K steps a block

uₜ is step t of plain SGD from the trained weights, minus the mean step. The sum of K independent steps of an α-stable
law is K^(1/α) times as large as one step, so that μ estimates α: 2 for Gaussian noise, less for heavy tails. The paper
bounds the gap by an increasing function of α: heavier tails, a path of smaller dimension, a smaller gap.

Simsekli et al. 2020 (arXiv:2006.09313); the estimator is Mohammadi, Mohammadpour & Ogata 2015, for stable vectors, as
used for gradient noise by Simsekli, Sagun & Gurbuzbalaban 2019 (arXiv:1901.06053).
Differs from the papers:
1. 144 steps at the end of training (_sgd_iterates.py), in 12 blocks of K = 12.
2. One index for all weights together; the first paper averages over layers.
3. The estimate is not cut to (0, 2]. Steps that drift are no independent noise, and make it smaller.

Claims: larger gap (Simsekli et al. 2020, abstract).
Random labels: unknown (only the abstract could be had).
"""

import math

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.dynamics._sgd_iterates import STEPS, step_products
from measures.trained_model import TrainedModel

BLOCK = math.isqrt(STEPS)


@measure(
    source="Simsekli et al. 2020; Mohammadi, Mohammadpour & Ogata 2015",
    cost="slow",
    invariant_to={"unit_permutation", "logit_shift"},
)
def tail_index(trained: TrainedModel) -> float:
    products = step_products(trained)
    centred = products - products.mean(dim=0) - products.mean(dim=1, keepdim=True) + products.mean()
    squares = centred.unflatten(0, (-1, BLOCK)).unflatten(2, (-1, BLOCK)).sum(dim=(1, 3)).diagonal()
    return stable_index(centred.diagonal().clamp(min=0).sqrt(), squares.clamp(min=0).sqrt(), BLOCK)


def stable_index(steps: Tensor, sums: Tensor, block: int) -> float:
    """The estimate of α from the lengths of steps, and of their sums over blocks of `block`."""
    if not bool((steps > 0).all() and (sums > 0).all()):
        raise NotApplicable("a step of descent, or a sum of steps, is that of the mean: zero has no logarithm")
    growth = float(torch.log(sums).mean() - torch.log(steps).mean())
    if growth <= 0:
        raise NotApplicable(f"sums of {block} steps are no longer than one step (the logarithm grows by {growth:.3g})")
    return math.log(block) / growth
