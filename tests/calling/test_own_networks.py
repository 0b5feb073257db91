"""A stranger's measure is called on networks of a user's own classes, which its host imports by the zoo's door."""

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from harness.calling.own_networks import addressed, received
from harness.calling.request import pack, unpack
from harness.calling.sealed_measure import SealedFunction, declare, end_host
from harness.errors import HarnessError
from harness.training.declaring import OPENED, open_declarations
from harness.training.networks.building import build
from harness.zoo.opening import find_zoo, reopen_at
from measures.trained_model import TrainedModel
from tests.builders.models import random_network

ZOO = """
import torch
from torch import nn
from harness import Zoo, data_set, network

class Squared(nn.Module):
    def __init__(self, features, classes):
        super().__init__()
        self.linear = nn.Linear(features, classes)

    def forward(self, x):
        return self.linear(x.flatten(1)) ** 2

@network
def squared(input_shape, num_classes):
    return Squared(torch.Size(input_shape).numel(), num_classes)

@data_set
def mine(folder):
    return torch.eye(12), torch.arange(12) % 3

zoo = Zoo("mine", mine, {squared: 0.1})
"""
MEASURE = """
from measures import measure

@measure(source="a test")
def largest_output(trained):
    return float(trained.model(trained.inputs).max().detach())

@measure(source="a test")
def retrained(trained):
    network = trained.retrain(trained.inputs, trained.labels)
    assert type(network).__name__ == type(trained.model).__name__ == "Squared"
    return float(network.linear.weight.detach().sum())
"""


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Path]:
    """A zoo's file that this process has opened."""
    path = tmp_path / "own_zoo.py"
    path.write_text(ZOO)
    open_declarations(f"{path}::zoo", find_zoo(f"{path}::zoo").declared)
    yield path
    open_declarations("", ())
    end_host()


def trained_squares() -> TrainedModel:
    inputs = torch.randn(9, 2, 3, generator=torch.Generator().manual_seed(1))
    model, init = (build("squared", (2, 3), 3, seed).eval() for seed in (1, 2))
    like = random_network("mlp_1x4", seed=0)
    given = TrainedModel(model, init, inputs, torch.arange(9) % 3, 3, like.history, 5)
    return dataclasses.replace(given, retrain_function=lambda inputs, labels, reseed, **budget: given.init)


def test_a_measure_is_called_on_a_class_of_the_users_and_retrains_one(opened: Path, tmp_path: Path) -> None:
    file = tmp_path / "measures_of_a_test.py"
    file.write_text(MEASURE)
    trained = trained_squares()
    values = {each.name: SealedFunction(each)(trained) for each in declare(str(file), "", "a test")}
    assert values["largest_output"] == pytest.approx(float(trained.model(trained.inputs).max().detach()))
    assert values["retrained"] == pytest.approx(float(trained.init.linear.weight.detach().sum()))


def test_a_packed_model_arrives_where_nothing_is_opened_yet(opened: Path) -> None:
    trained = trained_squares()
    content = addressed(pack(trained))
    open_declarations("", ())
    module = sys.modules.pop(type(trained.init).__module__)
    again = unpack(received(content))
    assert OPENED.where == f"{opened}::zoo" and OPENED.networks.keys() == {"squared"}
    assert type(again.init) is not type(trained.init) and type(again.init).__name__ == "Squared"
    assert torch.equal(again.model(trained.inputs), trained.model(trained.inputs))
    sys.modules[module.__name__] = module


def test_a_file_that_was_edited_since_is_refused_on_both_sides(opened: Path) -> None:
    content = addressed(pack(trained_squares()))
    opened.write_text(ZOO.replace("** 2", "** 3"))
    with pytest.raises(HarnessError, match=r"own_zoo\.py::zoo is not what it was when the run was started"):
        addressed(b"")
    open_declarations("", ())
    with pytest.raises(HarnessError, match=r"own_zoo\.py::zoo is not what it was when the run was started"):
        received(content)


def test_networks_of_this_project_have_no_door() -> None:
    assert OPENED.where == ""
    assert received(addressed(b"packed")) == b"packed"
    reopen_at("")
    assert OPENED.where == ""
