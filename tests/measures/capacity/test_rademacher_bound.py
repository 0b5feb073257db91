import copy
import dataclasses
import itertools
import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures.capacity.rademacher_bound import rademacher_bound
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.references.dense_networks import matrices


def test_one_layer_of_norm_5_on_4_inputs_of_norm_at_most_2():
    network = nn.Linear(2, 1, dtype=torch.float64)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[3.0, 4.0]]))
    inputs = torch.tensor([[2.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.5]], dtype=torch.float64)
    trained = trained_model(network, inputs, torch.zeros(4, dtype=torch.int64))
    # B = 2, d = 1, product 5, √n = 2
    assert rademacher_bound(trained) == pytest.approx(2 * (math.sqrt(2 * math.log(2)) + 1) * 5 / 2, rel=1e-12)


@pytest.mark.parametrize("name, depth", [("mlp_1x4", 2), ("mlp_3x5", 4), ("convnet", 4), ("convnet_bn", 4)])
def test_is_the_formula_of_the_dense_matrices(name, depth):
    trained = random_network(name, seed=1, num_train=20)
    largest = max(math.sqrt(sum(value**2 for value in x.flatten().tolist())) for x in trained.inputs)
    product = 1.0
    for matrix in matrices(trained.model, tuple(trained.inputs.shape[1:])):
        product *= np.sqrt((matrix**2).sum())
    expected = largest * (math.sqrt(2 * math.log(2) * depth) + 1) * product / math.sqrt(20)
    assert rademacher_bound(trained) == pytest.approx(expected, rel=1e-10)


def sums_over_signs(values):
    """Σᵢ σᵢ valuesᵢ for all 2ⁿ signs σ, a row each; `values` is (n, dimensions)."""
    return np.array(list(itertools.product([-1, 1], repeat=len(values)))) @ values


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 7))
def test_bounds_the_complexity_of_linear_functions(seed, n):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(n, 3, generator=generator, dtype=torch.float64)
    network = nn.Linear(3, 1, bias=False, dtype=torch.float64)
    trained = trained_model(network, inputs, torch.zeros(n, dtype=torch.int64))
    # The best w of norm M answers signs σ with M ‖Σᵢ σᵢ xᵢ‖.
    best = np.linalg.norm(sums_over_signs(inputs.numpy()), axis=1) * network.weight.norm().item()
    assert best.mean() / n <= rademacher_bound(trained)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.integers(1, 6))
def test_bounds_the_complexity_of_one_hidden_relu(seed, n):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(n, 2, generator=generator, dtype=torch.float64)
    network = nn.Sequential(nn.Linear(2, 1, bias=False), nn.ReLU(), nn.Linear(1, 1, bias=False)).double()
    trained = trained_model(network, inputs, torch.zeros(n, dtype=torch.int64))
    # The functions v·max(w·x, 0) with |v| ≤ a, ‖w‖ ≤ b: the best v is ±a, the best w has norm b and some direction.
    norms = network[0].weight.norm().item() * network[2].weight.norm().item()
    angles = np.linspace(0, 2 * np.pi, 200)
    hidden = np.maximum(inputs.numpy() @ np.stack([np.cos(angles), np.sin(angles)]), 0)
    best = np.abs(sums_over_signs(hidden)).max(axis=1) * norms
    assert best.mean() / n <= rademacher_bound(trained)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_grows_with_the_inputs_and_with_the_fourth_power_of_the_scale_of_4_layers(seed, factor):
    trained = random_network("mlp_3x4", seed)
    scaled = copy.deepcopy(trained.model)
    with torch.no_grad():
        for parameter in scaled.parameters():
            parameter *= factor
    before = rademacher_bound(trained)
    larger_inputs = dataclasses.replace(trained, inputs=trained.inputs * factor)
    assert rademacher_bound(larger_inputs) == pytest.approx(factor * before, rel=1e-9)
    assert rademacher_bound(dataclasses.replace(trained, model=scaled)) == pytest.approx(factor**4 * before, rel=1e-9)


def test_four_times_the_examples_halve_it():
    trained = random_network("mlp_2x5", seed=1)
    more = dataclasses.replace(trained, inputs=trained.inputs.repeat(4, 1, 1, 1), labels=trained.labels.repeat(4))
    assert rademacher_bound(more) == pytest.approx(rademacher_bound(trained) / 2, rel=1e-12)


@pytest.mark.slow
@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(rademacher_bound, set(), seed)
