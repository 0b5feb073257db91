import dataclasses
import math

import pytest
import torch

from measures.pac_bayes.pac_bayes import (
    noise_within,
    pac_bayes_init,
    pac_bayes_orig,
    sharpness_init,
    sharpness_orig,
)
from measures.quantities.flat_parameters import flat_parameters, initial_parameters
from measures.quantities.perturbations import tolerated_noise_std, tolerated_radius
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model, with_init
from tests.references.divergences import divergence

EVERYTHING = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}


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


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet_bn"])
def test_the_distance_is_half_the_divergence_between_two_spheres_of_noise(name):
    trained = random_network(name, seed=1, size=4)
    sigma = tolerated_noise_std(trained, "isotropic")
    theta, start = flat_parameters(trained.model), initial_parameters(trained)
    variances = torch.full_like(theta, sigma**2)
    for measure, prior in ((pac_bayes_init, start), (pac_bayes_orig, 0 * start)):
        expected = divergence(theta, variances, prior, variances) / 2 + math.log(20 / sigma) + 10
        assert measure(trained) == pytest.approx(expected, rel=1e-9)


def test_noise_within_a_box_stays_inside_in_more_than_half_of_all_draws():
    trained = random_network("mlp_1x8", seed=0, size=4)
    p = len(flat_parameters(trained.model))
    z = torch.randn(2000, p, generator=torch.Generator().manual_seed(0)) * noise_within(trained, 0.3)
    inside = (z.abs() <= 0.3).all(dim=1).double().mean().item()
    assert 0.5 <= inside < 0.95


def test_a_model_that_never_moved_is_at_no_distance_from_its_start():
    trained = random_network("mlp_1x8", seed=1, size=4)
    trained = dataclasses.replace(trained, init=trained.model)
    sigma = tolerated_noise_std(trained, "isotropic")
    assert pac_bayes_init(trained) == pytest.approx(math.log(20 / sigma) + 10, rel=1e-12)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "measure, visible",
    [
        (pac_bayes_orig, EVERYTHING),
        (pac_bayes_init, EVERYTHING),
        (sharpness_orig, EVERYTHING - {"unit_permutation"}),
        (sharpness_init, EVERYTHING),
    ],
)
def test_what_each_sees(measure, visible, seed):
    assert_sees_only(measure, visible, seed)
