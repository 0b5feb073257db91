import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.spectral import _weight_spectra as weight_spectra
from measures.spectral._weight_spectra import (
    SHORTEST_TAIL,
    fitted_power_law,
    large_spectra,
    pooled_spectra,
    power_laws,
)
from tests.builders.models import random_network, trained_model


def pareto(exponent, size, start=1.0, seed=0):
    """Values at the quantiles of a power law, slightly jittered: the smallest is `start` up to 1/size."""
    jitter = np.random.default_rng(seed).uniform(0, 1, size)
    return torch.tensor(start * ((np.arange(size) + jitter) / size) ** (-1 / (exponent - 1)))


def naive_fit(values):
    """Clauset, Shalizi & Newman 2009, eqs. 3.1 and 3.9, one start after the other."""
    values = sorted(values)
    best = (np.inf, 0.0, 0.0)
    for k, start in enumerate(values[: len(values) - SHORTEST_TAIL + 1]):
        tail = values[k:]
        exponent = 1 + len(tail) / sum(np.log(x / start) for x in tail)
        gaps = []
        for i, x in enumerate(tail):
            law = 1 - (x / start) ** (1 - exponent)
            gaps += [abs(law - i / len(tail)), abs(law - (i + 1) / len(tail))]
        best = min(best, (max(gaps), exponent, start))
    return best


@pytest.mark.parametrize("exponent", [1.5, 2.0, 3.0, 5.0])
@pytest.mark.parametrize("start", [1e-3, 7.0])
def test_recovers_the_exponent_and_the_start_of_a_planted_power_law(exponent, start):
    law = fitted_power_law(pareto(exponent, 1000, start))
    assert law.exponent == pytest.approx(exponent, rel=0.02)
    assert law.distance < 0.01


@pytest.mark.parametrize("exponent", [2.0, 4.0])
def test_recovers_a_tail_above_a_bulk(exponent):
    bulk = torch.linspace(0.01, 1, 500, dtype=torch.float64)
    law = fitted_power_law(torch.cat([bulk, pareto(exponent, 500)]))
    assert law.exponent == pytest.approx(exponent, rel=0.1)
    assert 0.9 < law.start < 1.5


def test_recovers_the_exponent_of_a_matrix_made_to_have_that_spectrum():
    generator = torch.Generator().manual_seed(0)
    draws = (torch.randn(side, 100, generator=generator, dtype=torch.float64) for side in (150, 100))
    left, right = (torch.linalg.qr(draw)[0] for draw in draws)
    network = nn.Linear(100, 150, bias=False, dtype=torch.float64)
    with torch.no_grad():
        network.weight.copy_(left * pareto(2.5, 100).sqrt() @ right.T)
    trained = trained_model(network, torch.ones(1, 100, dtype=torch.float64), torch.tensor([0]))
    assert power_laws(trained)[0].exponent == pytest.approx(2.5, rel=0.05)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.integers(SHORTEST_TAIL, 40))
def test_is_the_best_of_the_starts_tried_one_by_one(seed, size):
    values = torch.tensor(np.random.default_rng(seed).lognormal(size=size))
    distance, exponent, start = naive_fit(values.tolist())
    law = fitted_power_law(values)
    assert (law.distance, law.exponent, law.start) == pytest.approx((distance, exponent, start), rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_the_exponent_does_not_depend_on_the_unit_or_the_order(seed, factor):
    values = torch.tensor(np.random.default_rng(seed).pareto(2.0, 60) + 1)
    law, scaled = fitted_power_law(values), fitted_power_law(factor * values.flip(0))
    assert scaled.exponent == pytest.approx(law.exponent, rel=1e-9)
    assert scaled.start == pytest.approx(factor * law.start, rel=1e-9)


def test_eigenvalues_that_are_rounding_count_as_zero():
    values = torch.tensor([1.0] * 5 + [2.0] * 5, dtype=torch.float64)  # no good power law; the rounding is
    assert fitted_power_law(torch.cat([values, 1e-20 * pareto(2.0, 500)])) == fitted_power_law(values)


def test_needs_values_that_differ():
    with pytest.raises(NotApplicable, match="no tail of 10"):
        fitted_power_law(torch.ones(50))
    with pytest.raises(NotApplicable, match="9 eigenvalues"):
        fitted_power_law(pareto(2.0, 9))


def test_a_convolutions_matrix_is_its_kernel_with_normalization_folded_in():
    trained = random_network("convnet_bn", seed=1, size=4)
    convolution, norm = trained.model[0], trained.model[1]
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    folded = (scale[:, None, None, None] * convolution.weight).detach().reshape(16, 9).numpy()
    spectrum = weight_spectra.weight_spectra(trained)[0]
    assert (spectrum.rows, spectrum.columns) == (16, 9)
    np.testing.assert_allclose(spectrum.eigenvalues.numpy(), np.linalg.eigvalsh(folded.T @ folded)[::-1], rtol=1e-9)


def test_small_matrices_are_left_out_and_nothing_else():
    spectra = large_spectra(random_network("convnet_bn", seed=1, size=4))
    sizes = [(spectrum.rows, spectrum.columns) for spectrum in spectra]
    assert sizes == [(128, 128)]  # not (16, 9), (32, 144) nor (3, 128)
    with pytest.raises(NotApplicable, match="has 8 eigenvalues; a spectrum needs 50"):
        large_spectra(random_network("mlp_3x8", seed=1))


def test_pooled_spectra_are_of_the_weights_as_they_are_and_of_every_position_of_a_kernel():
    trained = random_network("convnet_bn", seed=1, size=4)
    spectra = pooled_spectra(trained)
    assert [(spectrum.rows, spectrum.columns, len(spectrum.singular_values)) for spectrum in spectra] == [
        (32, 16, 144),
        (128, 128, 128),
    ]
    kernel = trained.model[4].weight.detach()
    assert kernel.shape == (32, 16, 3, 3)
    squares = [np.linalg.svd(kernel[:, :, i, j].numpy(), compute_uv=False) ** 2 for i in range(3) for j in range(3)]
    expected = np.sort(np.concatenate(squares))[::-1]
    np.testing.assert_allclose(spectra[0].eigenvalues.numpy(), expected, rtol=1e-9)
    with pytest.raises(NotApplicable, match="no layer has more than 36 eigenvalues; a spectrum needs 50"):
        pooled_spectra(random_network("mlp_3x36", seed=1))


def test_refuses_matrices_that_are_zero_or_too_large(monkeypatch):
    trained = random_network("convnet", seed=1, size=4)
    monkeypatch.setattr(weight_spectra, "DENSE_LIMIT", 1000)
    with pytest.raises(NotApplicable, match=r"4,608 weights; .* up to 1,000"):
        weight_spectra.weight_spectra(trained)
    monkeypatch.undo()
    trained = random_network("convnet", seed=1, size=4)
    with torch.no_grad():
        trained.model[0].weight.zero_()
    with pytest.raises(NotApplicable, match="all zero"):
        weight_spectra.weight_spectra(trained)


def test_the_tail_of_a_power_law_has_all_of_equal_values():
    """Each of 60 Pareto values twice: the exponent is that of the best start, each value in the tail with its equal."""
    generator = np.random.default_rng(0)
    for _ in range(10):
        once = np.sort(generator.pareto(1.7, 60) + 1)
        values = np.repeat(once, 2)
        best = None
        for start in once:
            tail = values[values >= start]
            if len(tail) < weight_spectra.SHORTEST_TAIL or not np.log(tail / start).sum() > 0:
                continue
            alpha = 1 + len(tail) / np.log(tail / start).sum()
            below = np.searchsorted(tail, tail, side="left") / len(tail)
            above = np.searchsorted(tail, tail, side="right") / len(tail)
            fitted = 1 - (tail / start) ** (1 - alpha)
            distance = max(np.abs(fitted - below).max(), np.abs(fitted - above).max())
            if best is None or distance < best[0]:
                best = distance, alpha
        found = weight_spectra.fitted_power_law(torch.from_numpy(values))
        assert found.exponent == pytest.approx(best[1], rel=1e-9)
