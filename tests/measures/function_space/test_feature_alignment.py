import copy
import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.function_space.feature_alignment import feature_alignment
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import linear_model, two_layers


def test_of_weights_1_and_2_read_with_weights_3_and_1_is_worked_out_by_hand():
    # Both units are on: W = diag(1, 2), b = (3, 1) for the first logit; G = Wᵀ b bᵀ W with Wᵀ b = (3, 2).
    trained = two_layers([[1.0, 0.0], [0.0, 2.0]], [[3.0, 1.0], [0.0, 0.0]], inputs=[[1.0, 1.0]], labels=[0])
    product = 1 * 9 + 4 * 4  # of diag(1, 4) and [[9, 6], [6, 4]]
    assert feature_alignment(trained) == pytest.approx(-product / (np.sqrt(17) * 13), rel=1e-12)


def naive(trained) -> float:
    """The network cut before each hidden layer, whose input's Jacobian is taken one example at a time."""
    layers, cosines = [i for i, m in enumerate(trained.model) if isinstance(m, nn.Linear)], []
    for place in layers[:-1]:
        matrix, (before, after) = 0, (trained.model[:place], trained.model[place:])
        for x in trained.inputs:
            h = before(x[None]).detach()
            jacobian = torch.autograd.functional.jacobian(after, h)[0, :, 0].numpy()
            matrix = matrix + jacobian.T @ jacobian / len(trained.inputs)
        weight = trained.model[place].weight.detach().numpy()
        features = weight.T @ weight
        cosines.append((features * matrix).sum() / np.linalg.norm(features) / np.linalg.norm(matrix))
    return -float(np.mean(cosines))


@pytest.mark.parametrize("seed", [0, 1])
def test_of_an_mlp_is_the_cosine_with_explicit_outer_products(seed):
    trained = random_network("mlp_3x5", seed, size=4)
    assert feature_alignment(trained) == pytest.approx(naive(trained), rel=1e-9)


def test_of_a_convolution_sums_over_its_patches():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2)).double()
    inputs = torch.randn(4, 1, 3, 3, dtype=torch.float64)
    trained = trained_model(network, inputs, torch.tensor([0, 1, 0, 1]))
    patches = nn.functional.unfold(inputs, 2).transpose(1, 2)  # (4, positions, 4)
    weight = network[0].weight.detach().flatten(1)

    def of_patches(p):  # (positions, 4) to the logits
        return network[3](torch.relu(p @ weight.T + network[0].bias).T.reshape(1, -1))[0]

    matrix = 0
    for p in patches:
        jacobian = torch.autograd.functional.jacobian(of_patches, p).flatten(0, 1)  # (2 · positions, 4)
        matrix = matrix + jacobian.T @ jacobian
    features = weight.T @ weight
    expected = -float((features * matrix).sum() / features.norm() / matrix.norm())
    assert feature_alignment(trained) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_lies_between_minus_1_and_0(seed):
    assert -1 <= feature_alignment(random_network("mlp_2x5", seed)) <= 0


def test_of_a_hidden_layer_of_one_unit_is_minus_1():
    assert feature_alignment(random_network("mlp_1x1", seed=3)) == pytest.approx(-1, rel=1e-12)


@pytest.mark.slow
@settings(deadline=None, max_examples=3)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(feature_alignment, set(), seed)


def test_is_not_applicable_to_one_layer_groups_or_weights_of_zero():
    with pytest.raises(NotApplicable, match="one layer"):
        feature_alignment(linear_model([[1.0], [0.0]], [[1.0]], [0]))
    grouped = nn.Sequential(nn.Conv2d(2, 2, 1, groups=2), nn.Flatten(), nn.Linear(2, 2))
    with pytest.raises(NotApplicable, match="groups"):
        feature_alignment(trained_model(grouped, torch.ones(2, 2, 1, 1), torch.tensor([0, 1])))
    trained = random_network("mlp_2x5", seed=0)
    model = copy.deepcopy(trained.model)
    with torch.no_grad():
        model[3].weight.zero_()
    with pytest.raises(NotApplicable, match="zero"):
        feature_alignment(dataclasses.replace(trained, model=model))
