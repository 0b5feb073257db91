import dataclasses
import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from scipy.optimize import minimize_scalar
from scipy.stats import multivariate_normal

from measures import NotApplicable
from measures.kernels.gp_evidence import arc_cosine_kernel, gp_evidence
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model, with_labels_in_turn


def test_at_a_right_angle_one_hidden_layer_gives_a_product_of_norms_over_pi():
    inputs = torch.tensor([[2.0, 0.0], [0.0, 3.0]], dtype=torch.float64)
    expected = torch.tensor([[4.0, 6 / math.pi], [6 / math.pi, 9.0]], dtype=torch.float64)
    torch.testing.assert_close(arc_cosine_kernel(inputs, hidden_layers=1), expected, rtol=1e-12, atol=1e-12)


def test_without_hidden_layers_it_is_the_inner_product():
    inputs = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(arc_cosine_kernel(inputs, hidden_layers=0), inputs @ inputs.T, rtol=1e-12, atol=1e-12)


def test_is_the_covariance_of_wide_random_networks():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    hidden, width = inputs, 4000
    for _ in range(2):  # weights of variance 2 / fan-in, the first layer's 1
        weights = torch.randn(hidden.shape[1], width, generator=generator, dtype=torch.float64)
        hidden = (hidden @ weights).relu() * math.sqrt(2 / width)
    torch.testing.assert_close(arc_cosine_kernel(inputs, hidden_layers=2), hidden @ hidden.T, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("name", ["mlp_1x4", "mlp_3x4", "convnet_bn"])
def test_equals_the_normal_density_maximised_over_its_scale(name):
    trained = random_network(name, seed=0, size=4, num_train=9)
    trained.labels.copy_(torch.arange(9) % 3)
    kernel = arc_cosine_kernel(trained.inputs.flatten(1), len(trained.layers) - 1).numpy()
    covariance = kernel + 0.01 * np.trace(kernel) / 9 * np.eye(9)
    labels = np.eye(3)[trained.labels] - np.eye(3)[trained.labels].mean(axis=0)

    def minus_log_density(log_scale):
        return -multivariate_normal(np.zeros(9), math.exp(log_scale) * covariance).logpdf(labels.T).sum()

    best = minimize_scalar(minus_log_density, bounds=(-20, 10), method="bounded", options={"xatol": 1e-8}).fun
    assert gp_evidence(trained) == pytest.approx(best / 9, rel=1e-6)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_the_scale_of_the_inputs_is_the_priors_to_find(seed, factor):
    trained = random_network("mlp_2x5", seed, size=4)
    trained.labels[0], trained.labels[1] = 0, 1
    stretched = dataclasses.replace(trained, inputs=factor * trained.inputs)
    assert gp_evidence(stretched) == pytest.approx(gp_evidence(trained), rel=1e-7)


def test_labels_that_follow_the_inputs_are_likelier_than_others():
    inputs = torch.cat([torch.randn(20, 2, generator=torch.Generator().manual_seed(0)) * 0.3 + c for c in (2.0, -2.0)])
    follow = linear_model([[0.0, 0.0]] * 2, inputs.tolist(), [0] * 20 + [1] * 20)
    others = linear_model([[0.0, 0.0]] * 2, inputs.tolist(), [0, 1] * 20)
    assert gp_evidence(follow) < gp_evidence(others)


def test_does_not_see_the_weights():
    assert_sees_only(with_labels_in_turn(gp_evidence), set(), seed=1)


def test_is_not_applicable_to_an_input_of_zeros():
    with pytest.raises(NotApplicable, match="all zeros"):
        gp_evidence(linear_model([[1.0], [0.0]], [[0.0], [1.0]], [0, 1]))


def test_labels_that_the_network_has_no_logits_for_are_said():
    trained = random_network("mlp_1x5", 0)
    beyond = dataclasses.replace(trained, labels=torch.full_like(trained.labels, trained.num_classes))
    with pytest.raises(NotApplicable, match="the labels go up to"):
        gp_evidence(beyond)
