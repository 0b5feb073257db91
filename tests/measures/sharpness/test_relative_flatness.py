import copy
import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.sharpness.relative_flatness import relative_flatness
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found
from tests.references.loss_surfaces import exact_hessian


def test_of_weights_1_and_minus_1_with_equal_chances_is_computed_by_hand():
    # On the input (2, 0) and w = ((0, 1), (0, -1)) both logits are 0, p = (1/2, 1/2), ‖φ‖² = 4, and the blocks' traces
    # are ±1/4 · 4: 1·1 + 1·1 - 2 · (-1)·1 = 4
    trained = linear_model([[0.0, 1.0], [0.0, -1.0]], inputs=[[2.0, 0.0]], labels=[0])
    assert relative_flatness(trained) == pytest.approx(4, rel=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_sum_over_blocks_of_the_exact_hessian(kind, seed):
    trained = small_network(kind, seed)
    weight = trained.model[-1].weight.detach()
    classes, width = weight.shape
    hessian = exact_hessian(trained)
    first = len(hessian) - classes * width - classes
    total = 0.0
    for s in range(classes):
        for t in range(classes):
            rows = slice(first + s * width, first + (s + 1) * width)
            columns = slice(first + t * width, first + (t + 1) * width)
            total += (weight[s] @ weight[t] * hessian[rows, columns].trace()).item()
    assert relative_flatness(trained) == pytest.approx(total, rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_is_never_negative_and_the_same_for_the_training_set_twice_over(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    twice = dataclasses.replace(trained, inputs=trained.inputs.repeat(2, 1, 1, 1), labels=trained.labels.repeat(2))
    value = relative_flatness(trained)
    assert value >= 0
    assert relative_flatness(twice) == pytest.approx(value, rel=1e-12)


@settings(deadline=None, max_examples=4)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(relative_flatness, set(), seed)


def test_of_a_network_whose_last_layer_is_followed_by_something_is_not_applicable():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU()).double()
    with torch.no_grad():
        model[1].bias[0] = -100  # which the rectifier cuts on any draw
    trained = trained_model(model, torch.randn(5, 1, 2, 2, dtype=torch.float64), torch.zeros(5, dtype=torch.int64))
    with pytest.raises(NotApplicable, match="last linear layer"):
        relative_flatness(trained)


def test_leaves_the_model_its_gradients_and_the_random_state_as_found():
    assert_leaves_all_as_found(relative_flatness, small_network("convnet_bn", seed=10))


def test_of_a_1x1_convolution_averaged_over_positions_is_the_sum_over_blocks_of_the_exact_hessian():
    torch.manual_seed(0)
    first, last = nn.Conv2d(1, 3, 2), nn.Conv2d(3, 2, 1)
    network = nn.Sequential(first, nn.ReLU(), last, nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    trained = trained_model(network, torch.randn(8, 1, 4, 4, dtype=torch.float64), torch.arange(8) % 2)
    weight, hessian = last.weight.detach().flatten(1), exact_hessian(trained)
    start = first.weight.numel() + first.bias.numel()
    blocks = hessian[start : start + 6, start : start + 6].view(2, 3, 2, 3).diagonal(dim1=1, dim2=3).sum(dim=2)
    assert relative_flatness(trained) == pytest.approx(float((blocks * (weight @ weight.T)).sum()), rel=1e-9)


def test_of_a_larger_last_convolution_is_not_applicable():
    network = nn.Sequential(nn.Conv2d(1, 2, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    trained = trained_model(network, torch.randn(8, 1, 4, 4, dtype=torch.float64), torch.arange(8) % 2)
    with pytest.raises(NotApplicable, match="not linear"):
        relative_flatness(trained)


def test_the_scale_of_a_normalization_before_the_last_layer_is_the_layers():
    torch.manual_seed(0)
    layers = nn.Linear(5, 4), nn.ReLU(), nn.BatchNorm1d(4, eps=0.0), nn.Linear(4, 3)
    network = nn.Sequential(*layers).double().eval()
    with torch.no_grad():
        network[2].weight.mul_(2)
    plain = copy.deepcopy(network)
    with torch.no_grad():
        plain[3].weight.mul_(2)
    plain[2] = nn.Identity()
    inputs, labels = torch.randn(9, 5, dtype=torch.float64), torch.arange(9) % 3
    expected = relative_flatness(trained_model(plain, inputs, labels, init=plain))
    assert relative_flatness(trained_model(network, inputs, labels, init=network)) == pytest.approx(expected, rel=1e-10)
