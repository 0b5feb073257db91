import copy
import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.curvature.renyi_sharpness import renyi_sharpness
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.references.loss_surfaces import exact_hessian


def negative_entropy(matrix: torch.Tensor) -> float:
    """−H_1.5 of the normalised absolute eigenvalues."""
    values = np.abs(np.linalg.eigvalsh(matrix.numpy()))
    return float(2 * np.log(((values / values.sum()) ** 1.5).sum()))


def explicit(trained) -> float:
    """The mean over the blocks of the whole Hessian."""
    hessian, start, found = exact_hessian(trained), 0, []
    for parameter in trained.model.parameters():
        end = start + parameter.numel()
        if parameter.ndim > 1:
            found.append(negative_entropy(hessian[start:end, start:end]))
        start = end
    return float(np.mean(found))


def test_of_one_direction_is_0_and_of_two_equal_ones_minus_the_logarithm_of_2():
    assert renyi_sharpness(linear_model([[0.0], [0.0]], [[3.0]], [0])) == pytest.approx(0, abs=1e-9)
    trained = linear_model([[0.0, 0.0]] * 2, [[3.0, 0.0], [0.0, 3.0]], [0, 1])
    assert renyi_sharpness(trained) == pytest.approx(-np.log(2), rel=1e-9)


def test_of_eigenvalues_1_and_4_is_the_formula():
    trained = linear_model([[0.0, 0.0]] * 2, [[1.0, 0.0], [0.0, 2.0]], [0, 1])
    assert renyi_sharpness(trained) == pytest.approx(2 * np.log(0.2**1.5 + 0.8**1.5), rel=1e-9)


@pytest.mark.parametrize("size", [5, 13])
def test_is_exact_up_to_40_weights(size):
    trained = random_linear_model(1, num_train=50, size=size, num_classes=3)
    assert renyi_sharpness(trained) == pytest.approx(explicit(trained), rel=1e-8)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
@pytest.mark.parametrize("seed", [0, 1])
def test_of_larger_layers_is_within_a_tenth_of_a_nat_of_the_exact_blocks(kind, seed):
    trained = small_network(kind, seed)
    assert renyi_sharpness(trained) == pytest.approx(explicit(trained), abs=0.1)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_lies_between_minus_the_logarithm_of_the_number_of_weights_and_0(seed):
    trained = random_linear_model(seed, num_train=30, size=4, num_classes=3)
    assert -np.log(12) <= renyi_sharpness(trained) <= 1e-12


def test_the_scale_of_the_loss_does_not_move_it():
    trained = random_linear_model(2)
    model = copy.deepcopy(trained.model)
    with torch.no_grad():
        model.weight /= 3
    scaled = dataclasses.replace(trained, model=model, inputs=3 * trained.inputs)
    assert renyi_sharpness(scaled) == pytest.approx(renyi_sharpness(trained), rel=1e-10)


@pytest.mark.parametrize("seed", [1])
def test_sees_a_permutation_and_folding_and_no_other_change(seed):
    assert_sees_only(renyi_sharpness, {"unit_permutation", "batch_norm_folding"}, seed)


def test_is_not_applicable_where_nothing_curves():
    fitted = linear_model([[1e4], [-1e4]], [[1.0], [2.0]], [0, 0])
    with pytest.raises(NotApplicable, match="does not curve"):
        renyi_sharpness(fitted)
    with pytest.raises(NotApplicable, match="matrix"):
        renyi_sharpness(trained_model(torch.nn.BatchNorm1d(2), torch.ones(2, 2), torch.tensor([0, 1])))


def test_a_layer_that_the_loss_does_not_depend_on_is_left_out():
    trained = random_network("mlp_1x4", seed=1, size=2)
    with_more = copy.deepcopy(trained.model)
    with_more.unused = torch.nn.Linear(3, 3).double()
    with_more.forward = lambda x: torch.nn.Sequential(*list(with_more)[:-1])(x)
    more = dataclasses.replace(trained, model=with_more)
    assert renyi_sharpness(more) == pytest.approx(renyi_sharpness(trained), rel=1e-9)
