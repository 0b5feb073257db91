import math

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.norms.path_norm import path_norm, path_norm_l1
from measures.norms.path_norm_15 import path_norm_15, path_norm_15_over_margin
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model
from tests.builders.spectral_networks import with_last_layer_scaled
from tests.references.dense_networks import dense_layers, tenth_percentile_of_margins
from tests.references.paths import enumerated, linear, norm_of


def test_of_weights_4_and_9_on_two_paths_is_35_to_the_power_of_two_thirds():
    assert norm_of(linear([[4.0, -9.0]]), 2, measure=path_norm_15) == pytest.approx((8 + 27) ** (2 / 3), rel=1e-12)


def test_an_average_pooling_has_weights_of_one_over_its_window():
    network = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), linear([[4.0]]))
    expected = (4 * (4 * 1 / 4) ** 1.5) ** (2 / 3)
    assert norm_of(network, 1, 2, 2, measure=path_norm_15) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["mlp_1x4", "mlp_3x4"])
@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_sum_over_all_paths_one_by_one(name, seed):
    trained = random_network(name, seed)
    expected, _ = enumerated(dense_layers(trained.model, (1, 6, 6)), power=1.5)
    assert path_norm_15(trained) == pytest.approx(expected, rel=1e-10)
    over_margin = expected / tenth_percentile_of_margins(trained)
    assert path_norm_15_over_margin(trained) == pytest.approx(over_margin, rel=1e-9)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_lies_between_those_of_the_powers_2_and_1(seed):
    trained = random_network("mlp_3x4", seed)
    assert path_norm(trained) <= path_norm_15(trained) <= path_norm_l1(trained)


@settings(deadline=None, max_examples=10)
@given(st.lists(st.floats(-100, 100).filter(lambda w: abs(w) > 1e-3), min_size=1, max_size=6))
def test_of_a_single_path_is_the_absolute_product_of_its_weights(weights):
    network = nn.Sequential(*(module for w in weights for module in (linear([[w]]), nn.ReLU())))
    assert norm_of(network, 1, measure=path_norm_15) == pytest.approx(abs(math.prod(weights)), rel=1e-12)


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_over_the_margin_does_not_see_the_scale_of_a_network_without_biases(factor):
    trained = random_network("mlp_2x5", seed=1)
    for name, parameter in trained.model.named_parameters():
        parameter.data.mul_(0 if name.endswith("bias") else 1)
    labelled = linear_model([[1.0], [0.0]], inputs=[[2.0]], labels=[0])
    assert path_norm_15_over_margin(labelled) == pytest.approx(0.5, rel=1e-9)
    scaled = with_last_layer_scaled(trained, factor)
    assert path_norm_15(scaled) == pytest.approx(factor * path_norm_15(trained), rel=1e-9)


def test_is_not_applicable_over_a_margin_of_minus_2():
    with pytest.raises(NotApplicable, match="γ = -2"):
        path_norm_15_over_margin(linear_model([[1.0], [0.0]], inputs=[[-2.0]], labels=[0]))


@pytest.mark.slow
@settings(deadline=None, max_examples=3)
@given(st.integers(0, 1000), st.sampled_from([path_norm_15, path_norm_15_over_margin]))
def test_see_only_the_last_bias_among_changes_that_leave_the_predictions_as_they_are(seed, measure):
    assert_sees_only(measure, {"logit_shift"}, seed)
