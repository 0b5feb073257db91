import copy
import dataclasses
import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.compression import subspace_compression_bound as module
from measures.compression.subspace_compression_bound import (
    adam,
    batch_gradient,
    bin_means,
    catoni_bound,
    in_subspace,
    message_bits,
    nearest,
    rounded,
    subspace_compression_bound,
)
from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.random_subspace import random_subspace
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model


@pytest.fixture
def few_steps_of_training(monkeypatch):
    monkeypatch.setattr(module, "STEPS", 12)
    monkeypatch.setattr(module, "ROUNDED_STEPS", 3)


def naive_bound(error, nats, n):
    """The limit at every γ of a fine grid, written out."""
    best = math.inf
    for log_gamma in np.linspace(1e-4, 4 + math.log(n), 20001):
        gamma = math.exp(log_gamma)
        q = error + 1.0001 / gamma * (nats + math.log(20) + 2 * math.log(2 + log_gamma / math.log(1.0001)))
        best = min(best, (1 - math.exp(-gamma / n * q)) / (1 - math.exp(-gamma / n)))
    return best


@pytest.mark.parametrize(("error", "nats", "n"), [(0.0, 50.0, 1000), (0.3, 200.0, 1437), (0.9, 2000.0, 500)])
def test_the_bound_is_the_smallest_over_a_grid(error, nats, n):
    assert catoni_bound(error, nats, n) == pytest.approx(naive_bound(error, nats, n), rel=1e-4)


@settings(deadline=None, max_examples=20)
@given(st.floats(0, 0.9), st.floats(1, 500), st.integers(50, 5000))
def test_the_bound_lies_above_the_error_and_grows_with_error_and_bits_and_falls_with_examples(error, nats, n):
    value = catoni_bound(error, nats, n)
    assert value >= error
    assert catoni_bound(error + 0.05, nats, n) > value
    assert catoni_bound(error, 2 * nats, n) > value
    assert catoni_bound(error, nats, 2 * n) < value + 1e-3


def test_the_bits_of_eight_coordinates_on_two_levels_are_counted_by_hand():
    # 8 bits for the levels, 1 to end; two levels of 16 bits; two frequencies of 3 bits.
    assert message_bits(torch.tensor([0, 1] * 4), 2) == 8 + 1 + 32 + 6
    assert message_bits(torch.tensor([1] * 8), 2) == 0 + 1 + 32 + 6


def test_levels_start_at_the_means_of_equal_bins():
    z = torch.tensor([-3.0, -2.0, 0.1, 0.3, 3.0], dtype=torch.float64)
    assert bin_means(z, 3).tolist() == pytest.approx([-2.5, 0.2, 3.0], rel=1e-6)
    assert bin_means(torch.tensor([3.0, 2.9]).double(), 2).tolist() == pytest.approx([-3.0, 2.95], rel=1e-5)
    assert nearest(z, torch.tensor([-2.5, 0.2, 3.0]).double()).tolist() == [0, 0, 1, 1, 2]


def test_adam_is_torchs_with_a_rate_that_falls_linearly():
    start = torch.tensor([1.0, -2.0], dtype=torch.float64)
    parameter = torch.nn.Parameter(start.clone())
    optimizer = torch.optim.Adam([parameter], lr=1.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.3 * (1 - step / 10))
    for _ in range(10):
        optimizer.zero_grad()
        (parameter**4).sum().backward()
        optimizer.step()
        schedule.step()
    found = adam(start, lambda step, point: 4 * point**3, 10, 0.3)
    assert torch.allclose(found, parameter.detach(), rtol=1e-7)


def test_the_gradient_is_that_of_the_next_examples_in_order():
    trained = random_network("mlp_1x4", seed=1, num_train=150, size=2)
    theta = flat_parameters(trained.init)
    chosen = trained.random_order[torch.arange(2 * 64, 3 * 64) % 150]
    network = copy.deepcopy(trained.init)
    torch.nn.functional.cross_entropy(network(trained.inputs[chosen]), trained.labels[chosen]).backward()
    expected = torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
    assert torch.allclose(batch_gradient(trained, 2, theta), expected)


@pytest.mark.usefixtures("few_steps_of_training")
@pytest.mark.parametrize("name", ["mlp_1x8", "convnet_bn"])
def test_is_the_smaller_of_the_bounds_of_the_rounded_networks(name):
    trained = random_network(name, seed=1, num_train=50, size=6)
    size, limits = sum(weight.numel() for weight in trained.init.parameters()), []
    for d in (64, 256):
        subspace = random_subspace(trained, d)
        symbols, codebook = rounded(trained, subspace, in_subspace(trained, subspace))
        assert len(codebook) == 5 and torch.equal(codebook, codebook.half().double())
        network, wrong = copy.deepcopy(trained.init), 0
        torch.nn.utils.vector_to_parameters(subspace.at(codebook[symbols]), network.parameters())
        for x, y in zip(trained.inputs, trained.labels, strict=True):
            wrong += int(network(x[None])[0].argmax() != y)
        bits = message_bits(symbols)
        limits.append(catoni_bound(wrong / 50, (bits + 2 * math.log2(bits) + 1) * math.log(2), 50))
        assert bits >= 1 + 80 + 5 * math.log2(d) and size >= d
    assert subspace_compression_bound(trained) == pytest.approx(min(limits), rel=1e-12)


def test_training_in_the_subspace_fits_what_can_be_told_apart():
    inputs = torch.randn(100, 1, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    trained = random_network("mlp_1x8", seed=1, num_train=100)
    trained = dataclasses.replace(trained, inputs=inputs, labels=(inputs.flatten(1)[:, 0] > 0).long())
    subspace = random_subspace(trained, 64)
    with torch.no_grad():
        network = copy.deepcopy(trained.init)
        torch.nn.utils.vector_to_parameters(subspace.at(in_subspace(trained, subspace)), network.parameters())
        assert float((network(inputs).argmax(dim=1) == trained.labels).double().mean()) > 0.9


@pytest.mark.usefixtures("few_steps_of_training")
def test_does_not_see_the_trained_network():
    trained = random_network("mlp_1x8", seed=1, num_train=30)
    other = dataclasses.replace(trained, model=random_network("mlp_1x8", seed=2).model)
    assert subspace_compression_bound(other) == subspace_compression_bound(trained)


def test_20_parameters_are_too_few():
    with pytest.raises(NotApplicable, match="20 parameters"):
        subspace_compression_bound(linear_model([[1.0] * 10] * 2, [[1.0] * 10], [0]))
