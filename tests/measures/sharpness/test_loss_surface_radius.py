import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from scipy.optimize import brentq

from measures import NotApplicable
from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.perturbations import (
    clean_outcome,
    estimated_crossing,
    filter_draws,
    noisy_outcomes,
)
from measures.sharpness.loss_surface_radius import loss_surface_radius
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.references.loss_surfaces import naive_loss


def test_with_one_input_a_filter_moves_up_or_down_by_its_own_size():
    trained = linear_model([[2.0], [-1.0]], inputs=[[1.0]], labels=[0])
    signs = filter_draws(trained, 8).sign()
    assert filter_draws(trained, 8).abs().flatten().tolist() == pytest.approx([2.0, 1.0] * 8)

    def rise(radius):
        margins = [3 + radius * (2 * a - b) for a, b in signs.tolist()]
        return np.mean([math.log1p(math.exp(-margin)) for margin in margins]) - math.log1p(math.exp(-3))

    exact = brentq(lambda radius: rise(radius) - 1, 0.1, 10)
    assert loss_surface_radius(trained) == pytest.approx(1 / exact, rel=0.02)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_the_mean_loss_along_the_directions_is_up_by_1_at_the_radius(kind):
    trained = small_network(kind, seed=1)
    theta, d = flat_parameters(trained.model), filter_draws(trained, 8)

    def rise(radius):
        losses = [naive_loss(trained, theta + radius * row).item() for row in d]
        return np.mean(losses) - naive_loss(trained, theta).item()

    radius = 1 / loss_surface_radius(trained)
    below, above = (10 ** (f(8 * math.log10(radius)) / 8) for f in (math.floor, math.ceil))
    weight = (math.log(radius) - math.log(below)) / (math.log(above) - math.log(below))
    assert (1 - weight) * rise(below) + weight * rise(above) == pytest.approx(1, rel=1e-5)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_a_basin_is_wider_where_more_of_a_rise_is_allowed(seed):
    trained = random_linear_model(seed, num_classes=3, fitted=True)
    one, two = (loss_surface_radius.function(trained, rise=rise) for rise in (1.0, 2.0))
    assert one > two > 0


@pytest.mark.parametrize("seed", range(4))
def test_sees_only_the_order_of_units(seed):
    assert_sees_only(loss_surface_radius, {"unit_permutation"}, seed)


def test_is_not_applicable_to_weights_of_zero():
    trained = linear_model([[0.0], [0.0]], inputs=[[1.0]], labels=[0])
    with torch.no_grad(), pytest.raises(NotApplicable, match="no more than 1"):
        loss_surface_radius(trained)


def test_its_standard_error_is_that_of_the_radius_over_its_square():
    trained = small_network("mlp", seed=1)

    def rises(radius):
        return noisy_outcomes(trained, radius, "filter").losses - clean_outcome(trained).loss

    radius = estimated_crossing(rises, 1.0, "noise", "the loss", start=0)
    found = loss_surface_radius(trained)
    assert found == pytest.approx(1 / radius, rel=1e-12)
    assert found.standard_error == pytest.approx(radius.standard_error / radius**2, rel=1e-12)
    assert found.standard_error > 0
