import dataclasses
import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from harness.losses import flat_parameters
from harness.perturbations import initial_parameters, tolerated_noise_std, tolerated_radius
from measures.pac_bayes.pac_bayes import (
    noise_within,
    pac_bayes_init,
    pac_bayes_orig,
    sharpness_init,
    sharpness_orig,
)
from measures.pac_bayes.pac_bayes_magnitude import (
    pac_bayes_magnitude_init,
    pac_bayes_magnitude_orig,
    sharpness_magnitude_init,
    sharpness_magnitude_orig,
)
from tests.equivalent import assert_sees_only
from tests.loss_surface import linear_model
from tests.models import random_network

EVERYTHING = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}


def with_init(trained, init):
    with torch.no_grad():
        trained.init.weight.copy_(torch.tensor(init))
    return trained


def test_weights_2_and_1_that_began_at_1_and_1_are_root_5_from_the_origin_and_1_from_where_they_began():
    trained = with_init(linear_model([[2.0], [1.0]], inputs=[[1.0]], labels=[0]), [[1.0], [1.0]])
    sigma = tolerated_noise_std(trained, "isotropic")
    rest = math.log(1 / sigma) + 10
    assert pac_bayes_orig(trained) == pytest.approx(5 / (4 * sigma**2) + rest, rel=1e-12)
    assert pac_bayes_init(trained) == pytest.approx(1 / (4 * sigma**2) + rest, rel=1e-12)
    sigma = tolerated_radius(trained, "isotropic") / math.sqrt(2 * math.log(4))
    rest = math.log(1 / sigma) + 10
    assert sharpness_orig(trained) == pytest.approx(5 / (4 * sigma**2) + rest, rel=1e-12)
    assert sharpness_init(trained) == pytest.approx(1 / (4 * sigma**2) + rest, rel=1e-12)


def divergence(theta, variances, prior, prior_variances):
    return kl_divergence(Normal(theta, variances.sqrt()), Normal(prior, prior_variances.sqrt())).sum().item()


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet_bn"])
def test_the_distance_is_half_the_divergence_between_two_spheres_of_noise(name):
    trained = random_network(name, seed=1, size=4)
    sigma = tolerated_noise_std(trained, "isotropic")
    theta, start = flat_parameters(trained), initial_parameters(trained)
    variances = torch.full_like(theta, sigma**2)
    for measure, prior in ((pac_bayes_init, start), (pac_bayes_orig, 0 * start)):
        expected = divergence(theta, variances, prior, variances) / 2 + math.log(20 / sigma) + 10
        assert measure(trained) == pytest.approx(expected, rel=1e-9)


def test_the_sum_over_changes_is_half_the_smallest_divergence_from_a_sphere_around_the_start():
    trained = random_network("mlp_2x5", seed=2, size=4)
    theta, start = flat_parameters(trained), initial_parameters(trained)
    for measure, sigma in (
        (pac_bayes_magnitude_init, tolerated_noise_std(trained, "relative")),
        (sharpness_magnitude_init, noise_within(trained, tolerated_radius(trained, "relative"))),
    ):
        variances = 1e-6 + sigma**2 * (theta - start) ** 2
        tried = torch.logspace(-2, 1, 1001, dtype=torch.float64)
        smallest = min(divergence(theta, variances, start, v.expand_as(theta)) for v in tried)
        assert measure(trained) == pytest.approx(smallest / 2 + math.log(20 / sigma) + 10, rel=1e-4)


def naive_magnitude(theta, start, from_prior, sigma, num_train):
    total = 0.0
    for i in range(len(theta)):
        numerator = 1e-6 + (sigma**2 + 1) * sum(d**2 for d in from_prior) / len(theta)
        total += math.log(numerator / (1e-6 + sigma**2 * (theta[i] - start[i]) ** 2))
    return total / 4 + math.log(num_train / sigma) + 10


def test_the_magnitude_formula_of_two_weights_is_written_out():
    trained = with_init(linear_model([[2.0], [1.0]], inputs=[[1.0]], labels=[0]), [[1.0], [1.0]])
    for orig, init, sigma in (
        (pac_bayes_magnitude_orig, pac_bayes_magnitude_init, tolerated_noise_std(trained, "relative")),
        (
            sharpness_magnitude_orig,
            sharpness_magnitude_init,
            tolerated_radius(trained, "relative") / math.sqrt(2 * math.log(4)),
        ),
    ):
        assert orig(trained) == pytest.approx(naive_magnitude([2, 1], [1, 1], [2, 1], sigma, 1), rel=1e-9)
        assert init(trained) == pytest.approx(naive_magnitude([2, 1], [1, 1], [1, 0], sigma, 1), rel=1e-9)


def test_noise_within_a_box_stays_inside_in_more_than_half_of_all_draws():
    trained = random_network("mlp_1x8", seed=0, size=4)
    p = len(flat_parameters(trained))
    z = torch.randn(2000, p, generator=torch.Generator().manual_seed(0)) * noise_within(trained, 0.3)
    inside = (z.abs() <= 0.3).all(dim=1).double().mean().item()
    assert 0.5 <= inside < 0.95


def test_a_model_that_never_moved_is_at_no_distance_from_its_start():
    trained = random_network("mlp_1x8", seed=1, size=4)
    trained = dataclasses.replace(trained, init=trained.model)
    sigma = tolerated_noise_std(trained, "isotropic")
    assert pac_bayes_init(trained) == pytest.approx(math.log(20 / sigma) + 10, rel=1e-12)
    sigma = tolerated_noise_std(trained, "relative")
    assert pac_bayes_magnitude_init(trained) == pytest.approx(math.log(20 / sigma) + 10, rel=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "measure, visible",
    [
        (pac_bayes_orig, EVERYTHING),
        (pac_bayes_init, EVERYTHING),
        (sharpness_orig, EVERYTHING - {"unit_permutation"}),
        (sharpness_init, EVERYTHING),
        (pac_bayes_magnitude_orig, EVERYTHING),
        (pac_bayes_magnitude_init, EVERYTHING),
        (sharpness_magnitude_orig, EVERYTHING),
        (sharpness_magnitude_init, EVERYTHING),
    ],
)
def test_what_each_sees(measure, visible, seed):
    assert_sees_only(measure, visible, seed)
