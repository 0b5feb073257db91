"""Class-distance normalized variance: how far the classes spread, relative to the distance between their centres.

    μ = mean over pairs a ≠ b of  (Vₐ + V_b) / (2 ‖μₐ − μ_b‖₂²)     Vₐ = mean over class a of ‖h(x) − μₐ‖₂²

h(x) are the features of the last hidden layer, or in `class_distance_variance_middle` of the one in the middle (the
earlier of two); μₐ is the mean of class a. No unit. It goes to 0 where each class collapses to a point.

Galanti, György & Hutter 2021 (arXiv:2112.15121), class-distance normalized variance (CDNV).
Differs from the paper: feature maps larger than 4x4 are averaged to that, and at most 1,000 examples are looked at.

Claims: larger gap (Galanti, Galanti & Ben-Shaul 2022, arXiv:2202.09028, abstract, of intermediate layers).
Random labels: does not separate (Galanti, Galanti & Ben-Shaul 2022, arXiv:2202.09028, abstract, of the last layer).
"""

from measures import measure
from measures.representation._class_statistics import class_statistics
from measures.representation._layer_features import hidden_layers
from measures.trained_model import TrainedModel

UNMOVED = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}


@measure(source="Galanti, György & Hutter 2021, CDNV of the last layer", invariant_to=UNMOVED)
def class_distance_variance(trained: TrainedModel) -> float:
    return distance_normalized_variance(trained, hidden_layers(trained)[-1])


@measure(source="Galanti, György & Hutter 2021, CDNV of an intermediate layer", invariant_to=UNMOVED)
def class_distance_variance_middle(trained: TrainedModel) -> float:
    layers = hidden_layers(trained)
    return distance_normalized_variance(trained, layers[(len(layers) - 1) // 2])


def distance_normalized_variance(trained: TrainedModel, layer: int) -> float:
    """μ in this layer."""
    statistics = class_statistics(trained, layer)
    variances = statistics.variances
    ratios = (variances[:, None] + variances[None]) / (2 * statistics.centre_distances.square())
    classes = len(variances)
    return float(ratios.fill_diagonal_(0).sum() / (classes * (classes - 1)))
