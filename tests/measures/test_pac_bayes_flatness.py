import copy
import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from scipy.optimize import brentq

from measures import NotApplicable
from measures.sharpness.pac_bayes_flatness import (
    error_rise,
    last_crossing,
    pac_bayes_flatness,
    tolerated_noise_std,
)
from tests.equivalent import assert_sees_only
from tests.loss_surface import assert_leaves_all_as_found, linear_model, random_linear_model, small_network


def expected_rise(trained, noise_std):
    """Of a linear model with two classes: each margin is Gaussian, of variance σ² 2 ‖x‖²."""
    margins, spread = trained.margins, math.sqrt(2) * trained.inputs.norm(dim=1)
    wrong = torch.special.ndtr(-margins / (noise_std * spread))
    return (wrong - (margins < 0).double()).mean().item()


def test_the_third_of_20_draws_to_overturn_the_only_example_sets_the_limit():
    trained = linear_model([[2.0], [1.0]], inputs=[[1.0]], labels=[0])
    z = torch.stack(
        [torch.randn(2, generator=g, dtype=torch.float64) for g in [trained.generator()] for _ in range(20)]
    )
    overturned_at = sorted(1 / (b - a) for a, b in z.tolist() if b > a)  # margin 1 + σ(a - b) < 0
    assert tolerated_noise_std(trained) == pytest.approx(overturned_at[2], rel=0.01)
    assert pac_bayes_flatness(trained) == tolerated_noise_std(trained) ** -2


@pytest.mark.parametrize("fitted", [True, False])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_of_a_linear_model_is_the_standard_deviation_that_solves_the_normal_equation(fitted, seed):
    trained = random_linear_model(seed, num_train=100, size=20, fitted=fitted)
    if not fitted:  # one label in ten is wrong
        predicted = trained.logits.argmax(dim=1)
        trained.labels.copy_(torch.where(torch.arange(100) % 10 == 0, 1 - predicted, predicted))
    exact = brentq(lambda noise_std: expected_rise(trained, noise_std) - 0.1, 1e-3, 10)
    assert tolerated_noise_std(trained, draws=1000) == pytest.approx(exact, rel=0.03)


@pytest.mark.parametrize("noise_std", [0.1, 0.5, 2.0])
def test_the_rise_of_a_linear_models_error_is_a_mean_of_normal_probabilities(noise_std):
    trained = random_linear_model(3, num_train=100, size=20)
    assert error_rise(trained, noise_std, draws=2000) == pytest.approx(expected_rise(trained, noise_std), abs=0.004)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000))
def test_a_little_less_noise_is_tolerated_and_a_little_more_is_not(seed):
    trained = random_linear_model(seed, num_classes=3, fitted=True)
    noise_std = tolerated_noise_std(trained)
    assert (
        error_rise(trained, 0.98 * noise_std, draws=20) <= 0.1 + 1e-9 < error_rise(trained, 1.02 * noise_std, draws=20)
    )


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_weights_k_times_as_large_tolerate_k_times_the_noise(seed, factor):
    trained = random_linear_model(seed, num_classes=3, fitted=True)
    scaled = copy.deepcopy(trained.model)
    with torch.no_grad():
        scaled.weight *= factor
    noise_std = tolerated_noise_std(dataclasses.replace(trained, model=scaled))
    assert noise_std == pytest.approx(factor * tolerated_noise_std(trained), rel=0.03)


def test_of_two_crossings_the_search_takes_the_one_with_more_noise():
    def excess(log_std):
        return 1.0 if 1e-3 < math.exp(log_std) < 1e-2 or math.exp(log_std) > 0.5 else -1.0

    low, high = last_crossing(excess)
    assert math.exp(low) == pytest.approx(0.1)
    assert math.exp(high) == pytest.approx(1)


def test_is_not_applicable_when_everything_is_misclassified_already():
    trained = linear_model([[1.0], [-1.0]], inputs=[[1.0], [2.0]], labels=[1, 1])
    with pytest.raises(NotApplicable, match="no more than"):
        pac_bayes_flatness(trained)


def test_is_not_applicable_when_the_least_noise_is_too_much():
    trained = linear_model([[1e-9], [-1e-9]], inputs=[[1.0], [2.0]], labels=[0, 0])
    with pytest.raises(NotApplicable, match="by more than"):
        pac_bayes_flatness(trained)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_leaves_the_model_its_gradients_and_the_random_state_as_found(kind):
    trained = small_network(kind, seed=4)
    trained.labels.copy_(trained.logits.argmax(dim=1))
    assert_leaves_all_as_found(pac_bayes_flatness, trained)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sees_every_change_but_a_shift_of_the_logits(seed):
    assert_sees_only(pac_bayes_flatness, {"layer_rescaling", "unit_permutation", "batch_norm_folding"}, seed)
