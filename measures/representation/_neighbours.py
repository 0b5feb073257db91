"""Nearest neighbours among training examples, layer by layer (_layer_features.py), float64."""

import dataclasses

import torch
from torch import Tensor

from measures.errors import NotApplicable
from measures.once_per_model import once_per_model
from measures.representation._layer_features import layer_features, sampled_labels
from measures.rounding import SAME
from measures.trained_model import TrainedModel

EXAMPLES = 500  # at most so many, the first of the sample
NEIGHBOURS = 20  # at most so many of each
ROUNDING = 1e-13  # of inner products of thousands of numbers, relative


@dataclasses.dataclass(frozen=True, eq=False)
class Neighbours:
    """Of each example the nearest others, nearest first.

    `distances` (m, k) are Euclidean, and 0 where below SAME times (a² + b²)^½, a and b the lengths of the two
    examples' features; two that differ by rounding alone, as to an example and its copy, are equal. `indices` (m, k)
    count within the sample; k is NEIGHBOURS, or m - 1 where others are fewer.
    """

    distances: Tensor
    indices: Tensor


@once_per_model
def feature_products(trained: TrainedModel, layer: int) -> Tensor:
    """Inner products of the examples' features, (m, m)."""
    features = layer_features(trained)[layer][:EXAMPLES]
    return features @ features.T


@once_per_model
def neighbours(trained: TrainedModel, layer: int) -> Neighbours:
    """The nearest neighbours in this layer; an example is not among its own."""
    products = feature_products(trained, layer)
    if len(products) < 2:
        raise NotApplicable(f"{len(products)} example: it has no neighbour")
    squares = products.diagonal()
    sums = squares[:, None] + squares[None]
    squared = sums - 2 * products
    squared[squared <= SAME**2 * sums] = 0
    squared.fill_diagonal_(torch.inf)
    nearest, indices = squared.topk(min(NEIGHBOURS, len(products) - 1), largest=False, sorted=True)
    rounding = ROUNDING * sums.gather(1, indices)
    for place in range(1, nearest.shape[1]):
        same = nearest[:, place] - nearest[:, place - 1] <= rounding[:, place]
        nearest[:, place] = torch.where(same, nearest[:, place - 1], nearest[:, place])
    return Neighbours(nearest.sqrt(), indices)


def neighbours_vote(trained: TrainedModel, layer: int, count: int) -> Tensor:
    """The most frequent label among the `count` nearest neighbours, the lowest where several are, (m,)."""
    labels = sampled_labels(trained)[neighbours(trained, layer).indices[:, :count]]
    return torch.nn.functional.one_hot(labels, trained.num_classes).sum(dim=1).argmax(dim=1)
