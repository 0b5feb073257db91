"""Networks for tests of what hidden layers represent: with given features or labels, and pairs of seeds."""

import dataclasses

import pytest
import torch
from hypothesis import reject
from torch import Tensor, nn

from measures import Measure, NotApplicable
from measures.trained_model import TrainedModel
from tests.builders.equivalent_networks import CHANGES, assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.references.layer_inputs import naive_layers

NETWORKS = ["mlp_2x5", "convnet", "convnet_bn"]


def model_with_features(points: Tensor, labels: list[int] | Tensor, weight: Tensor | None = None) -> TrainedModel:
    """Inputs and features of the one hidden layer are `points` (n, width); `weight` (classes, width) gives logits."""
    labels = torch.as_tensor(labels)
    width, classes = points.shape[1], int(labels.max()) + 1
    network = nn.Sequential(nn.Linear(width, width, bias=False), nn.Linear(width, classes, bias=False)).double()
    with torch.no_grad():
        network[0].weight.copy_(torch.eye(width))
        if weight is not None:
            network[1].weight.copy_(weight)
    return trained_model(network, points.double(), labels, num_classes=classes)


def labelled_network(name: str, seed: int, num_train: int = 20) -> TrainedModel:
    """A random small network whose examples have the labels 0, 1, 2, 0, 1, ..., whatever it predicts."""
    trained = random_network(name, seed, num_train, size=4)
    return dataclasses.replace(trained, labels=torch.arange(num_train) % 3)


def assert_sees_no_change(measure: Measure, seed: int) -> None:
    """Declares all invariances, truly; seeds whose random networks have no value are passed over."""
    try:
        assert_sees_only(measure, set(), seed)
    except NotApplicable:
        reject()


def without_and_with_linear_layer(seed: int) -> tuple[TrainedModel, TrainedModel]:
    """One function twice: averaged over positions after a 1x1 convolution, or before a linear layer of its weights."""
    torch.manual_seed(seed)
    convolution, last = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 3, 1)
    linear = nn.Linear(8, 3)
    with torch.no_grad():
        linear.weight.copy_(last.weight.flatten(1))
        linear.bias.copy_(last.bias)  # type: ignore[arg-type]
    inputs = torch.randn(30, 1, 6, 6).double()
    convolutional = nn.Sequential(convolution, nn.ReLU(), last, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with_linear = nn.Sequential(convolution, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)
    for network in (convolutional, with_linear):
        network.double()
    labels = torch.arange(len(inputs)) % 3
    one, other = (trained_model(network, inputs, labels, num_classes=3) for network in (convolutional, with_linear))
    return one, other


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
    first, second = (naive_layers(network)[-1] for network in (trained, other))
    return retrained_as(trained, other), first - first.mean(dim=0), second - second.mean(dim=0)


def retrained_as(trained: TrainedModel, other: TrainedModel) -> TrainedModel:
    """The model that another seed makes `other` of; it may be retrained on its own training set only."""

    def retrain(inputs: Tensor, labels: Tensor, reseed: int) -> torch.nn.Module:
        assert reseed == 1 and inputs is trained.inputs and labels is trained.labels
        return other.model

    return dataclasses.replace(trained, retrain_function=retrain)


def assert_sees_no_change_of_either_network(measure: Measure, seed: int) -> None:
    """The value stays as it is under each of CHANGES, of the given network or of the retrained one."""
    assert measure.invariant_to == CHANGES.keys()
    first, second = (random_network("convnet_bn", seed + more, num_train=200, size=4) for more in (0, 500))
    second = dataclasses.replace(second, inputs=first.inputs)
    value = measure(retrained_as(first, second))
    assert 0 < value < 1
    for change in CHANGES.values():
        for changed in ((change(first, seed), second), (first, change(second, seed))):
            assert measure(retrained_as(*changed)) == pytest.approx(value, rel=1e-7)
