import copy
import dataclasses

import pytest
import torch

from measures.curvature.hessian_frobenius import hessian_frobenius
from measures.quantities.hessian_spectrum import hessian_spectrum
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.references.loss_surfaces import exact_hessian


def test_of_two_equal_logits_on_the_input_3_is_half_of_9():
    trained = linear_model([[0.0], [0.0]], inputs=[[3.0]], labels=[0])  # 9/4 [[1, -1], [-1, 1]]
    assert hessian_frobenius(trained) == pytest.approx(4.5, rel=1e-12)


@pytest.mark.parametrize("size", [5, 20])
def test_is_exact_up_to_40_parameters(size):
    trained = random_linear_model(1, num_train=50, size=size)
    assert hessian_frobenius(trained) == pytest.approx(exact_hessian(trained).norm().item(), rel=1e-10)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_of_larger_networks_is_within_5_percent_of_the_exact_hessians(kind):
    trained = small_network(kind, seed=0)
    assert hessian_frobenius(trained) == pytest.approx(exact_hessian(trained).norm().item(), rel=0.05)


def test_scaling_inputs_by_3_and_weights_by_a_third_multiplies_it_by_9():
    trained = random_linear_model(2)
    model = copy.deepcopy(trained.model)
    with torch.no_grad():
        model.weight /= 3
    scaled = dataclasses.replace(trained, model=model, inputs=3 * trained.inputs)
    assert hessian_frobenius(scaled) == pytest.approx(9 * hessian_frobenius(trained), rel=1e-10)


@pytest.mark.parametrize("seed", [1])
def test_sees_every_change_but_a_shift_of_the_logits(seed):
    assert_sees_only(hessian_frobenius, {"layer_rescaling", "unit_permutation", "batch_norm_folding"}, seed)


def test_its_standard_error_is_that_of_the_square_over_twice_the_norm():
    trained = small_network("mlp", seed=0)
    square, error = hessian_spectrum(trained).total(lambda eigenvalues: eigenvalues.square())
    assert hessian_frobenius(trained).standard_error == pytest.approx(error / (2 * square**0.5), rel=1e-12)
    assert error > 0
    assert hessian_frobenius(random_linear_model(0)).standard_error == 0  # of 10 weights every eigenvalue is found
