"""Networks that fit closely have in float32 the losses and derivatives that they have in float64."""

import copy
import dataclasses
import math

import pytest
import torch
from torch import nn

from harness.calling.call import read
from harness.evaluation.measure_lookup import find_measures
from measures.quantities.close_fit import CLOSE, fits_closely
from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.losses import loss_and_gradient, loss_of_logits
from tests.builders.models import trained_model

NAMES = ["worst_case_flatness", "sam_sharpness", "hessian_top_eigenvalue", "adaptive_sharpness"]
NAMES += ["prunability", "gradient_norm"]


def diagonal(margin, dtype):
    """Logits (margin, 0) and (0, margin) of the two unit vectors, labelled 0 and 1."""
    network = nn.Sequential(nn.Linear(2, 2, bias=False)).to(dtype)
    with torch.no_grad():
        network[0].weight.copy_(margin * torch.eye(2))
    return trained_model(network, torch.eye(2, dtype=dtype), torch.arange(2))


@pytest.mark.parametrize("margin", [12.0, 15.0, 20.0, 30.0])
def test_the_loss_and_its_gradient_by_hand(margin):
    trained = diagonal(margin, torch.float32)
    p = 1 / (1 + math.exp(margin))
    assert fits_closely(trained) and loss_of_logits(trained) == pytest.approx(math.log1p(math.exp(-margin)), rel=1e-6)
    loss, gradient = loss_and_gradient(trained, flat_parameters(trained.model))
    assert loss == pytest.approx(math.log1p(math.exp(-margin)), rel=1e-6)
    assert gradient.tolist() == pytest.approx([-p / 2, p / 2, p / 2, -p / 2], rel=1e-5)


def test_networks_that_fit_as_those_of_the_zoos_are_left_as_they_are():
    assert not fits_closely(diagonal(-math.log(math.expm1(2 * CLOSE)), torch.float32))


@pytest.mark.slow
def test_measures_of_a_network_that_fits_to_a_ten_millionth_are_those_in_float64():
    """Some were half, or twice, what they are."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 3)).double()
    inputs = torch.randn(30, 16, dtype=torch.float64)
    labels = torch.arange(30) % 3
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(300):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
    with torch.no_grad():
        network[2].weight *= 1.8
        network[2].bias *= 1.8
    optimizer.zero_grad()
    start = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in start.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    wide = trained_model(network, inputs, labels, init=start)
    assert 1e-9 < loss_of_logits(wide) < 1e-6
    narrow = dataclasses.replace(
        wide, model=copy.deepcopy(network).float(), init=copy.deepcopy(start).float(), inputs=inputs.float()
    )
    for measure in find_measures(NAMES):
        exact, found = read(measure, wide), read(measure, narrow)
        assert exact.value is not None and found.value == pytest.approx(exact.value, rel=2e-2), measure.name
