"""Networks for tests of what hidden layers represent: with given features, and their layers taken the slow way."""

import dataclasses

import torch
from hypothesis import reject
from torch import Tensor, nn

from harness.trained_model import TrainedModel
from measures import Measure, NotApplicable
from tests.equivalent import assert_sees_only
from tests.models import random_network, trained_model

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


def naive_layers(trained: TrainedModel) -> list[Tensor]:
    """The inputs and what each weight layer but the first receives, flattened, module by module."""
    layers, x = [], trained.inputs
    assert isinstance(trained.model, nn.Sequential)
    with torch.no_grad():
        for module in trained.model:
            if isinstance(module, nn.Linear | nn.Conv2d):
                layers.append(x.flatten(1))
            x = module(x)
    return [trained.inputs.flatten(1), *layers[1:]]


def assert_sees_no_change(measure: Measure, seed: int) -> None:
    """Declares all invariances, truly; seeds whose random networks have no value are passed over."""
    try:
        assert_sees_only(measure, set(), seed)
    except NotApplicable:
        reject()
