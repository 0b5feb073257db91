"""Stable quality: stable rank against condition number of what is not noise in a layer's weights, negated, a mean.

    μ = −(1/d) Σₗ arctan( sₗ / (1 − 1/κₗ) )
    sₗ = (1/m) Σᵢ σ̂ᵢ² / σ̂₁²     κₗ = σ̂₁ / σ̂ᵣ

σ̂₁ ≥ ... ≥ σ̂ᵣ are the singular values of the low-rank signal in layer l's weight matrix, noise stripped
(_matrix_noise.py), m the smaller side of the matrix, d the number of layers. The idea: a layer of high quality
spreads space over many directions (large s) and is well conditioned (small κ), and its network generalizes. A layer of
noise alone has s = 0 and quality 0; one of rank one is perfectly conditioned and has quality π/2.

Jaegerman, Damouni, Hosseini & Plataniotis 2021 (arXiv:2110.12259), stable quality; the low-rank signal as in Hosseini &
Plataniotis 2020 (arXiv:2006.08217). In the code published with the former (mahdihosseini/GenProb) κ stands as
1 − 1/κ, as here.
Differs from the paper and its code:
1. The code has the sum of values, (1/m) Σᵢ σ̂ᵢ / σ̂₁, where s here is the stable rank, of squares. On the digits twins
   both win 9, 11 and 12 of 20.
2. Negated, and a mean over the layers, for which the code tries five kinds of means.
3. A convolution's kernel is unfolded along its output channels only, the paper's also along its input channels.

Version 2: the noise is the best of all local minima of its objective, where a grid could lead to another.

Claims: read into it.
Random labels: unknown (the sources could not be had).
"""

import math

from measures import measure
from measures.spectral._matrix_noise import signal_singular_values
from measures.spectral._weight_spectra import WeightSpectrum, weight_spectra
from measures.trained_model import TrainedModel


@measure(
    source="Jaegerman, Damouni, Hosseini & Plataniotis 2021; Hosseini & Plataniotis 2020",
    version=2,
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def stable_quality(trained: TrainedModel) -> float:
    qualities = [quality(spectrum) for spectrum in weight_spectra(trained)]
    return -sum(qualities) / len(qualities)


def quality(spectrum: WeightSpectrum) -> float:
    """Between 0 (all noise) and π/2."""
    signal = signal_singular_values(spectrum)
    if not len(signal):
        return 0.0
    stable_rank = float((signal / signal[0]).square().sum()) / min(spectrum.rows, spectrum.columns)
    return math.atan2(stable_rank, 1 - float(signal[-1] / signal[0]))
