import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.curvature.hessian_trace import hessian_trace, trace_and_standard_error
from measures.quantities.flat_parameters import flat_parameters
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found
from tests.references.loss_surfaces import exact_hessian

KINDS = ["mlp", "convnet", "convnet_bn"]


def test_of_two_equal_logits_on_the_input_3_is_half_of_9():
    trained = linear_model([[0.0], [0.0]], inputs=[[3.0]], labels=[0])  # p(1 - p)x² for each weight
    assert trace_and_standard_error(trained) == (pytest.approx(4.5, rel=1e-12), 0)


@pytest.mark.parametrize("num_classes, size", [(2, 5), (2, 20)])  # 10 and 40 parameters
def test_is_exact_when_there_are_no_more_parameters_than_products(num_classes, size):
    trained = random_linear_model(1, num_train=50, size=size, num_classes=num_classes)
    estimate, standard_error = trace_and_standard_error(trained)
    assert standard_error == 0
    assert estimate == pytest.approx(exact_hessian(trained).trace().item(), rel=1e-10)


def test_is_exact_when_the_probes_span_the_range_of_the_hessian():
    trained = random_linear_model(2, num_train=10, size=60)  # 120 parameters, rank 10
    estimate, standard_error = trace_and_standard_error(trained)
    assert estimate == pytest.approx(exact_hessian(trained).trace().item(), rel=1e-10)
    assert standard_error < 1e-10 * estimate


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_is_within_4_standard_errors_of_the_exact_trace(kind, seed):
    trained = small_network(kind, seed)
    exact = exact_hessian(trained).trace().item()
    estimate, standard_error = trace_and_standard_error(trained)
    assert hessian_trace(trained) == estimate
    assert abs(estimate - exact) < 4 * standard_error


@pytest.mark.parametrize("seed", range(4))
def test_of_a_convex_loss_comes_with_a_standard_error_below_a_tenth(seed):
    trained = random_linear_model(seed, num_train=80, size=60, num_classes=3)
    exact = exact_hessian(trained).trace().item()
    estimate, standard_error = trace_and_standard_error(trained)
    assert 0 < standard_error < 0.1 * exact
    assert abs(estimate - exact) < 4 * standard_error


@pytest.mark.slow
def test_the_standard_error_is_the_spread_of_the_estimate_over_seeds():
    trained = small_network("convnet_bn", seed=5)
    exact = exact_hessian(trained).trace().item()
    runs = [trace_and_standard_error(dataclasses.replace(trained, seed=seed)) for seed in range(40)]
    estimates, standard_errors = torch.tensor(runs, dtype=torch.float64).T
    errors = estimates - exact
    assert abs(errors.mean()) < 4 * errors.std() / len(runs) ** 0.5  # unbiased
    assert 0.65 < errors.square().mean().sqrt() / standard_errors.square().mean().sqrt() < 1.5


@pytest.mark.parametrize("name", ["mlp_1x64", "convnet", "convnet_bn"])
def test_of_a_relu_network_is_that_of_the_gauss_newton_matrix(name):
    trained = random_network(name, seed=6)
    with torch.no_grad():
        trained.model[-1].weight *= 30  # its labels are its predictions: surer of them, it fits
    parameters = {key: value.detach() for key, value in trained.model.named_parameters()}
    trace = 0.0
    for x in trained.inputs:  # a ReLU network is piecewise linear in each weight: no diagonal term of its own

        def logits(values, x=x):
            return torch.func.functional_call(trained.model, values, x[None])[0]

        jacobian = torch.cat([j.flatten(1) for j in torch.func.jacrev(logits)(parameters).values()], dim=1)
        p = logits(parameters).softmax(dim=0)
        trace += torch.einsum("ap,ab,bp->", jacobian, p.diag() - p.outer(p), jacobian).item() / len(trained.inputs)
    estimate, standard_error = trace_and_standard_error(trained)
    assert abs(estimate - trace) < 4 * standard_error
    assert standard_error < 0.2 * trace


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.sampled_from(KINDS))
def test_is_the_same_for_the_training_set_twice_over(seed, kind):
    trained = small_network(kind, seed)
    twice = dataclasses.replace(trained, inputs=trained.inputs.repeat(2, 1, 1, 1), labels=trained.labels.repeat(2))
    assert hessian_trace(twice) == pytest.approx(hessian_trace(trained), rel=1e-9)


def test_of_a_loss_that_no_weight_changes_is_zero():
    trained = random_linear_model(7, size=40)
    trained.inputs.zero_()
    assert trace_and_standard_error(trained) == (0, 0)
    assert len(flat_parameters(trained.model)) > 40


@pytest.mark.parametrize("seed", [1, 2])
def test_sees_every_change_but_a_shift_of_the_logits(seed):
    assert_sees_only(hessian_trace, {"layer_rescaling", "unit_permutation", "batch_norm_folding"}, seed)


@pytest.mark.parametrize("kind", KINDS)
def test_leaves_the_model_its_gradients_and_the_random_state_as_found(kind):
    assert_leaves_all_as_found(hessian_trace, small_network(kind, seed=8))


def test_the_value_tells_its_standard_error():
    trained = small_network("mlp", seed=0)
    value = hessian_trace(trained)
    assert (value, value.standard_error) == trace_and_standard_error(trained)
    assert value.standard_error > 0
