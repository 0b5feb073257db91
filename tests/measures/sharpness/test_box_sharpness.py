import math

import pytest

from measures import NotApplicable
from measures.quantities.flat_parameters import flat_parameters
from measures.sharpness.box_sharpness import adaptive_sharpness_linf, keskar_sharpness
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, small_network
from tests.references.loss_surfaces import naive_gradient, naive_loss


def test_weights_3_and_minus_4_lose_8_and_9_shares_of_their_margin():
    trained = linear_model([[3.0], [-4.0]], inputs=[[1.0]], labels=[0])
    before = math.log1p(math.exp(-7))
    keskar = math.log1p(math.exp(-7 + 0.001 * (4 + 5))) - before
    assert keskar_sharpness(trained) == pytest.approx(keskar / (1 + before), rel=1e-9)
    adaptive = math.log1p(math.exp(-7 + 0.01 * 7)) - before
    assert adaptive_sharpness_linf(trained) == pytest.approx(adaptive, rel=1e-9)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
@pytest.mark.parametrize("radius", [0.01, 0.3])
def test_is_the_highest_of_four_corners_up_the_gradient(kind, radius):
    trained = small_network(kind, seed=1)
    theta = flat_parameters(trained.model)
    before = naive_loss(trained, theta).item()
    for measure, width, scale in (
        (keskar_sharpness, theta.abs() + 1, 1 + before),
        (adaptive_sharpness_linf, theta.abs(), 1),
    ):
        losses, point = [before], theta
        for _ in range(4):
            point = theta + radius * width * naive_gradient(trained, point).sign()
            losses.append(naive_loss(trained, point).item())
        expected = (max(losses) - before) / scale
        assert measure.function(trained, radius=radius) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("seed", [0, 1, 4])
def test_keskars_box_sees_all_but_the_order_of_units(seed):
    assert_sees_only(keskar_sharpness, {"layer_rescaling", "batch_norm_folding", "logit_shift"}, seed)


@pytest.mark.parametrize("seed", [0, 1, 4])
def test_a_box_in_proportion_sees_neither_the_scale_of_a_layer_nor_the_order_of_units(seed):
    assert_sees_only(adaptive_sharpness_linf, {"batch_norm_folding", "logit_shift"}, seed)


def test_is_not_applicable_where_no_weight_that_may_move_has_a_gradient():
    without_gradient = linear_model([[1.0], [2.0]], inputs=[[0.0]], labels=[0])
    of_zeros = linear_model([[0.0], [0.0]], inputs=[[1.0]], labels=[0])
    for trained in (without_gradient, of_zeros):
        with pytest.raises(NotApplicable, match="direction"):
            adaptive_sharpness_linf(trained)
    with pytest.raises(NotApplicable, match="direction"):
        keskar_sharpness(without_gradient)
    assert keskar_sharpness(of_zeros) > 0
