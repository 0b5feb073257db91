"""Centres and spreads of the classes, layer by layer (_layer_features.py), float64."""

import dataclasses

import torch
from torch import Tensor

from measures.errors import NotApplicable
from measures.once_per_model import once_per_model
from measures.representation._layer_features import layer_features, sampled_labels
from measures.rounding import SAME, all_same
from measures.trained_model import TrainedModel


@dataclasses.dataclass(frozen=True, eq=False)
class ClassStatistics:
    """Of the C classes that occur in the sample, in one layer of `width` features.

    - `members` (m,): the row among 0..C-1 of each example's class; `counts` (C,): how many examples it has.
    - `centres` (C, width): mean of its examples.
    - `deviations` (m, width): each example less its class's centre.
    - `mean_distances` (C,): mean distance of its examples from the centre; `variances` (C,): mean square of that.
    - `centre_distances` (C, C): Euclidean distances between centres, none 0 but the diagonal.
    """

    members: Tensor
    counts: Tensor
    centres: Tensor
    deviations: Tensor
    mean_distances: Tensor
    variances: Tensor
    centre_distances: Tensor


@once_per_model
def class_statistics(trained: TrainedModel, layer: int) -> ClassStatistics:
    """NotApplicable where fewer than two classes occur, or two of them have the same centre."""
    features = layer_features(trained)[layer]
    present, members, counts = sampled_labels(trained).unique(return_inverse=True, return_counts=True)
    if len(present) < 2:
        raise NotApplicable(f"{len(present)} class occurs in the training set; classes are compared")
    centres = _means(features, members, counts)
    deviations = features - centres[members]
    distances = deviations.norm(dim=1)
    between = torch.cdist(centres, centres, compute_mode="donot_use_mm_for_euclid_dist")
    others = ~torch.eye(len(present), dtype=torch.bool, device=between.device)
    closest, spread = float(between[others].min()), float(features.var(dim=0, correction=0).sum().sqrt())
    if closest <= SAME * spread or all_same(features):
        raise NotApplicable(f"two classes have the same centre in layer {layer}: they are {closest:.3g} apart")
    return ClassStatistics(
        members,
        counts,
        centres,
        deviations,
        mean_distances=_means(distances, members, counts),
        variances=_means(distances.square(), members, counts),
        centre_distances=between,
    )


def _means(values: Tensor, members: Tensor, counts: Tensor) -> Tensor:
    sums = values.new_zeros(len(counts), *values.shape[1:]).index_add_(0, members, values)
    return sums / counts.view(-1, *[1] * (values.ndim - 1))
