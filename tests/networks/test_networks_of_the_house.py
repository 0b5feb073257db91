"""Every measure on a small twin of each of this project's networks of today's kinds: a number, or one sentence."""

import copy
import dataclasses
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from harness.evaluation.measure_lookup import find_measures
from harness.training.examples import data_set
from harness.training.networks.building import build
from harness.training.recipe import Recipe
from measures.trained_model import TrainedModel
from tests.builders.models import trained_model, with_snapshots
from tests.networks.readings import readings_of

NETWORKS = ["residual_mlp_2x64", "resnet_small", "resnet_small_gn", "vit_small"]
AT_LEAST = {"residual_mlp_2x64": 160, "resnet_small": 155, "resnet_small_gn": 150, "vit_small": 150}


def memorized(network: str) -> TrainedModel:
    """Forty digits with random labels, fitted by sixty steps of Adam."""
    recipe = Recipe(
        data_set="digits", network=network, learning_rate=0.1, seed=0, condition="random_labels", num_train=40
    )
    data = data_set(recipe, Path())
    inputs, labels = data.train_inputs, data.train_labels
    model = build(network, tuple(inputs.shape[1:]), data.num_classes, 0)
    init = copy.deepcopy(model).eval()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), labels).backward()
        optimizer.step()
    optimizer.zero_grad()
    result = with_snapshots(trained_model(model.eval(), inputs, labels, init=init, num_classes=data.num_classes), init)
    assert (result.margins > 0).all()
    return dataclasses.replace(result, retrain_function=lambda inputs, labels, reseed, max_epochs=None: init)


@pytest.mark.slow
@pytest.mark.usefixtures("few_steps")
@pytest.mark.parametrize(
    "network", [NETWORKS[0], *(pytest.param(name, marks=pytest.mark.long) for name in NETWORKS[1:])]
)
def test_every_measure_gives_a_number_or_one_sentence_and_changes_nothing(network: str) -> None:
    model = memorized(network)
    own = [measure for measure in find_measures(["all"]) if measure.origin.startswith("measures.")]
    assert len(own) == 230
    found, changed = readings_of(own, model)
    assert changed == {}
    without = {name: reading for name, reading in found.items() if reading.status != "value"}
    assert {name: reading.reason for name, reading in without.items() if reading.status == "error"} == {}
    assert {name: reading.reason for name, reading in without.items() if len(reading.reason.splitlines()) != 1} == {}
    assert len(found) - len(without) >= AT_LEAST[network]
