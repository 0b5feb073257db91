"""Class-distance normalized variance: how far the classes spread, relative to the distance between their centres.

    μ = mean over pairs a ≠ b of  (Vₐ + V_b) / (2 ‖μₐ − μ_b‖₂²)     Vₐ = mean over class a of ‖h(x) − μₐ‖₂²

h(x) are the features that the last layer classifies, or in `class_distance_variance_middle` those of the hidden layer
in the middle (the earlier of two); μₐ is the mean of class a. No unit. It goes to 0 where each class collapses to a
point.

Galanti, György & Hutter 2021 (arXiv:2112.15121), class-distance normalized variance (CDNV).
Differs from the paper: in the middle, feature maps larger than 4x4 are averaged to that, and at most 1,000 examples are
looked at.

Version 2 of `class_distance_variance`: of all examples, where it was of at most 1,000; and a network without a linear
layer is read as neural collapse reads it (neural_collapse.py), each channel by its average over positions.

Claims: larger gap (Galanti, Galanti & Ben-Shaul 2022, arXiv:2202.09028, abstract, of intermediate layers).
Random labels: does not separate (Galanti, Galanti & Ben-Shaul 2022, arXiv:2202.09028, abstract, of the last layer).
"""

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.representation._class_statistics import class_statistics
from measures.representation._last_layer import class_means
from measures.representation._layer_features import hidden_layers
from measures.rounding import SAME
from measures.trained_model import TrainedModel

UNMOVED = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}


@measure(source="Galanti, György & Hutter 2021, CDNV of the last layer", version=2, invariant_to=UNMOVED)
def class_distance_variance(trained: TrainedModel) -> float:
    known = class_means(trained)
    members, classes = torch.searchsorted(known.present, trained.labels), len(known.present)
    squares = (known.features - known.means[members]).square().sum(dim=1)
    variances = squares.new_zeros(classes).index_add_(0, members, squares) / members.bincount(minlength=classes)
    distances = torch.cdist(known.means, known.means, compute_mode="donot_use_mm_for_euclid_dist")
    closest = float(distances[torch.triu_indices(classes, classes, offset=1).unbind()].min())
    if closest <= SAME * float(known.features.var(dim=0, correction=0).sum().sqrt()):
        raise NotApplicable(f"two classes have the same centre in the last layer: they are {closest:.3g} apart")
    return distance_normalized_variance(variances, distances)


@measure(source="Galanti, György & Hutter 2021, CDNV of an intermediate layer", invariant_to=UNMOVED)
def class_distance_variance_middle(trained: TrainedModel) -> float:
    layers = hidden_layers(trained)
    statistics = class_statistics(trained, layers[(len(layers) - 1) // 2])
    return distance_normalized_variance(statistics.variances, statistics.centre_distances)


def distance_normalized_variance(variances: Tensor, distances: Tensor) -> float:
    """μ of the variances (C,) around centres at these distances (C, C), none of them 0 but the diagonal."""
    ratios = (variances[:, None] + variances[None]) / (2 * distances.square())
    classes = len(variances)
    return float(ratios.fill_diagonal_(0).sum() / (classes * (classes - 1)))
