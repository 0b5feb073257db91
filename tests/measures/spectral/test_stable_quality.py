import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.spectral._matrix_noise import noise_variance
from measures.spectral._weight_spectra import WeightSpectrum
from measures.spectral.stable_quality import quality, stable_quality
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model


def chain(*matrices):
    linears = []
    for matrix in matrices:
        linears.append(nn.Linear(matrix.shape[1], matrix.shape[0], bias=False, dtype=torch.float64))
        with torch.no_grad():
            linears[-1].weight.copy_(torch.as_tensor(matrix))
    return trained_model(nn.Sequential(*linears), torch.ones(1, matrices[0].shape[1]).double(), torch.tensor([0]))


def test_of_singular_values_3_and_2_without_noise_worked_out_by_hand():
    matrix = np.diag([3.0, 2.0, 0, 0, 0, 0, 0, 0])
    # Stable rank (9 + 4) / 9 of 8 directions; condition number 3/2.
    expected = math.atan((13 / 9 / 8) / (1 - 2 / 3))
    assert stable_quality(chain(matrix)) == pytest.approx(-expected, rel=1e-6)


def test_is_the_mean_over_the_layers_and_0_for_one_of_noise():
    signal, noise = np.diag([3.0, 2.0, 0, 0, 0, 0, 0, 0]), np.random.default_rng(0).normal(size=(8, 8))
    assert quality(WeightSpectrum("noise", 8, 8, torch.linalg.svdvals(torch.as_tensor(noise)))) == 0
    assert stable_quality(chain(signal, noise)) == pytest.approx(stable_quality(chain(signal)) / 2, rel=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
def test_is_that_of_the_shrunk_singular_values_taken_one_by_one(seed):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(15, 40)) + 1.5 * rng.normal(size=(15, 2)) @ rng.normal(size=(2, 40))
    values = np.linalg.svd(matrix, compute_uv=False)
    variance = noise_variance(WeightSpectrum("w", 15, 40, torch.tensor(values)))
    signal = []
    for value in values:
        # Nakajima et al. 2013: an estimate exists, and pays, or the direction is dropped.
        kept = 1 - 55 * variance / value**2
        root = kept**2 - 4 * 15 * 40 * variance**2 / value**4
        if kept > 0 and root > 0:
            estimate = value / 2 * (kept + math.sqrt(root))
            tau = value * estimate / (40 * variance)
            if math.log(tau + 1) + 15 / 40 * math.log(tau * 40 / 15 + 1) - tau < 0:
                signal.append(estimate)
    assert 1 < len(signal) < 15
    stable_rank = sum(x**2 for x in signal) / signal[0] ** 2 / 15
    expected = math.atan(stable_rank / (1 - signal[-1] / signal[0]))
    assert stable_quality(chain(matrix)) == pytest.approx(-expected, rel=1e-5)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_lies_between_minus_half_pi_and_0_whatever_the_scale(seed, factor):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(9, 12)) + 3 * rng.normal(size=(9, 2)) @ rng.normal(size=(2, 12))
    value = stable_quality(chain(matrix))
    assert -math.pi / 2 <= value <= 0
    assert stable_quality(chain(factor * matrix)) == pytest.approx(value, rel=1e-6)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(stable_quality, set(), seed)


def test_is_not_applicable_to_a_layer_of_zeros():
    trained = random_network("mlp_2x5", seed=1)
    with torch.no_grad():
        trained.model[3].weight.zero_()
    with pytest.raises(NotApplicable, match="zero"):
        stable_quality(trained)
