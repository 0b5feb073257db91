"""Heavy tails of the weight matrices' spectra: the exponent of a power law, and norms weighted by it.

    power_law_alpha   μ = (1/L) Σₗ αₗ
    weighted_alpha    μ = (1/L) Σₗ αₗ log₁₀ λₗ,max
    log_alpha_norm    μ = (1/L) Σₗ log₁₀ Σᵢ λₗᵢ^αₗ

λₗᵢ are the eigenvalues of WₗᵀWₗ, and their density falls like λ^(−αₗ) in the tail. The claim: a layer that has learned
correlations has a heavy tail, a small α. Exponent and start of the tail are fitted as in _weight_spectra.py
(Clauset, Shalizi & Newman 2009, arXiv:0706.1062).

Martin & Mahoney 2021 (arXiv:1810.01075); Martin, Peng & Mahoney 2021 (arXiv:2002.06716).
Differs from the paper:
1. Wₗ is the reshaped kernel of a convolution, batch normalization folded in; published code pools the spectra of the
   kernel's positions and leaves normalization aside.
2. The L layers are those with at least 50 eigenvalues; not applicable where there is none.
3. WᵀW is not divided by the number of rows. For α it makes no difference; for the other two it does, and a division
   turns the sign of the logarithm for most layers.
4. A tail has at least 10 eigenvalues, and no upper end.

Claims: larger gap (Martin, Peng & Mahoney 2021, title: of the quality of trained networks).
Random labels: unknown (the sources could not be had).
"""

import math

import torch

from measures import measure
from measures.spectral._weight_spectra import large_spectra, power_laws
from measures.trained_model import TrainedModel

SOURCE = "Martin & Mahoney 2021; Martin, Peng & Mahoney 2021"


@measure(
    source=SOURCE,
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def power_law_alpha(trained: TrainedModel) -> float:
    return _mean([law.exponent for law in power_laws(trained)])


@measure(source=SOURCE, invariant_to={"unit_permutation", "batch_norm_folding", "logit_shift"})
def weighted_alpha(trained: TrainedModel) -> float:
    pairs = zip(power_laws(trained), large_spectra(trained), strict=True)
    return _mean([law.exponent * math.log10(spectrum.eigenvalues[0]) for law, spectrum in pairs])


@measure(source=SOURCE, invariant_to={"unit_permutation", "batch_norm_folding", "logit_shift"})
def log_alpha_norm(trained: TrainedModel) -> float:
    pairs = zip(power_laws(trained), large_spectra(trained), strict=True)
    logs = [float(torch.logsumexp(law.exponent * spectrum.eigenvalues.log(), 0)) for law, spectrum in pairs]
    return _mean(logs) / math.log(10)


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)
