import copy
import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.quantities.perturbations import grid_size, noise_draws, tolerated_noise_std
from measures.sharpness.pac_bayes_flatness import pac_bayes_flatness, pac_bayes_magnitude_flatness
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found


def naive_noise_std(trained, relative):
    """All sizes of the grid from 10 down, until the error rises by no more than a tenth; then a straight line."""
    theta = trained.model.weight.detach()
    width = theta.abs() if relative else torch.ones_like(theta)
    before = (trained.inputs @ theta.T).argmax(dim=1) != trained.labels
    rises = {}
    for index in range(8, -49, -1):
        errors = []
        for z in noise_draws(trained, 8):
            noise = grid_size(index) * width * z.view_as(theta)
            errors.append(((trained.inputs @ (theta + noise).T).argmax(dim=1) != trained.labels).double().mean())
        rises[index] = (sum(errors) / 8 - before.double().mean()).item()
        if rises[index] <= 0.1 + 1e-9:
            step = (0.1 - rises[index]) / (rises[index + 1] - rises[index])
            return 10 ** ((index + step) / 8)


@pytest.mark.parametrize("seed", range(5))
def test_is_what_scanning_all_sizes_with_the_same_draws_finds(seed):
    trained = random_linear_model(seed, num_train=50, size=10, fitted=True)
    assert pac_bayes_flatness(trained) == pytest.approx(naive_noise_std(trained, False) ** -2, rel=1e-5)
    assert pac_bayes_magnitude_flatness(trained) == pytest.approx(naive_noise_std(trained, True) ** -2, rel=1e-5)


def test_the_first_of_8_draws_to_overturn_the_only_example_is_what_lies_between_the_sizes_around_the_limit():
    trained = linear_model([[2.0], [1.0]], inputs=[[1.0]], labels=[0])
    overturned_at = sorted(1 / (b - a) for a, b in noise_draws(trained, 8).tolist() if b > a)  # margin 1 + σ(a - b) < 0
    found = pac_bayes_flatness(trained) ** -0.5
    assert overturned_at[0] / 10 ** (1 / 8) < found < overturned_at[0] * 10 ** (1 / 8)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.integers(-4, 4))
def test_weights_k_grid_steps_as_large_tolerate_noise_k_grid_steps_as_large(seed, steps):
    trained = random_linear_model(seed, num_classes=3, num_train=100, size=20, fitted=True)
    scaled = copy.deepcopy(trained.model)
    with torch.no_grad():
        scaled.weight *= grid_size(steps)
    expected = pac_bayes_flatness(trained) * grid_size(steps) ** -2
    assert pac_bayes_flatness(dataclasses.replace(trained, model=scaled)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("measure", [pac_bayes_flatness, pac_bayes_magnitude_flatness])
def test_is_not_applicable_when_everything_is_misclassified_already(measure):
    trained = linear_model([[1.0], [-1.0]], inputs=[[1.0], [2.0]], labels=[1, 1])
    with pytest.raises(NotApplicable, match="no more than"):
        measure(trained)


def test_is_not_applicable_when_the_least_noise_is_too_much():
    trained = linear_model([[1e-9], [-1e-9]], inputs=[[1.0], [2.0]], labels=[0, 0])
    with pytest.raises(NotApplicable, match="by more than"):
        pac_bayes_flatness(trained)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_leaves_the_model_its_gradients_and_the_random_state_as_found(kind):
    trained = small_network(kind, seed=4)
    trained.labels.copy_(trained.logits.argmax(dim=1))
    assert_leaves_all_as_found(pac_bayes_flatness, trained)


@pytest.mark.parametrize("seed", [0, 1])
def test_sees_every_change_but_a_shift_of_the_logits(seed):
    assert_sees_only(pac_bayes_flatness, {"layer_rescaling", "unit_permutation", "batch_norm_folding"}, seed)


@pytest.mark.parametrize("seed", [0, 3])
def test_noise_in_proportion_sees_every_change_but_the_scale_of_a_layer(seed):
    assert_sees_only(pac_bayes_magnitude_flatness, {"unit_permutation", "batch_norm_folding", "logit_shift"}, seed)


@pytest.mark.parametrize("kind", ["isotropic", "relative"])
def test_its_standard_error_is_that_of_the_noise_by_the_slope_of_the_inverse_square(kind):
    measure = {"isotropic": pac_bayes_flatness, "relative": pac_bayes_magnitude_flatness}[kind]
    trained = random_network("mlp_1x8", seed=0, size=4)
    noise_std = tolerated_noise_std(trained, kind)
    assert measure(trained).standard_error == pytest.approx(2 * noise_std.standard_error / noise_std**3, rel=1e-12)
    assert noise_std.standard_error > 0
