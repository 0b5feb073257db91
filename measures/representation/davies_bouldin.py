"""Davies-Bouldin index of the classes: how far each spreads, relative to its distance from the one it overlaps most.

    DBI = (1/C) Σₐ max_{b≠a} (Sₐ + S_b) / ‖μₐ − μ_b‖₂     Sₐ = mean over the class of ‖h(x) − μₐ‖₂

h(x) are the features that the second weight layer receives, μₐ and Sₐ centre and spread of class a, C the number of
classes. No unit. `davies_bouldin_times_mixup` multiplies it by the error on mixed inputs (mixup_accuracy.py).

Davies & Bouldin 1979; Natekar & Sharma 2020 (arXiv:2012.02775), whose entry won the competition "Predicting
Generalization in Deep Learning" with the product.
Differs from the paper:
1. The spread is the mean distance from the centre (exponent p = 1 of Davies & Bouldin).
2. Feature maps larger than 4x4 are averaged to that, and at most 1,000 examples are looked at.
3. Of the product: all classes' mixed inputs together instead of a mean over classes.

Claims: larger gap (Natekar & Sharma 2020, abstract).
Random labels: unknown (only the abstract could be had).
"""

import torch

from measures import measure
from measures.representation._class_statistics import class_statistics
from measures.representation._layer_features import hidden_layers
from measures.representation.mixup_accuracy import mixup_error
from measures.trained_model import TrainedModel

UNMOVED = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}


@measure(source="Natekar & Sharma 2020, Davies-Bouldin index", invariant_to=UNMOVED)
def davies_bouldin(trained: TrainedModel) -> float:
    return davies_bouldin_index(trained)


@measure(source="Natekar & Sharma 2020, Davies-Bouldin index * mixup", invariant_to=UNMOVED)
def davies_bouldin_times_mixup(trained: TrainedModel) -> float:
    return davies_bouldin_index(trained) * mixup_error(trained)


def davies_bouldin_index(trained: TrainedModel) -> float:
    """DBI in the first hidden layer."""
    statistics = class_statistics(trained, hidden_layers(trained)[0])
    spreads = statistics.mean_distances
    ratios = (spreads[:, None] + spreads[None]) / statistics.centre_distances
    return float(ratios.fill_diagonal_(-torch.inf).amax(dim=1).mean())
