import itertools
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.function_space.high_frequency_energy import high_frequency_energy
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import NETWORKS, linear_model, randomly_labelled_network


class Cosines(nn.Module):
    """Of x between 0 and 1: an amplitude for each number of half-periods, and a logit of 0."""

    def __init__(self, amplitudes):
        super().__init__()
        self.amplitudes = amplitudes

    def forward(self, x):
        waves = sum(a * torch.cos(math.pi * k * x) for k, a in self.amplitudes.items())
        return torch.cat([waves, torch.zeros_like(x)], dim=1)


@pytest.mark.parametrize("high", [5, 9, 31])
def test_amplitude_1_below_the_cut_and_2_above_have_a_share_of_four_fifths(high):
    inputs = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    trained = trained_model(Cosines({0: 7.0, 4: 1.0, high: 2.0}), inputs, torch.tensor([0, 0]))
    assert high_frequency_energy(trained) == pytest.approx(4 / 5, rel=1e-9)


def test_of_a_linear_network_is_that_of_a_ramp_whatever_its_slope():
    ramp = [t - 15.5 for t in range(32)]
    energies = [sum(r * math.cos(math.pi * k * (t + 0.5) / 32) for t, r in enumerate(ramp)) ** 2 for k in range(32)]
    trained = linear_model([[3.0, -1.0], [0.0, 2.0]], [[1.0, 1.0], [-2.0, 0.5], [0.0, 4.0]], [0, 1, 0])
    assert high_frequency_energy(trained) == pytest.approx(sum(energies[5:]) / sum(energies[1:]), rel=1e-9)


@pytest.mark.parametrize("kind", NETWORKS)
def test_is_the_share_of_sums_written_out(kind):
    trained, low, high = randomly_labelled_network(kind), 0.0, 0.0
    order = trained.random_order.tolist()
    for a, b in itertools.pairwise(order):
        line = [trained.inputs[a] + (t + 0.5) / 32 * (trained.inputs[b] - trained.inputs[a]) for t in range(32)]
        f = trained.model(torch.stack(line)).detach()
        for k in range(1, 32):
            wave = torch.tensor([math.cos(math.pi * k * (t + 0.5) / 32) for t in range(32)], dtype=torch.float64)
            energy = float((wave @ f).square().sum())
            low, high = low + energy * (k <= 4), high + energy * (k > 4)
    assert high_frequency_energy(trained) == pytest.approx(high / (low + high), rel=1e-9)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(high_frequency_energy, set(), seed)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_is_a_share_whatever_the_scale_of_the_logits(seed, factor):
    trained = random_network("mlp_2x5", seed, size=4)
    before = high_frequency_energy(trained)
    with torch.no_grad():
        trained.model[-1].weight *= factor
    after = high_frequency_energy(trained_model(trained.model, trained.inputs, trained.labels, seed=seed))
    assert 0 < before < 1
    assert after == pytest.approx(before, rel=1e-9)


def test_is_not_applicable_to_a_constant_network():
    with pytest.raises(NotApplicable, match="constant"):
        high_frequency_energy(linear_model([[0.0], [0.0]], [[1.0], [2.0]], [0, 1]))


def test_logits_that_differ_by_rounding_alone_have_no_energy():
    trained = random_network("mlp_1x5", 0, num_train=6, dtype=torch.float32)
    equal = trained_model(trained.model, trained.inputs[:1].repeat(6, 1, 1, 1), torch.arange(6) % 3, num_classes=3)
    with pytest.raises(NotApplicable, match="constant along every segment"):
        high_frequency_energy(equal)
