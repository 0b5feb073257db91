"""Networks whose singular values are known, or taken from dense matrices, and what scaling or zeroing a layer makes."""

import copy
import dataclasses

import numpy as np
import torch

from measures.trained_model import TrainedModel
from tests.builders.small_networks import linear_model, two_layers
from tests.references.dense_networks import matrices

NETWORKS = ["mlp_1x4", "mlp_3x5", "convnet", "convnet_bn"]
MEAN_RANK = (5 + 5 + 3) / 3  # of mlp_2x5 with three classes


def by_hand() -> TrainedModel:
    """Operators diag(3, 4) and [[2, 2], [-2, -2]], started from zero; the margins are all 4.

    Singular values 4, 3 and 4, 0; squared Frobenius norms 25 and 16.
    """
    inputs = [[1 / 3, 0.0], [0.0, 1 / 4]]
    return two_layers([[3.0, 0.0], [0.0, 4.0]], [[2.0, 2.0], [-2.0, -2.0]], inputs, labels=[0, 0])


def misclassified() -> TrainedModel:
    """`by_hand` with the other label: the margins are all -4."""
    return dataclasses.replace(by_hand(), labels=torch.tensor([1, 1]))


def with_a_layer_of_zeros() -> TrainedModel:
    """`by_hand` without its first layer's weights."""
    trained = by_hand()
    with torch.no_grad():
        trained.model[0].weight.zero_()  # type: ignore[index]
    return trained


def with_last_layer_scaled(trained: TrainedModel, factor: float) -> TrainedModel:
    """Weights and bias of the last layer times `factor`, and with them the margins."""
    scaled = dataclasses.replace(trained, model=copy.deepcopy(trained.model))
    with torch.no_grad():
        scaled.model[-1].weight *= factor  # type: ignore[index]
        scaled.model[-1].bias *= factor  # type: ignore[index]
    return scaled


def four_equal() -> TrainedModel:
    """One layer with the singular value 7, four times."""
    return linear_model([[7.0 * (i == j) for j in range(4)] for i in range(6)], inputs=[[1.0] * 4], labels=[0])


def dense_singular_values(trained: TrainedModel) -> list[np.ndarray]:
    """All singular values of every layer, taken from its dense matrix."""
    shape = tuple(trained.inputs.shape[1:])
    return [np.linalg.svd(matrix, compute_uv=False) for matrix in matrices(trained.model, shape)]


def with_first_layer_scaled(trained: TrainedModel, factor: float) -> TrainedModel:
    """The first layer of an MLP times `factor`."""
    scaled = dataclasses.replace(trained, model=copy.deepcopy(trained.model))
    with torch.no_grad():
        scaled.model[1].weight *= factor
    return scaled
