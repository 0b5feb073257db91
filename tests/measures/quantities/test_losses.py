import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures.quantities import losses
from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.losses import hessian_times, loss_and_gradient, mean_loss, train_error
from tests.builders.models import trained_model
from tests.builders.small_networks import linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found
from tests.references.loss_surfaces import exact_hessian, naive_gradient, naive_loss

KINDS = ["mlp", "convnet", "convnet_bn"]


def moved(trained, seed):
    generator = torch.Generator().manual_seed(seed)
    theta = flat_parameters(trained.model)
    return theta + 0.1 * torch.randn(theta.shape, generator=generator, dtype=theta.dtype)


def test_two_equal_logits_lose_log_2_with_gradient_a_half_and_curvature_a_quarter():
    trained = linear_model([[0.0], [0.0]], inputs=[[1.0]], labels=[0])
    loss, gradient = loss_and_gradient(trained, flat_parameters(trained.model))
    assert loss == mean_loss(trained, flat_parameters(trained.model)) == pytest.approx(math.log(2), rel=1e-12)
    assert gradient.tolist() == pytest.approx([-0.5, 0.5])
    curvature = hessian_times(trained, torch.eye(2, dtype=torch.float64))
    assert curvature.flatten().tolist() == pytest.approx([0.25, -0.25, -0.25, 0.25])


def test_swapping_the_weights_of_two_classes_misclassifies_what_was_right():
    trained = linear_model([[1.0], [-1.0]], inputs=[[1.0], [2.0], [3.0], [-1.0]], labels=[0, 0, 1, 1])
    assert train_error(trained, flat_parameters(trained.model)) == 1 / 4
    assert train_error(trained, torch.tensor([-1.0, 1.0], dtype=torch.float64)) == 3 / 4


@pytest.mark.parametrize("kind", KINDS)
def test_loss_and_gradient_are_those_of_a_copy_with_the_parameters_written_into_it(kind):
    trained = small_network(kind, seed=1)
    theta = moved(trained, seed=2)
    loss, gradient = loss_and_gradient(trained, theta)
    assert loss == pytest.approx(naive_loss(trained, theta).item(), rel=1e-12)
    assert mean_loss(trained, theta) == pytest.approx(loss, rel=1e-12)
    torch.testing.assert_close(gradient, naive_gradient(trained, theta), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_hessian_times_the_identity_is_the_exact_hessian(kind):
    trained = small_network(kind, seed=3)
    identity = torch.eye(len(flat_parameters(trained.model)), dtype=torch.float64)
    torch.testing.assert_close(hessian_times(trained, identity), exact_hessian(trained), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_may_be_taken_in_chunks_of_any_size(kind, monkeypatch):
    trained = small_network(kind, seed=4)
    theta = moved(trained, seed=5)

    def everything():
        loss, gradient = loss_and_gradient(trained, theta)
        products = hessian_times(trained, theta[None])[0]
        return torch.stack([*gradient, *products, torch.tensor(loss), torch.tensor(mean_loss(trained, theta))])

    whole, error = everything(), train_error(trained, theta)
    monkeypatch.setattr(losses, "CHUNK", 7)
    torch.testing.assert_close(everything(), whole, rtol=1e-10, atol=1e-13)
    assert train_error(trained, theta) == error


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.sampled_from(KINDS))
def test_a_product_is_the_change_of_the_gradient_along_the_vector(seed, kind):
    trained = small_network(kind, seed)
    theta = flat_parameters(trained.model)
    vector = torch.randn(theta.shape, generator=torch.Generator().manual_seed(seed), dtype=theta.dtype)
    step = 1e-6 * vector / vector.norm()
    change = (loss_and_gradient(trained, theta + step)[1] - loss_and_gradient(trained, theta - step)[1]) / 2
    product = hessian_times(trained, step[None])[0]
    assert (product - change).norm() <= 1e-5 * product.norm()


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.sampled_from(KINDS))
def test_the_hessian_is_symmetric(seed, kind):
    trained = small_network(kind, seed)
    generator = torch.Generator().manual_seed(seed)
    u, v = torch.randn(2, len(flat_parameters(trained.model)), generator=generator, dtype=torch.float64)
    products = hessian_times(trained, torch.stack([u, v]))
    assert float(v @ products[0]) == pytest.approx(float(u @ products[1]), rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_leaves_the_model_its_gradients_and_the_random_state_as_found(kind):
    def everything(trained):
        theta = moved(trained, seed=6)
        loss_and_gradient(trained, theta)
        mean_loss(trained, theta)
        train_error(trained, theta)
        hessian_times(trained, theta[None])

    assert_leaves_all_as_found(everything, small_network(kind, seed=6))


def test_writing_into_the_flat_parameters_leaves_the_model_as_it_was():
    trained = linear_model([[3.0], [4.0]], inputs=[[1.0]], labels=[0])
    flat_parameters(trained.model).zero_()
    assert trained.model.weight.tolist() == [[3.0], [4.0]]


def test_frozen_parameters_and_a_callers_no_grad_make_no_difference():
    trained = small_network("convnet_bn", seed=7)
    theta = moved(trained, seed=8)
    gradient, product = loss_and_gradient(trained, theta)[1], hessian_times(trained, theta[None])
    trained.model.requires_grad_(False)
    with torch.no_grad():
        assert torch.equal(loss_and_gradient(trained, theta)[1], gradient)
        assert torch.equal(hessian_times(trained, theta[None]), product)


def test_a_weight_used_twice_is_one_parameter_with_the_sum_of_both_gradients():
    first, second = nn.Linear(1, 1, bias=False).double(), nn.Linear(1, 2, bias=False).double()
    again = nn.Linear(1, 1, bias=False).double()
    again.weight = first.weight
    with torch.no_grad():
        first.weight.fill_(2)
        second.weight.copy_(torch.tensor([[1.0], [0.0]]))
    inputs = torch.ones(1, 1, dtype=torch.float64)
    trained = trained_model(nn.Sequential(first, again, second), inputs, torch.tensor([0]))
    theta = flat_parameters(trained.model)
    assert theta.tolist() == [2, 1, 0]
    # the logits are w²a and w²b, so dL/dw = -(1 - p) 2w(a - b) with p the probability of the label
    p = 1 / (1 + math.exp(-4))
    expected = [-(1 - p) * 4, -(1 - p) * 4, (1 - p) * 4]
    assert loss_and_gradient(trained, theta)[1].tolist() == pytest.approx(expected, rel=1e-10)


def test_all_is_computed_in_the_precision_of_the_model():
    trained = trained_model(nn.Linear(3, 2), torch.ones(4, 3), torch.tensor([0, 1, 0, 1]))
    theta = flat_parameters(trained.model)
    assert theta.dtype == loss_and_gradient(trained, theta)[1].dtype == torch.float32
    assert hessian_times(trained, theta[None]).dtype == torch.float32
