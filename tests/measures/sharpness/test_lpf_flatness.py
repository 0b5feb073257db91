import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.perturbations import noise_rows
from measures.sharpness.average_sharpness import average_sharpness
from measures.sharpness.lpf_flatness import NOISE_STD, lpf_flatness
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.references.loss_surfaces import naive_loss


def test_noise_on_a_margin_of_1_is_averaged_over_32_draws():
    trained = linear_model([[1.0], [0.0]], inputs=[[1.0]], labels=[0])
    margins = [1 + 0.01 * (a - b) for a, b in torch.stack([*noise_rows(trained, 32)]).tolist()]
    expected = np.mean([math.log1p(math.exp(-margin)) for margin in margins])
    assert lpf_flatness(trained) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_is_the_mean_loss_of_noisy_copies(kind):
    trained = small_network(kind, seed=1)
    theta, z = flat_parameters(trained.model), [*noise_rows(trained, 32)]
    losses = [naive_loss(trained, theta + 0.2 * row).item() for row in z]
    assert lpf_flatness.function(trained, noise_std=0.2) == pytest.approx(np.mean(losses), rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.01, 1))
def test_is_the_average_sharpness_of_the_same_noise_and_the_loss_without_it(seed, noise_std):
    trained = random_linear_model(seed)
    clean = naive_loss(trained, flat_parameters(trained.model)).item()
    sharpness = average_sharpness.function(trained, noise_std=noise_std)
    assert lpf_flatness.function(trained, noise_std=noise_std) == pytest.approx(clean + sharpness, rel=1e-9)


def test_one_example_in_a_thousand_that_is_not_fitted_has_its_share_of_the_loss():
    inputs = [[20.0]] * 999 + [[-20.0]]
    trained = linear_model([[1.0], [0.0]], inputs=inputs, labels=[0] * 1000)
    assert lpf_flatness(trained) == pytest.approx(20 / 1000, rel=0.02)
    everywhere_fitted = linear_model([[1.0], [0.0]], inputs=[[20.0]] * 1000, labels=[0] * 1000)
    assert lpf_flatness(everywhere_fitted) < 1e-6


@pytest.mark.parametrize("seed", [0, 1])
def test_sees_every_change_but_a_shift_of_the_logits(seed):
    assert_sees_only(lpf_flatness, {"layer_rescaling", "unit_permutation", "batch_norm_folding"}, seed)


def test_its_standard_error_is_the_spread_of_the_draws_over_the_root_of_their_number():
    trained = small_network("mlp", seed=1)
    theta = flat_parameters(trained.model)
    losses = [naive_loss(trained, theta + NOISE_STD * row).item() for row in noise_rows(trained, 32)]
    expected = np.std(losses, ddof=1) / 32**0.5
    assert lpf_flatness(trained).standard_error == pytest.approx(expected, rel=1e-6)
    assert average_sharpness.function(trained, noise_std=NOISE_STD).standard_error == pytest.approx(expected, rel=1e-6)
