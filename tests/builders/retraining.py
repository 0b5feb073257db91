"""Networks for tests of what retrains: they know examples, or answer from a table, without any training."""

import dataclasses

import torch
from torch import Tensor, nn

from measures import Measure
from measures.trained_model import TrainedModel
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import trained_model


class Knows(nn.Module):
    """Outputs `opinions[k]` on the input k, raised by `certainty` at the label of each k that it was taught."""

    def __init__(self, opinions: Tensor, inputs: Tensor, labels: Tensor, certainty: float):
        super().__init__()
        table = opinions.clone()
        table[inputs[:, 0].long(), labels] += certainty
        self.register_buffer("table", table)

    def forward(self, x: Tensor) -> Tensor:
        return self.table[x[:, 0].long()]


class Table(nn.Module):
    """Classifies the input k as `answers[k]`, whatever it was trained on."""

    outputs: Tensor

    def __init__(self, answers: Tensor | list[int], num_classes: int = 3):
        super().__init__()
        self.register_buffer("outputs", nn.functional.one_hot(torch.as_tensor(answers), num_classes).double())

    def forward(self, x: Tensor) -> Tensor:
        return self.outputs[x[:, 0].long()]


def memorizing(labels: list[int], opinions: Tensor, certainty: float = 100.0, seed: int = 0) -> TrainedModel:
    """Example k has the input k. Retrained on some of them the network knows these, and has `opinions` of the rest."""
    inputs = torch.arange(len(labels), dtype=torch.float64)[:, None]
    taught = torch.tensor(labels)
    return trained_model(
        Knows(opinions, inputs, taught, certainty),
        inputs,
        taught,
        seed=seed,
        retrain_function=lambda inputs, labels, reseed, max_epochs=None: Knows(opinions, inputs, labels, certainty),
    )


def opinion(answers: list[int], num_classes: int) -> Tensor:
    """Outputs that are 10 for the answer and 0 else."""
    return 10 * nn.functional.one_hot(torch.tensor(answers), num_classes).double()


def assert_sees_no_change_of_the_given_network(measure: Measure, seed: int) -> None:
    """With whatever retraining gives, the value stays as it is under each change that keeps the function."""
    networks = [nn.Sequential(nn.Flatten(), nn.Linear(16, 3)).double() for _ in range(2)]
    for number, network in enumerate(networks):
        with torch.no_grad():
            network[1].weight.copy_(torch.randn(3, 16, generator=torch.Generator().manual_seed(number)))

    def retrain(inputs: Tensor, labels: Tensor, reseed: int, max_epochs: int | None = None) -> nn.Module:
        return networks[len(labels) % 2]

    function = measure.function
    retrained = dataclasses.replace(
        measure, function=lambda trained: function(dataclasses.replace(trained, retrain_function=retrain))
    )
    assert_sees_only(retrained, set(), seed)
