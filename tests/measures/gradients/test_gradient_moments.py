import math

import pytest
import torch
from torch import nn

from measures import NotApplicable
from measures.gradients._gradient_moments import (
    early_statistics,
    gradient_statistics,
    statistics_at_end,
    statistics_at_start,
)
from measures.quantities.per_example import loss_cotangents
from tests.builders.models import random_network, with_snapshots
from tests.builders.small_networks import linear_model
from tests.references.explicit_gradients import gradients_one_by_one


@pytest.mark.parametrize("name", ["mlp_2x8", "convnet_bn"])
def test_statistics_are_those_of_explicit_gradients(name):
    trained = random_network(name, seed=1, size=4, num_train=9)
    labels = torch.arange(9) % 3
    gradients = gradients_one_by_one(trained.model, trained.inputs, labels)
    found = gradient_statistics(trained.model, trained.inputs, labels)
    total = gradients.sum(dim=0).square().sum()
    variance = gradients.var(dim=0, correction=0)
    moving = variance > 1e-20
    ratio = (gradients.mean(dim=0)[moving].square() / variance[moving]).mean()
    assert found.coherence == pytest.approx(float(total / gradients.square().sum()), rel=1e-8)
    assert found.variance == pytest.approx(float(variance.sum()), rel=1e-8)
    assert found.signal_to_noise == pytest.approx(float(ratio), rel=1e-6)


def test_weights_whose_gradients_are_all_equal_have_no_say_in_the_signal_to_noise_ratio():
    network = nn.Linear(2, 2, bias=False, dtype=torch.float64).eval()
    nn.init.zeros_(network.weight)
    # What comes back is (-1/2, 1/2): the first input is 2 for all, the second 1 and 3, mean 2 and variance 1.
    inputs = torch.tensor([[2.0, 1.0], [2.0, 3.0]], dtype=torch.float64)
    assert gradient_statistics(network, inputs, torch.tensor([0, 0])).signal_to_noise == pytest.approx(4, rel=1e-12)


def test_a_network_that_separates_without_limit_has_no_coherence():
    network = nn.Linear(1, 2, bias=False, dtype=torch.float64).eval()
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[1e6], [-1e6]]))
    found = gradient_statistics(network, torch.ones(2, 1, dtype=torch.float64), torch.tensor([0, 0]))
    with pytest.raises(NotApplicable, match="zero"):
        _ = found.coherence


def test_each_time_in_training_has_its_own_network_and_all_examples():
    trained = random_network("mlp_2x5", seed=0, size=4, num_train=300)
    other = random_network("mlp_2x5", seed=7, size=4).model
    trained = with_snapshots(trained, other)
    inputs, labels = trained.inputs, trained.labels
    assert statistics_at_start(trained) == gradient_statistics(trained.init, inputs, labels)
    at_end, expected = statistics_at_end(trained), gradient_statistics(trained.model, inputs, labels)
    assert at_end.variance == pytest.approx(expected.variance, rel=1e-12)
    assert at_end.coherence == pytest.approx(expected.coherence, rel=1e-12)
    assert early_statistics(trained) == (gradient_statistics(other, inputs, labels),)


def test_one_example_in_a_thousand_that_is_not_fitted_has_its_share_of_the_noise():
    trained = linear_model([[1.0], [0.0]], inputs=[[20.0]] * 999 + [[-20.0]], labels=[0] * 1000)
    squared = 2 * 20**2  # of its gradient, (20, -20)
    expected = squared / 1000 - squared / 1000**2
    assert statistics_at_end(trained).variance == pytest.approx(expected, rel=1e-6)


def test_a_network_that_stopped_in_its_first_epoch_has_no_early_statistics():
    with pytest.raises(NotApplicable, match="no network from early in training"):
        early_statistics(random_network("mlp_2x5", seed=0, size=4))


def test_the_cotangent_of_a_label_that_is_all_but_certain_does_not_cancel():
    cotangents = loss_cotangents(torch.tensor([[40.0, 0.0, 0.0]]), torch.tensor([0]))
    assert cotangents[0, 0].item() == pytest.approx(-2 * math.exp(-40), rel=1e-6, abs=0)
