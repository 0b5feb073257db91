"""Pairs of networks for tests of what compares two seeds: the given one and the one that retraining returns."""

import dataclasses

import pytest
import torch
from torch import Tensor

from harness.trained_model import TrainedModel
from measures import Measure
from tests.equivalent import CHANGES
from tests.features import model_with_features, naive_layers
from tests.models import random_network


def pair_with_features(first: Tensor, second: Tensor) -> TrainedModel:
    """The hidden layer of the given network has the features `first`, that of the retrained one `second`, both (n, n).

    The inputs are the identity matrix.
    """
    n = len(first)
    networks = [model_with_features(torch.eye(n), [0] * n) for _ in range(2)]
    with torch.no_grad():
        for network, features in zip(networks, (first, second), strict=True):
            network.model[0].weight.copy_(features.T)  # type: ignore[index]
    return retrained_as(networks[0], networks[1])


def random_pair(name: str, seed: int) -> tuple[TrainedModel, Tensor, Tensor]:
    """Two random networks, and their centred last hidden layers."""
    trained = random_network(name, seed, num_train=200, size=4)
    other = dataclasses.replace(trained, model=random_network(name, seed + 500, size=4).model)
    first, second = (naive_layers(each)[-1] for each in (trained, other))
    return retrained_as(trained, other), first - first.mean(dim=0), second - second.mean(dim=0)


def retrained_as(trained: TrainedModel, other: TrainedModel) -> TrainedModel:
    def retrain(inputs: Tensor, labels: Tensor, reseed: int) -> torch.nn.Module:
        assert reseed == 1 and inputs is trained.inputs and labels is trained.labels
        return other.model

    return dataclasses.replace(trained, retrain_function=retrain)


def assert_sees_no_change(measure: Measure, seed: int) -> None:
    """Of neither network, in any of CHANGES."""
    assert measure.invariant_to == CHANGES.keys()
    first, second = (random_network("convnet_bn", seed + more, num_train=200, size=4) for more in (0, 500))
    second = dataclasses.replace(second, inputs=first.inputs)
    value = measure(retrained_as(first, second))
    assert 0 < value < 1
    for change in CHANGES.values():
        for changed in ((change(first, seed), second), (first, change(second, seed))):
            assert measure(retrained_as(*changed)) == pytest.approx(value, rel=1e-7)
