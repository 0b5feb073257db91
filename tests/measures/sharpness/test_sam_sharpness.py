import math

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from measures import NotApplicable
from measures.quantities.flat_parameters import flat_parameters
from measures.sharpness.sam_sharpness import sam_sharpness
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found
from tests.references.loss_surfaces import naive_gradient, naive_loss

KINDS = ["mlp", "convnet", "convnet_bn"]


def test_a_step_of_length_rho_shrinks_a_margin_of_1_by_root_2_rho():
    trained = linear_model([[1.0], [0.0]], inputs=[[1.0]], labels=[0])
    expected = math.log1p(math.exp(-1 + math.sqrt(2) * 0.05)) - math.log1p(math.exp(-1))
    assert sam_sharpness(trained) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("radius", [0.05, 0.7])
def test_is_the_loss_a_step_up_the_gradient_minus_the_loss(kind, radius):
    trained = small_network(kind, seed=1)
    theta = flat_parameters(trained.model)
    g = naive_gradient(trained, theta)
    expected = naive_loss(trained, theta + radius * g / g.norm()) - naive_loss(trained, theta)
    assert sam_sharpness.function(trained, radius=radius) == pytest.approx(expected.item(), rel=1e-9)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.sampled_from(KINDS))
def test_a_tiny_step_rises_by_its_length_times_the_norm_of_the_gradient(seed, kind):
    trained = small_network(kind, seed)
    slope = naive_gradient(trained, flat_parameters(trained.model)).norm().item()
    assert sam_sharpness.function(trained, radius=1e-5) / 1e-5 == pytest.approx(slope, rel=1e-2)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.floats(1e-3, 5), st.floats(1.01, 5))
def test_on_a_convex_loss_is_positive_and_grows_faster_than_the_radius(seed, radius, factor):
    trained = random_linear_model(seed)
    near, far = (sam_sharpness.function(trained, radius=r) for r in (radius, factor * radius))
    assert 0 < near
    assert factor * near <= far * (1 + 1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2, 4])
def test_sees_neither_the_order_of_units_nor_a_shift_of_the_logits(seed):
    assert_sees_only(sam_sharpness, {"layer_rescaling", "batch_norm_folding"}, seed)


def test_is_not_applicable_where_the_gradient_is_zero():
    trained = linear_model([[1.0, 2.0], [3.0, 4.0]], inputs=[[0.0, 0.0]], labels=[0])
    with pytest.raises(NotApplicable, match="gradient"):
        sam_sharpness(trained)


@pytest.mark.parametrize("kind", KINDS)
def test_leaves_the_model_its_gradients_and_the_random_state_as_found(kind):
    assert_leaves_all_as_found(sam_sharpness, small_network(kind, seed=2))
