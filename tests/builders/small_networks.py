"""Linear models by hand, small networks of every kind, and measures that are asked of a changed model."""

import dataclasses

import torch
from torch import nn

from measures import Measure
from measures.trained_model import TrainedModel
from tests.builders.models import random_network, trained_model, with_snapshots

NETWORKS = ("mlp", "convnet", "convnet_bn")


def linear_model(
    weight: list[list[float]], inputs: list[list[float]], labels: list[int], seed: int = 0
) -> TrainedModel:
    """Logits are `weight` times the input, without bias; float64."""
    network = nn.Linear(len(weight[0]), len(weight), bias=False).double()
    with torch.no_grad():
        network.weight.copy_(torch.tensor(weight))
    return trained_model(network, torch.tensor(inputs, dtype=torch.float64), torch.tensor(labels), seed=seed)


def with_init(trained: TrainedModel, weight: list[list[float]]) -> TrainedModel:
    """The linear model as if it had started from this weight; changed in place."""
    with torch.no_grad():
        trained.init.weight.copy_(torch.tensor(weight))  # type: ignore[operator]
    return trained


def with_margins(*margins: float) -> TrainedModel:
    """A network with two outputs, the input and 0: every label is 0, so the inputs are the margins."""
    return linear_model([[1.0], [0.0]], inputs=[[float(margin)] for margin in margins], labels=[0] * len(margins))


def two_layers(
    first: list[list[float]], second: list[list[float]], inputs: list[list[float]], labels: list[int]
) -> TrainedModel:
    """x -> `second` ReLU(`first` x), float64, started from zero."""
    network = nn.Sequential(
        nn.Linear(len(first[0]), len(first), bias=False), nn.ReLU(), nn.Linear(len(second[0]), len(second), bias=False)
    ).double()
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor(first))
        network[2].weight.copy_(torch.tensor(second))
    return trained_model(network, torch.tensor(inputs, dtype=torch.float64), torch.tensor(labels))


def random_linear_model(
    seed: int, num_train: int = 20, size: int = 5, num_classes: int = 2, fitted: bool = False
) -> TrainedModel:
    """A linear model with random weights and inputs; its labels are random, or what it predicts if `fitted`."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(num_classes, size, generator=generator)
    inputs = torch.randn(num_train, size, generator=generator)
    labels = torch.randint(num_classes, (num_train,), generator=generator)
    trained = linear_model(weight.tolist(), inputs.tolist(), labels.tolist(), seed)
    if fitted:
        labels.copy_(trained.logits.argmax(dim=1))
        return linear_model(weight.tolist(), inputs.tolist(), labels.tolist(), seed)
    return trained


def small_network(kind: str, seed: int) -> TrainedModel:
    """`mlp`, `convnet` or `convnet_bn` with a few hundred weights, its labels random; float64."""
    if kind == "mlp":
        like = random_network("mlp_2x8", seed, size=4)
        model = like.model
    else:
        like = random_network("mlp_1x1", seed, size=6)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = nn.Sequential(
                nn.Conv2d(1, 3, 3, padding=1),
                *([nn.BatchNorm2d(3)] if kind == "convnet_bn" else []),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Conv2d(3, 4, 3),
                *([nn.BatchNorm2d(4)] if kind == "convnet_bn" else []),
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(4, 3),
            ).double()
            for _ in range(5):  # gives the running statistics something to be
                model(like.inputs + torch.randn_like(like.inputs))
    labels = torch.randint(3, (len(like.labels),), generator=torch.Generator().manual_seed(seed))
    return trained_model(model, like.inputs, labels, seed=seed)


def randomly_labelled_network(kind: str, seed: int = 0) -> TrainedModel:
    """A small network with 12 examples, whose labels are random."""
    trained = small_network(kind, seed) if kind != "mlp" else random_network("mlp_2x5", seed, size=4)
    labels = torch.randint(3, (12,), generator=torch.Generator().manual_seed(seed))
    return TrainedModel(
        trained.model, trained.init, trained.inputs[:12], labels, trained.num_classes, trained.history, trained.seed
    )


def fitted_network(kind: str, seed: int = 0) -> TrainedModel:
    """The same with labels that it predicts."""
    trained = randomly_labelled_network(kind, seed)
    return dataclasses.replace(trained, labels=trained.logits.argmax(dim=1))


def undecided(inputs: list[list[float]], labels: list[int]) -> TrainedModel:
    """Two classes of probability 1/2 each, the weights being zero, after a first epoch that left it so.

    Example i's gradient is ± its input times (-1/2, 1/2), + for label 0: inner products are ± half the inputs'.
    """
    trained = linear_model([[0.0] * len(inputs[0])] * 2, inputs, labels)
    return with_snapshots(trained, trained.model)


def looking_back(measure: Measure) -> Measure:
    """The measure, asked of a model that was its own `init` at the end of the first epoch."""

    def value(trained: TrainedModel) -> float:
        return measure(with_snapshots(trained, trained.init))

    return dataclasses.replace(measure, function=value)


def with_labels_in_turn(measure: Measure) -> Measure:
    """The measure, asked of the model with labels 0, 1, ..., 0, 1, ...: some networks predict a single class."""

    def value(trained: TrainedModel) -> float:
        labels = torch.arange(len(trained.labels)) % trained.num_classes
        return measure(dataclasses.replace(trained, labels=labels))

    return dataclasses.replace(measure, function=value)
