import copy
import dataclasses
import itertools
import math

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import nn

from measures.function_space.fisher_rao_norm import fisher_rao_norm
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import NETWORKS, linear_model, randomly_labelled_network


def test_of_one_layer_with_logits_log_3_and_0_is_a_quarter_of_log_3():
    trained = linear_model([[math.log(3)], [0.0]], [[1.0]], [0])  # p = (3/4, 1/4), so ⟨p − e₀, f⟩ = −log(3)/4
    assert fisher_rao_norm(trained) == pytest.approx(math.log(3) / 4, rel=1e-7)  # weights begin as float32


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_without_biases_is_the_quadratic_form_of_the_fisher_matrix(depth):
    generator = torch.Generator().manual_seed(depth)
    sizes = [4, *[5] * (depth - 1), 3]
    layers = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out, bias=False, dtype=torch.float64), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    inputs = torch.randn(10, 4, generator=generator, dtype=torch.float64)
    trained = trained_model(model, inputs, torch.randint(3, (10,), generator=generator))
    theta = nn.utils.parameters_to_vector(model.parameters()).detach()
    information = torch.zeros(len(theta), len(theta), dtype=torch.float64)
    for x, y in zip(trained.inputs, trained.labels, strict=True):
        loss = F.cross_entropy(model(x[None]), y[None])
        g = torch.cat([piece.flatten() for piece in torch.autograd.grad(loss, list(model.parameters()))])
        information += torch.outer(g, g) / len(trained.labels)
    assert fisher_rao_norm(trained) == pytest.approx(float(theta @ information @ theta) ** 0.5, rel=1e-9)


@pytest.mark.parametrize("kind", NETWORKS)
def test_is_the_number_of_layers_times_the_root_mean_square_taken_one_by_one(kind):
    trained, total = randomly_labelled_network(kind), 0.0
    for x, y in zip(trained.inputs, trained.labels, strict=True):
        f = trained.model(x[None])[0].detach().requires_grad_()
        (derivative,) = torch.autograd.grad(F.cross_entropy(f[None], y[None]), f)
        total += float(derivative @ f.detach()) ** 2 / 12
    assert fisher_rao_norm(trained) == pytest.approx(3 * math.sqrt(total), rel=1e-9)


def test_confident_networks_in_float32_are_measured_as_in_float64():
    trained = random_network("mlp_2x5", seed=1, dtype=torch.float32)
    with torch.no_grad():
        trained.model[-1].weight *= 100
        trained.model[-1].bias *= 100
    model, init = (copy.deepcopy(network).double() for network in (trained.model, trained.init))
    doubled = dataclasses.replace(trained, model=model, init=init, inputs=trained.inputs.double())
    assert fisher_rao_norm(trained) == pytest.approx(fisher_rao_norm(doubled), rel=1e-3)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(fisher_rao_norm, set(), seed)
