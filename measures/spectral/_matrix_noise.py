"""How much of a matrix is noise: empirical variational Bayes matrix factorization, in closed form.

A matrix is taken as one of low rank plus independent Gaussian noise of variance σ² on every entry. The factorization's
global optimum, and σ² with it, follow from the singular values γ alone: with L ≤ M the sides and α = L/M,

    σ̂² = argmin  Σₕ ψ(xₕ)     xₕ = γₕ² / (M σ²)
    ψ(x) = x − log x + [x > x̲] · ( log(τ + 1) + α log(τ/α + 1) − τ )
    τ(x) = ½ ( x − (1 + α) + ((x − (1 + α))² − 4α)^½ )

x̲ is where the bracket begins to pay, its last term's zero. A singular value is signal where x > x̲, and shrunk:

    γ̂ = (γ/2) ( 1 − (L+M)σ²/γ² + ((1 − (L+M)σ²/γ²)² − 4LMσ⁴/γ⁴)^½ )

Nakajima, Sugiyama, Babacan & Tomioka 2013 (Journal of Machine Learning Research 14).
Differs from the paper: σ̂² is the best of all local minima, which are looked for in the cells of a grid and between
the places where a singular value becomes noise; σ̂² and x̲ by root finding; singular values below 1e-12 of the largest
count as that much, for a logarithm of them is taken.
"""

import functools

import numpy as np
from scipy.optimize import brentq
from torch import Tensor

from measures.spectral._weight_spectra import WeightSpectrum

GRID = 200
BESIDE = 1e-9  # of log σ²
SMALLEST = 1e-12
TOLERANCE = 1e-12  # of log σ²


def noise_variance(spectrum: WeightSpectrum) -> float:
    """σ̂²: the variance of the noise on each entry of the matrix."""
    (smaller, larger), squares = _sides(spectrum), _squares(spectrum)
    scaled, alpha = squares / larger, smaller / larger
    most = int(np.ceil(smaller / (1 + alpha))) - 1  # the rank of the signal is at most this
    low = max(scaled[most] / least_signal(alpha), scaled[most:].mean())
    minima = _minima(scaled, alpha, np.log(low), np.log(scaled.mean()))
    return float(np.exp(minima[_free_energy(scaled, alpha, minima).argmin()]))


def _minima(scaled_squares: np.ndarray, alpha: float, low: float, high: float) -> np.ndarray:
    """log σ² of the local minima of Σ ψ from `low` to `high`; they may lie closer than any grid.

    Where a singular value becomes noise, Σ ψ has a kink, and never a minimum: cells end on both sides of it.
    """
    kinks = np.log(scaled_squares / least_signal(alpha))
    kinks = kinks[(kinks > low + BESIDE) & (kinks < high - BESIDE)]
    ends = np.unique(np.concatenate([np.linspace(low, high, GRID), kinks - BESIDE, kinks + BESIDE]))
    falls = _falls(scaled_squares, alpha, ends)

    def falls_at(log_variance: float) -> float:
        return float(_falls(scaled_squares, alpha, np.array([log_variance]))[0])

    cells = np.flatnonzero((falls[:-1] > 0) & (falls[1:] <= 0))
    found = [brentq(falls_at, ends[cell], ends[cell + 1], xtol=TOLERANCE) for cell in cells]
    found += [low] if falls[0] <= 0 else []
    found += [high] if falls[-1] >= 0 else []  # as where all is noise
    return np.array(found)


def signal_singular_values(spectrum: WeightSpectrum) -> Tensor:
    """γ̂ of the singular values that are signal, descending; none where all is noise."""
    (smaller, larger), variance = _sides(spectrum), noise_variance(spectrum)
    values = spectrum.singular_values
    values = values[values.square() > larger * variance * least_signal(smaller / larger)]
    kept = 1 - (smaller + larger) * variance / values.square()
    return values / 2 * (kept + (kept.square() - 4 * smaller * larger * (variance / values.square()) ** 2).sqrt())


@functools.cache
def least_signal(alpha: float) -> float:
    """x̲ for a matrix of sides in the ratio `alpha` ≤ 1."""

    def gain(tau: float) -> float:
        return float(np.log1p(tau) + alpha * np.log1p(tau / alpha) - tau) / tau

    tau = brentq(gain, 1e-6 * alpha**0.5, 10 * alpha**0.5)  # positive for small τ, and zero near 2.5 √α
    return (1 + tau) * (1 + alpha / tau)


def _free_energy(scaled_squares: np.ndarray, alpha: float, log_variances: np.ndarray) -> np.ndarray:
    """Σ ψ for each of the variances, (variances,)."""
    x = scaled_squares / np.exp(log_variances)[:, None]
    tau, rest = _tau_and_rest(x, alpha)
    energy: np.ndarray = (rest - np.log(x) + np.log1p(tau) + alpha * np.log1p(tau / alpha)).sum(axis=1)
    return energy


def _falls(scaled_squares: np.ndarray, alpha: float, log_variances: np.ndarray) -> np.ndarray:
    """How fast Σ ψ falls with log σ², at each of them, (variances,): above 0 before a minimum, below it after."""
    _, rest = _tau_and_rest(scaled_squares / np.exp(log_variances)[:, None], alpha)
    falls: np.ndarray = (rest - 1).sum(axis=1)
    return falls


def _tau_and_rest(x: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """τ(x) where there is signal, else 0, with which the bracket of ψ is 0 as well; and x − τ."""
    signal = x > least_signal(alpha)
    excess = np.where(signal, x - (1 + alpha), 3 * alpha**0.5)  # where there is none, anything with a root
    root = (excess + np.sqrt(excess**2 - 4 * alpha)) / 2
    rest = 1 + alpha + alpha / root  # of a large x the difference itself would be rounding
    return np.where(signal, root, 0), np.where(signal, rest, x)


def _sides(spectrum: WeightSpectrum) -> tuple[int, int]:
    return min(spectrum.rows, spectrum.columns), max(spectrum.rows, spectrum.columns)


def _squares(spectrum: WeightSpectrum) -> np.ndarray:
    values: np.ndarray = spectrum.singular_values.cpu().numpy()
    return np.maximum(values, SMALLEST * values[0]) ** 2
