import math

import pytest
import torch

from measures import NotApplicable
from measures.quantities.perturbations import noise_draws
from measures.sharpness.average_sharpness import average_sharpness
from measures.sharpness.local_entropy import BETA, WIDTH, free_energy, local_entropy
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found


@pytest.mark.parametrize("curvature", [0.1, 1.0, 5.0])
def test_of_a_parabola_in_2000_dimensions_is_half_the_logarithm_of_its_widening(curvature):
    theta = torch.zeros(2000, dtype=torch.float64)

    def loss_and_gradient(point):
        return curvature * float(point.square().sum()) / 2, curvature * point

    at_first = curvature * 2000 * WIDTH**2 / 2
    found = free_energy(loss_and_gradient, theta, at_first, torch.Generator().manual_seed(0))
    exact = 2000 * math.log1p(BETA * curvature * WIDTH**2) / (2 * BETA)
    assert found == pytest.approx(exact, rel=0.05)


def test_of_a_slope_is_its_height_less_half_its_square_times_beta_and_the_variance():
    slope = torch.full((10,), 0.5, dtype=torch.float64)

    def loss_and_gradient(point):
        return 3 + float(slope @ point), slope

    energies = [
        free_energy(loss_and_gradient, 0 * slope, 3.0, torch.Generator().manual_seed(seed)) for seed in range(60)
    ]
    exact = 3 - BETA * WIDTH**2 * float(slope @ slope) / 2
    assert sum(energies) / 60 == pytest.approx(exact, abs=0.02)


def test_where_all_neighbours_lose_as_much_is_that_loss():
    trained = linear_model([[1.0], [0.0]], inputs=[[0.0]], labels=[0])
    assert local_entropy(trained) == pytest.approx(math.log(2), rel=1e-12)


def test_with_one_weight_it_is_near_the_average_loss_when_noise_hardly_changes_it():
    trained = linear_model([[1.0], [0.0]], inputs=[[0.01]], labels=[0])
    assert noise_draws(trained, 8).abs().max() < 5
    average = average_sharpness(trained) + math.log1p(math.exp(-0.01))
    assert local_entropy(trained) == pytest.approx(average, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_sees_every_change_but_a_shift_of_the_logits(seed):
    assert_sees_only(local_entropy, {"layer_rescaling", "unit_permutation", "batch_norm_folding"}, seed)


def test_leaves_the_model_its_gradients_and_the_random_state_as_found():
    assert_leaves_all_as_found(local_entropy, small_network("convnet_bn", seed=4))


def test_a_chain_that_diverges_is_said():
    def loss_and_gradient(point):
        return 1e30 * float(point.square().sum()), 2e30 * point

    with pytest.raises(NotApplicable, match="the chain left the finite numbers: its steps are too long"):
        free_energy(loss_and_gradient, torch.zeros(3), 1.0, torch.Generator().manual_seed(0))
