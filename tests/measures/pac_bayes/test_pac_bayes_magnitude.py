import dataclasses
import math

import pytest
import torch

from measures.pac_bayes.pac_bayes import noise_within
from measures.pac_bayes.pac_bayes_magnitude import (
    pac_bayes_magnitude_init,
    pac_bayes_magnitude_orig,
    sharpness_magnitude_init,
    sharpness_magnitude_orig,
)
from measures.quantities.flat_parameters import flat_parameters, initial_parameters
from measures.quantities.perturbations import tolerated_noise_std, tolerated_radius
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model, with_init
from tests.references.divergences import divergence

EVERYTHING = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}


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


def test_the_sum_over_changes_is_half_the_smallest_divergence_from_a_sphere_around_the_start():
    trained = random_network("mlp_2x5", seed=2, size=4)
    theta, start = flat_parameters(trained.model), initial_parameters(trained)
    for measure, sigma in (
        (pac_bayes_magnitude_init, tolerated_noise_std(trained, "relative")),
        (sharpness_magnitude_init, noise_within(trained, tolerated_radius(trained, "relative"))),
    ):
        variances = 1e-6 + sigma**2 * (theta - start) ** 2
        tried = torch.logspace(-2, 1, 1001, dtype=torch.float64)
        smallest = min(divergence(theta, variances, start, v.expand_as(theta)) for v in tried)
        assert measure(trained) == pytest.approx(smallest / 2 + math.log(20 / sigma) + 10, rel=1e-4)


def test_a_model_that_never_moved_is_at_no_distance_from_its_start():
    trained = random_network("mlp_1x8", seed=1, size=4)
    trained = dataclasses.replace(trained, init=trained.model)
    sigma = tolerated_noise_std(trained, "relative")
    assert pac_bayes_magnitude_init(trained) == pytest.approx(math.log(20 / sigma) + 10, rel=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "measure",
    [pac_bayes_magnitude_orig, pac_bayes_magnitude_init, sharpness_magnitude_orig, sharpness_magnitude_init],
)
def test_sees_every_change(measure, seed):
    assert_sees_only(measure, EVERYTHING, seed)
