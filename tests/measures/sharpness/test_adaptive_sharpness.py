import copy
import dataclasses
import itertools
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.losses import mean_loss
from measures.sharpness.adaptive_sharpness import adaptive_sharpness
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found
from tests.references.loss_surfaces import exact_hessian, naive_gradient, naive_loss

KINDS = ["mlp", "convnet", "convnet_bn"]


def at_the_minimum(seed):
    """A linear model on random labels at the minimum of its loss, by Newton's method."""
    trained = random_linear_model(seed, num_train=60, num_classes=3)
    theta = torch.zeros_like(flat_parameters(trained.model))
    for _ in range(10):
        with torch.no_grad():
            trained.model.weight.copy_(theta.view(trained.model.weight.shape))
        theta = theta - torch.linalg.pinv(exact_hessian(trained)) @ naive_gradient(trained, theta)
    return trained


def test_weights_3_and_minus_4_lose_5_rho_of_their_margin():
    trained = linear_model([[3.0], [-4.0]], inputs=[[1.0]], labels=[0])
    expected = math.log1p(math.exp(-7 + 5 * 0.5)) - math.log1p(math.exp(-7))
    assert adaptive_sharpness(trained) == pytest.approx(expected, rel=1e-9)


def test_a_weight_of_zero_stays_zero():
    trained = linear_model([[3.0], [0.0]], inputs=[[1.0]], labels=[0])
    expected = math.log1p(math.exp(-3 + 3 * 0.5)) - math.log1p(math.exp(-3))
    assert adaptive_sharpness(trained) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_with_two_weights_is_the_highest_point_of_the_ellipse(seed):
    trained = random_linear_model(seed, size=1)
    theta = flat_parameters(trained.model)
    angles = torch.linspace(0, 2 * math.pi, 2001, dtype=torch.float64)
    u = 0.5 * torch.stack([angles.cos(), angles.sin()], dim=1)
    highest = max(mean_loss(trained, theta + theta.abs() * point) for point in u)
    found = adaptive_sharpness.function(trained, radius=0.5, steps=100)
    assert found == pytest.approx(highest - mean_loss(trained, theta), rel=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_at_a_minimum_is_half_the_top_eigenvalue_of_the_rescaled_hessian_times_the_squared_radius(seed):
    trained = at_the_minimum(seed)
    scale = flat_parameters(trained.model).abs()
    top = torch.linalg.eigvalsh(scale[:, None] * exact_hessian(trained) * scale)[-1].item()
    found = adaptive_sharpness.function(trained, radius=1e-3, steps=300)
    assert found == pytest.approx(1e-6 * top / 2, rel=1e-2)


@pytest.mark.parametrize("seed", range(10))
def test_at_a_minimum_ten_steps_rise_above_the_average_direction(seed):
    trained = at_the_minimum(seed)
    theta = flat_parameters(trained.model)
    u = torch.randn(300, len(theta), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    points = theta + theta.abs() * 0.05 * u / u.norm(dim=1, keepdim=True)
    average = sum(mean_loss(trained, point) for point in points) / len(points) - mean_loss(trained, theta)
    assert adaptive_sharpness.function(trained, radius=0.05) > average > 0


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.sampled_from(KINDS), st.floats(0.01, 3))
def test_is_never_below_the_single_step_of_asam_nor_below_zero(seed, kind, radius):
    trained = small_network(kind, seed)
    theta = flat_parameters(trained.model)
    g = naive_gradient(trained, theta)
    step = radius * theta**2 * g / (theta.abs() * g).norm()
    single = (naive_loss(trained, theta + step) - naive_loss(trained, theta)).item()
    assert adaptive_sharpness.function(trained, radius=radius) >= max(single, 0) - 1e-12


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.floats(0.01, 3))
def test_on_a_convex_loss_no_step_goes_down(seed, radius):
    trained = random_linear_model(seed)
    found = [adaptive_sharpness.function(trained, radius=radius, steps=steps) for steps in (1, 2, 4, 8)]
    assert all(after >= before - 1e-12 for before, after in itertools.pairwise(found))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.floats(0.01, 3), st.floats(1.01, 3))
def test_of_one_example_grows_with_the_radius(seed, radius, factor):
    trained = random_linear_model(seed, num_train=1)
    near, far = (adaptive_sharpness.function(trained, radius=r) for r in (radius, factor * radius))
    assert far > near > 0


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.integers(-10, 10))
def test_a_layer_times_a_power_of_2_and_the_next_divided_by_it_change_nothing(seed, power):
    trained = small_network("mlp", seed)
    model = copy.deepcopy(trained.model)
    with torch.no_grad():
        model[1].weight *= 2.0**power
        model[1].bias *= 2.0**power
        model[3].weight /= 2.0**power
    rescaled = adaptive_sharpness(dataclasses.replace(trained, model=model))
    assert rescaled == pytest.approx(adaptive_sharpness(trained), rel=1e-12)


@pytest.mark.parametrize("seed", [0, 1, 2, 4])
def test_sees_neither_the_scale_of_a_layer_nor_the_order_of_units(seed):
    assert_sees_only(adaptive_sharpness, {"batch_norm_folding", "logit_shift"}, seed)


@pytest.mark.parametrize("weight, inputs", [([[1.0], [2.0]], [[0.0]]), ([[0.0], [0.0]], [[1.0]])])
def test_is_not_applicable_where_gradient_or_weights_are_zero(weight, inputs):
    with pytest.raises(NotApplicable, match="direction"):
        adaptive_sharpness(linear_model(weight, inputs, labels=[0]))


@pytest.mark.parametrize("kind", KINDS)
def test_leaves_the_model_its_gradients_and_the_random_state_as_found(kind):
    assert_leaves_all_as_found(adaptive_sharpness, small_network(kind, seed=2))
