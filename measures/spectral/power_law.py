"""Heavy tails of the weight matrices' spectra: the exponent of a power law, and norms weighted by it.

    power_law_alpha   μ = (1/L) Σₗ αₗ
    weighted_alpha    μ = (1/L) Σₗ αₗ log₁₀ λₗ,max
    log_alpha_norm    μ = (1/L) Σₗ log₁₀ Σᵢ λₗᵢ^αₗ

λₗᵢ are the eigenvalues of WᵀW of the layer's weight matrix W; of a convolution, those of all the matrices W[:, :, i, j]
(out channels, in channels), one for each position of the kernel, put together. Their density falls like λ^(−αₗ) in the
tail. The claim: a layer that has learned correlations has a heavy tail, a small α. Exponent and start of the tail are
fitted as in _weight_spectra.py (Clauset, Shalizi & Newman 2009, arXiv:0706.1062).

Martin & Mahoney 2021 (arXiv:1810.01075); Martin, Peng & Mahoney 2021 (arXiv:2002.06716).
Differs from the papers:
1. The L layers are those with at least 50 eigenvalues; not applicable where there is none. WeightWatcher, the authors'
   tool, takes from 8 on in version 0.7.
2. WᵀW is not divided by the number of rows, nor a convolution's multiplied by half the positions of its kernel, as
   WeightWatcher does by default. For α it makes no difference; for the other two it does, and a division turns the sign
   of the logarithm for most layers.
3. A tail has at least 10 eigenvalues, and no upper end. Its start is chosen by Kolmogorov and Smirnov's distance, the
   largest on both sides of each step of the data's distribution; WeightWatcher, powerlaw and the code of Clauset et al.
   look at one side. Where the starts are the same, so are all three, to 10⁻⁵ (with WeightWatcher's `conv2d_norm` off).

Version 2: of a convolution, the matrices of the kernel's positions, without its normalization. It was the kernel
reshaped to one matrix, normalization folded in, of which most convolutions had too few eigenvalues to count. Of 20
digits twins 15, 11 and 12 had the larger exponent on random labels, random pixels and gaussian inputs; now 17, 20 and
18.

Claims: larger gap (Martin, Peng & Mahoney 2021, title: of the quality of trained networks).
Random labels: unknown (the sources could not be had).
"""

import math

import torch

from measures import measure
from measures.spectral._weight_spectra import pooled_spectra, power_laws
from measures.trained_model import TrainedModel

SOURCE = "Martin & Mahoney 2021; Martin, Peng & Mahoney 2021"


@measure(source=SOURCE, version=2, invariant_to={"layer_rescaling", "unit_permutation", "logit_shift"})
def power_law_alpha(trained: TrainedModel) -> float:
    return _mean([law.exponent for law in power_laws(trained)])


@measure(source=SOURCE, version=2, invariant_to={"unit_permutation", "logit_shift"})
def weighted_alpha(trained: TrainedModel) -> float:
    pairs = zip(power_laws(trained), pooled_spectra(trained), strict=True)
    return _mean([law.exponent * math.log10(spectrum.eigenvalues[0]) for law, spectrum in pairs])


@measure(source=SOURCE, version=2, invariant_to={"unit_permutation", "logit_shift"})
def log_alpha_norm(trained: TrainedModel) -> float:
    pairs = zip(power_laws(trained), pooled_spectra(trained), strict=True)
    logs = [float(torch.logsumexp(law.exponent * spectrum.eigenvalues.log(), 0)) for law, spectrum in pairs]
    return _mean(logs) / math.log(10)


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)
