"""Every measure meets networks that it was not written for: it gives a finite number or says why there is none."""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from harness.evaluation.measure_lookup import find_measures
from harness.training.networks.building import build
from measures.history import flat_state
from measures.trained_model import TrainedModel
from tests.builders.models import trained_model, with_snapshots
from tests.networks.readings import readings_of

CLASSES = 3


class Residual(nn.Module):
    """A skip connection around two convolutions with batch normalization; global average pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.first = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        x = torch.relu(x + self.second(torch.relu(self.norm(self.first(x)))))
        return self.head(x.mean(dim=(2, 3)))


class Shared(nn.Module):
    """One linear layer applied twice."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.twice, self.leave = nn.Linear(36, 5), nn.Linear(5, 5), nn.Linear(5, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.enter(x.flatten(1)))
        return self.leave(torch.relu(self.twice(torch.relu(self.twice(x)))))


def strided_and_grouped() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(4, 4, 2, groups=2, dilation=2, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, CLASSES),
    )


def tanh_with_layer_norm() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 6), nn.LayerNorm(6), nn.Tanh(), nn.Linear(6, CLASSES))


def norm_after_relu() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, CLASSES)
    )


def one_linear_layer() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(36, CLASSES))


def dropout_and_no_biases() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(36, 8, bias=False), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, CLASSES, bias=False)
    )


def papers_alexnet() -> nn.Module:
    return build("alexnet_small", (1, 6, 6), CLASSES)


NETWORKS: tuple[Callable[[], nn.Module], ...] = (
    Residual,
    Shared,
    strided_and_grouped,
    tanh_with_layer_norm,
    norm_after_relu,
    one_linear_layer,
    dropout_and_no_biases,
)
UNFITTED = (Shared, norm_after_relu)
"""Those that an ordinary run also meets with every label missed: one network of vectors, one of images."""


def trained(make: Callable[[], nn.Module], fitted: bool) -> TrainedModel:
    """The network after 100 steps of Adam on its own first predictions, or on labels that it does not fit."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, init = make(), make()
        inputs = torch.randn(30, 1, 6, 6)
        init.load_state_dict(model.state_dict())
        labels = torch.arange(30) % CLASSES
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        for _ in range(100):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), labels).backward()
            optimizer.step()
    optimizer.zero_grad()
    model.eval()
    with torch.no_grad():
        labels = model(inputs).argmax(dim=1) if fitted else (model(inputs).argmax(dim=1) + 1) % CLASSES
    result = with_snapshots(trained_model(model, inputs, labels, init=init, num_classes=CLASSES), init)
    assert flat_state(model).isfinite().all()
    return dataclasses.replace(result, retrain_function=lambda inputs, labels, reseed, max_epochs=None: init)


@pytest.mark.slow
@pytest.mark.usefixtures("few_steps")
@pytest.mark.parametrize(
    ("make", "fitted"),
    [
        *((make, True) for make in NETWORKS),
        *((make, False) for make in UNFITTED),
        *(pytest.param(make, False, marks=pytest.mark.long) for make in NETWORKS if make not in UNFITTED),
        pytest.param(papers_alexnet, True, marks=pytest.mark.long),  # with all its weights
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_every_measure_has_a_number_or_a_reason_on_it_and_changes_nothing(make, fitted: bool) -> None:
    model = trained(make, fitted)
    own = [measure for measure in find_measures(["all"]) if measure.origin.startswith("measures.")]
    found, changed = readings_of(own, model)  # not those that other tests registered
    assert changed == {}
    assert {name: reading.reason for name, reading in found.items() if reading.status == "error"} == {}
    assert sum(reading.status == "value" for reading in found.values()) > 60
