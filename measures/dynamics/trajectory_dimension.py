"""Fractal dimension of the path of stochastic gradient descent around the trained weights.

    μ = 1 / (1 − s)     s = slope of log E(m) against log m     E(m) = length of a minimum spanning tree of m points

The points are the weights after each of 144 further steps of plain SGD (_sgd_iterates.py). A tree over m points
that fill d dimensions has a length proportional to m^(1 − 1/d). The tree's edges are the lifetimes of the points'
persistent homology of degree 0, so that μ is its dimension; the paper bounds the gap by it.

Birdal, Lou, Guibas & Simsekli 2021 (arXiv:2111.13171), the persistent homology dimension and its estimate, with α = 1.
Differs from the paper:
1. 144 steps at the end of training; the paper takes thousands of iterates. Of a path that short μ is not a dimension
   in the limit, but how much it curls; a straight one has s = 0.
2. m from 24 to 144; at each m the mean of log E over the first m points of 10 random orders.

Claims: larger gap (Birdal, Lou, Guibas & Simsekli 2021, abstract).
Random labels: unknown (only the abstract could be had).
"""

import math

import numpy as np
import torch
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from measures import NotApplicable, measure
from measures.dynamics._sgd_iterates import STEPS, distances, step_products
from measures.trained_model import TrainedModel

SIZES = range(STEPS // 6, STEPS + 1, STEPS // 12)
ORDERS = 10


@measure(
    source="Birdal, Lou, Guibas & Simsekli 2021, persistent homology dimension",
    cost="slow",
    invariant_to={"unit_permutation", "logit_shift"},
)
def trajectory_dimension(trained: TrainedModel) -> float:
    return dimension(distances(step_products(trained)), trained.generator())


def dimension(between: torch.Tensor, generator: torch.Generator) -> float:
    """1 / (1 − s) for points with these distances between them, (STEPS, STEPS)."""
    if not bool(between.any()):
        raise NotApplicable("the gradients are zero: descent does not leave the trained weights")
    orders = [torch.randperm(len(between), generator=generator) for _ in range(ORDERS)]
    lengths = np.array([[tree_length(between, order[:size]) for order in orders] for size in SIZES])
    if not lengths.all():
        standing = int((between == 0).sum(dim=0).max())
        raise NotApplicable(f"descent stands still: {standing} of {len(between)} points that it visits are the same")
    means = [np.mean([math.log(length) for length in of_size]) for of_size in lengths]
    slope = float(np.polyfit(np.log(SIZES), means, 1)[0])
    if slope >= 1:
        raise NotApplicable(f"spanning trees grow like the number of points to the power {slope:.3g}, not below 1")
    return 1 / (1 - slope)


def tree_length(between: torch.Tensor, chosen: torch.Tensor) -> float:
    """Length of the chosen points' minimum spanning tree: its edges are the heights of the single-linkage merges."""
    matrix = between[chosen][:, chosen].numpy()
    return float(linkage(squareform(matrix, checks=False), "single")[:, 2].sum())
