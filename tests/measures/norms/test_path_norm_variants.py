"""The path norm with absolute values, and over a margin."""

import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.norms.path_norm import path_norm, path_norm_l1, path_norm_over_margin
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.references.dense_networks import dense_layers, tenth_percentile_of_margins
from tests.references.paths import enumerated, linear, norm_of


def test_l1_of_one_linear_layer_is_the_sum_of_its_absolute_weights():
    assert norm_of(linear([[3.0, 0.0], [0.0, -4.0]]), 2, measure=path_norm_l1) == 7


def test_l1_of_two_layers_with_biases_worked_out_by_hand():
    network = nn.Sequential(linear([[1.0, -2.0]], [3.0]), nn.ReLU(), linear([[-2.0]], [-5.0]))
    assert norm_of(network, 2, measure=path_norm_l1) == 2 + 4 + 6 + 5


def test_l1_counts_every_input_of_a_max_pooling_and_averages_those_of_an_average_pooling():
    head = (nn.Flatten(), linear([[-3.0]]))
    assert norm_of(nn.Sequential(nn.MaxPool2d(2), *head), 1, 2, 2, measure=path_norm_l1) == 4 * 3
    assert norm_of(nn.Sequential(nn.AvgPool2d(2), *head), 1, 2, 2, measure=path_norm_l1) == 3
    assert norm_of(nn.Sequential(nn.AdaptiveAvgPool2d(1), *head), 1, 2, 2, measure=path_norm_l1) == 3


@pytest.mark.parametrize("name", ["mlp_1x4", "mlp_2x4"])
def test_l1_of_an_mlp_is_the_sum_over_all_of_its_paths(name):
    trained = random_network(name, seed=1, size=4)
    expected, _ = enumerated(dense_layers(trained.model, (1, 4, 4)), power=1)
    assert path_norm_l1(trained) == pytest.approx(expected, rel=1e-10)


@settings(deadline=None, max_examples=3)
@given(st.integers(0, 2**20))
def test_l1_of_a_convnet_is_the_sum_over_all_paths_of_its_dense_matrices(seed):
    torch.manual_seed(seed)
    network = nn.Sequential(
        *(nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 2)),
    ).double()
    network(torch.randn(8, 1, 3, 3, dtype=torch.float64))  # gives the running statistics something to be
    expected, number = enumerated(dense_layers(network, (1, 3, 3)), power=1)
    assert number == 2 * (2 * 4 * 5 + 1)
    assert norm_of(network, 1, 3, 3, measure=path_norm_l1) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", ["convnet", "convnet_bn"])
def test_l1_of_the_harness_convnets_is_that_of_their_absolute_dense_matrices(name):
    trained = random_network(name, seed=1, size=4)
    into = np.ones(16)
    for layer in dense_layers(trained.model, (1, 4, 4)):
        into = abs(layer.matrix) @ into + abs(layer.bias)
    assert path_norm_l1(trained) == pytest.approx(into.sum(), rel=1e-10)


@settings(deadline=None, max_examples=3)
@given(st.integers(0, 1000))
def test_l1_is_at_least_the_path_norm_and_at_least_every_logit_of_inputs_up_to_1(seed):
    trained = random_network("mlp_2x4", seed, size=4)
    bounded = dataclasses.replace(trained, inputs=trained.inputs.clamp(-1, 1))
    assert path_norm_l1(trained) >= path_norm(trained)
    assert path_norm_l1(trained) >= bounded.logits.abs().sum(dim=1).max()


def test_over_a_margin_of_6_a_path_norm_of_10_is_10_over_6():
    network = nn.Sequential(linear([[8.0], [6.0]]))
    trained = trained_model(network, torch.full((1, 1), 3.0, dtype=torch.float64), torch.tensor([0]))
    assert path_norm_over_margin(trained) == pytest.approx(10 / 6, rel=1e-12)


@pytest.mark.parametrize("name", ["mlp_2x4", "convnet_bn"])
def test_over_margin_divides_by_the_naive_margin(name):
    trained = random_network(name, seed=1, size=4)
    expected = path_norm(trained) / tenth_percentile_of_margins(trained)
    assert path_norm_over_margin(trained) == pytest.approx(expected, rel=1e-9)


def test_over_margin_is_not_applicable_to_a_network_that_does_not_fit():
    trained = random_network("mlp_2x4", seed=1)
    with pytest.raises(NotApplicable, match="not above 0"):
        path_norm_over_margin(dataclasses.replace(trained, labels=(trained.labels + 1) % 3))


@settings(deadline=None, max_examples=3)
@given(st.sampled_from([path_norm_l1, path_norm_over_margin]), st.integers(0, 1000))
def test_variants_see_only_the_last_bias_among_changes_that_leave_the_predictions_as_they_are(measure, seed):
    assert_sees_only(measure, {"logit_shift"}, seed)


def test_the_squares_do_not_take_the_place_of_the_absolute_values_once_they_are_computed():
    trained = random_network("mlp_2x4", seed=1)
    first = path_norm(trained), path_norm_l1(trained)
    again = dataclasses.replace(trained)
    assert (path_norm_l1(again), path_norm(again)) == first[::-1]
