"""Dimensions of features by scikit-dimension, calibration by torchmetrics, and what scikit-learn has."""

import numpy as np
from torch import Tensor

from measures.representation._layer_features import hidden_layers, layer_features, sampled_labels
from measures.trained_model import TrainedModel
from tests.peers.comparison import ROUNDING, Comparison, beside

NEIGHBOURHOOD = 20


def twonn(trained: TrainedModel) -> float:
    from skdim.id import TwoNN

    return float(TwoNN().fit(_last_hidden(trained)).dimension_)


def mean_of_local_mle(trained: TrainedModel) -> float:
    from skdim.id import MLE

    return float(MLE().fit(_last_hidden(trained), comb="mean", n_neighbors=NEIGHBOURHOOD).dimension_)


def _last_hidden(trained: TrainedModel) -> np.ndarray:
    features: np.ndarray = layer_features(trained)[-1][:500].numpy()
    return features


def calibration_by_torchmetrics(trained: TrainedModel) -> float:
    from torchmetrics.functional.classification import multiclass_calibration_error

    probabilities, labels = _predicted(trained), trained.labels
    return float(multiclass_calibration_error(probabilities, labels, trained.num_classes, n_bins=15, norm="l1"))


def brier_by_scikit_learn(trained: TrainedModel) -> float:
    from sklearn.metrics import brier_score_loss

    classes = range(trained.num_classes)
    predicted = _predicted(trained).numpy()
    return float(brier_score_loss(trained.labels.numpy(), predicted, labels=[*classes], scale_by_half=False))


def davies_bouldin_by_scikit_learn(trained: TrainedModel) -> float:
    from sklearn.metrics import davies_bouldin_score

    features = layer_features(trained)[hidden_layers(trained)[0]]
    return float(davies_bouldin_score(features.numpy(), sampled_labels(trained).numpy()))


def _predicted(trained: TrainedModel) -> Tensor:
    return trained.logits.double().softmax(dim=1)


FIRST_SHARE = NEIGHBOURHOOD / (NEIGHBOURHOOD - 1)
COMPARISONS = [
    Comparison(
        measure="intrinsic_dimension",
        package="scikit-dimension",
        pair=beside("intrinsic_dimension", twonn),
        ratio=ROUNDING,
        rank=1.0,
        why="the same (TwoNN, linear fit)",
    ),
    Comparison(
        measure="local_intrinsic_dimension",
        package="scikit-dimension",
        pair=beside("local_intrinsic_dimension", mean_of_local_mle),
        ratio=(FIRST_SHARE * ROUNDING[0], FIRST_SHARE * ROUNDING[1]),
        rank=1.0,
        why="20/19 of it: a mean over k = 20 logarithms as in Ma et al.; there over k − 1, the last being 0",
    ),
    Comparison(
        measure="calibration_error",
        package="torchmetrics",
        pair=beside("calibration_error", calibration_by_torchmetrics),
        ratio=(0.998, 1.002),
        rank=0.95,
        why="the same; there in float32, in which 1 minus a confidence keeps three digits",
    ),
    Comparison(
        measure="brier_score",
        package="scikit-learn",
        pair=beside("brier_score", brier_by_scikit_learn),
        ratio=ROUNDING,
        rank=1.0,
        why="the same",
    ),
    Comparison(
        measure="davies_bouldin",
        package="scikit-learn",
        pair=beside("davies_bouldin", davies_bouldin_by_scikit_learn),
        ratio=ROUNDING,
        rank=1.0,
        why="the same, of the same features",
    ),
]
