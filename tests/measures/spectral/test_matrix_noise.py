import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures.spectral._matrix_noise import least_signal, noise_variance, signal_singular_values
from measures.spectral._weight_spectra import WeightSpectrum


def spectrum_of(matrix):
    return WeightSpectrum("w", *matrix.shape, torch.linalg.svdvals(torch.as_tensor(matrix)))


def planted(rows, columns, rank, noise_std, seed, strength=3.0):
    """A matrix of `rank` singular values around `strength` times the edge of its noise, and that noise."""
    rng = np.random.default_rng(seed)
    left = np.linalg.qr(rng.normal(size=(rows, rank)))[0]
    right = np.linalg.qr(rng.normal(size=(columns, rank)))[0]
    values = strength * noise_std * (rows**0.5 + columns**0.5) * rng.uniform(1, 2, rank)
    return left * values @ right.T + noise_std * rng.normal(size=(rows, columns))


def naive_free_energy(values, smaller, larger, variance):
    """Up to constants, with the rank-one terms where they pay: the docstring of spectral/_matrix_noise.py in a loop."""
    alpha, total = smaller / larger, 0.0
    for value in values:
        x = value**2 / (larger * variance)
        best = x - math.log(x)
        if x >= (1 + math.sqrt(alpha)) ** 2:
            tau = (x - 1 - alpha + math.sqrt((x - 1 - alpha) ** 2 - 4 * alpha)) / 2
            gain = math.log(tau + 1) + alpha * math.log(tau / alpha + 1) - tau
            best += min(gain, 0.0)  # that is what x > x̲ says
        total += best
    return total


def test_a_square_matrix_has_signal_above_the_published_constant():
    tau = 2.51286  # the zero of log(τ + 1) / τ - 1/2
    assert least_signal(1.0) == pytest.approx((1 + tau) * (1 + 1 / tau), rel=1e-5)


@settings(deadline=None, max_examples=20)
@given(st.floats(0.01, 1))
def test_signal_begins_above_the_edge_of_the_noise(alpha):
    assert least_signal(alpha) > (1 + alpha**0.5) ** 2


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.sampled_from([(8, 20), (20, 8), (12, 12), (3, 1)]))
def test_the_noise_is_where_a_naive_free_energy_is_least(seed, shape):
    spectrum = spectrum_of(planted(*shape, rank=1, noise_std=0.5, seed=seed))
    smaller, larger = min(shape), max(shape)
    values = spectrum.singular_values.tolist()
    mean_square = sum(value**2 for value in values) / (smaller * larger)
    low = max(values[math.ceil(smaller / (1 + smaller / larger)) - 1 :]) ** 2 / larger / least_signal(smaller / larger)
    grid = np.exp(np.linspace(math.log(low), math.log(mean_square), 500))
    energies = [naive_free_energy(values, smaller, larger, variance) for variance in grid]
    found = naive_free_energy(values, smaller, larger, noise_variance(spectrum))
    assert found <= min(energies) + 1e-6 * abs(min(energies))


def test_of_several_minima_the_least_is_found_however_close_they_are():
    rng = np.random.default_rng(22)  # on a grid of 200 the best point leads to another minimum, at 0.02205
    spectrum = spectrum_of(rng.random((100, 1)) ** 3 * rng.normal(size=(100, 160)))
    values = spectrum.singular_values.tolist()
    grid = np.exp(np.linspace(math.log(0.02), math.log(0.025), 800))
    energies = [naive_free_energy(values, 100, 160, variance) for variance in grid]
    best = grid[int(np.argmin(energies))]
    assert noise_variance(spectrum) == pytest.approx(best, rel=1e-3)
    assert best == pytest.approx(0.02277, rel=1e-3)


@pytest.mark.parametrize("strength", [1e6, 1e7, 1e8, 1e9])
def test_a_signal_far_above_the_noise_leaves_no_rounding_in_what_is_compared(strength):
    rng = np.random.default_rng(1)
    signal = strength * np.outer(rng.normal(size=30), rng.normal(size=60))  # of singular value 40 times that
    found = noise_variance(spectrum_of(signal + rng.normal(size=(30, 60))))
    assert found == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("shape", [(60, 150), (150, 60), (100, 100)])
@pytest.mark.parametrize("rank", [1, 4])
def test_recovers_the_variance_of_the_noise_and_the_rank_of_the_signal(shape, rank):
    spectrum = spectrum_of(planted(*shape, rank, noise_std=0.3, seed=rank))
    assert noise_variance(spectrum) == pytest.approx(0.09, rel=0.06)
    assert len(signal_singular_values(spectrum)) == rank


def test_a_signal_shrinks_to_what_the_noisy_directions_hold_of_it():
    signal = 30 * np.outer(np.ones(100) / 10, np.ones(400) / 20)
    noisy = signal + 0.5 * np.random.default_rng(0).normal(size=(100, 400))
    left, values, right = np.linalg.svd(noisy, full_matrices=False)
    held = left[:, 0] @ signal @ right[0]  # less than 30, and than the 31.7 of the noisy matrix
    assert held < 29 < 31 < values[0]
    assert signal_singular_values(spectrum_of(noisy)).tolist() == pytest.approx([held], rel=0.02)


@pytest.mark.parametrize("seed", range(20))
def test_what_strays_beyond_the_edge_of_the_noise_is_no_signal_yet(seed):
    spectrum = spectrum_of(np.random.default_rng(seed).normal(size=(30, 40)))
    assert len(signal_singular_values(spectrum)) == 0


def test_of_independent_entries_all_is_noise():
    spectrum = spectrum_of(np.random.default_rng(0).normal(size=(80, 120)))
    assert noise_variance(spectrum) == pytest.approx(float(spectrum.eigenvalues.sum()) / 9600, rel=1e-6)
    assert len(signal_singular_values(spectrum)) == 0


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_scales_with_the_matrix(seed, factor):
    matrix = planted(20, 30, 2, 1.0, seed)
    assert noise_variance(spectrum_of(factor * matrix)) == pytest.approx(
        factor**2 * noise_variance(spectrum_of(matrix)), rel=1e-6
    )


def test_a_matrix_of_low_rank_without_noise_keeps_its_singular_values():
    spectrum = spectrum_of(np.diag([3.0, 2.0, 0, 0, 0, 0, 0, 0]))
    assert signal_singular_values(spectrum).tolist() == pytest.approx([3, 2], rel=1e-6)
