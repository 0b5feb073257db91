"""How much of a matrix is noise: empirical variational Bayes matrix factorization, in closed form.

A matrix is taken as one of low rank plus independent Gaussian noise of variance σ² on every entry. The factorization's
global optimum, and σ² with it, follow from the singular values γ alone: with L ≤ M the sides and α = L/M,

    σ̂² = argmin  Σₕ ψ(xₕ)     xₕ = γₕ² / (M σ²)
    ψ(x) = x − log x + [x > x̲] · ( log(τ + 1) + α log(τ/α + 1) − τ )
    τ(x) = ½ ( x − (1 + α) + ((x − (1 + α))² − 4α)^½ )

x̲ is where the bracket begins to pay, its last term's zero. A singular value is signal where x > x̲, and shrunk:

    γ̂ = (γ/2) ( 1 − (L+M)σ²/γ² + ((1 − (L+M)σ²/γ²)² − 4LMσ⁴/γ⁴)^½ )

Nakajima, Sugiyama, Babacan & Tomioka 2013 (Journal of Machine Learning Research 14).
Differs from the paper: σ² is sought on a grid of its interval and then between the best's neighbours, since the
objective can have several minima; σ̂² and x̲ by root finding; singular values below 1e-12 of the largest count as
that much, for a logarithm of them is taken.
"""

import functools

import numpy as np
from scipy.optimize import brentq
from torch import Tensor

from measures.spectral._weight_spectra import WeightSpectrum

GRID = 200
SMALLEST = 1e-12
TOLERANCE = 1e-12  # of log σ²


def noise_variance(spectrum: WeightSpectrum) -> float:
    """σ̂²: the variance of the noise on each entry of the matrix."""
    (smaller, larger), squares = _sides(spectrum), _squares(spectrum)
    alpha = smaller / larger
    most = int(np.ceil(smaller / (1 + alpha))) - 1  # the rank of the signal is at most this
    low = max(squares[most] / (larger * least_signal(alpha)), squares[most:].mean() / larger)
    grid = np.linspace(np.log(low), np.log(squares.mean() / larger), GRID)
    best = int(_free_energy(squares / larger, alpha, grid).argmin())
    left, right = grid[max(best - 1, 0)], grid[min(best + 1, GRID - 1)]
    slope = functools.partial(_slope, squares / larger, alpha)
    if slope(left) <= 0 or slope(right) >= 0:  # at an end of the interval, as where all is noise
        return float(np.exp(left if slope(left) <= 0 else right))
    return float(np.exp(brentq(slope, left, right, xtol=TOLERANCE)))


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
    tau = _tau(x, alpha)
    energy: np.ndarray = (x - np.log(x) + np.log1p(tau) + alpha * np.log1p(tau / alpha) - tau).sum(axis=1)
    return energy


def _slope(scaled_squares: np.ndarray, alpha: float, log_variance: float) -> float:
    """Minus the derivative of Σ ψ by log σ²; it falls through zero at a minimum."""
    x = scaled_squares / np.exp(log_variance)
    return float((x - 1 - _tau(x, alpha)).sum())


def _tau(x: np.ndarray, alpha: float) -> np.ndarray:
    """τ(x) where there is signal, 0 otherwise: then the bracket of ψ is 0 as well."""
    signal = x > least_signal(alpha)
    excess = np.where(signal, x - (1 + alpha), 3 * alpha**0.5)  # where there is none, anything with a root
    tau: np.ndarray = np.where(signal, (excess + np.sqrt(excess**2 - 4 * alpha)) / 2, 0)
    return tau


def _sides(spectrum: WeightSpectrum) -> tuple[int, int]:
    return min(spectrum.rows, spectrum.columns), max(spectrum.rows, spectrum.columns)


def _squares(spectrum: WeightSpectrum) -> np.ndarray:
    values: np.ndarray = spectrum.singular_values.cpu().numpy()
    return np.maximum(values, SMALLEST * values[0]) ** 2
