"""Marchenko-Pastur soft rank: the edge of a layer's bulk of random eigenvalues over its largest, a mean over layers.

    μ = (1/L) Σₗ λ⁺ₗ / λₗ,max     λ⁺ = σ² (√N + √M)²

λ are the eigenvalues of WᵀW for the (N, M) weight matrix W, and λ⁺ is where those of a matrix of independent entries of
variance σ² end, in the limit of large N and M. Near 1 a layer is as good as random; the more it has learned, the
further its largest eigenvalue lies beyond the edge. σ² is the variance of what is noise in W
(_matrix_noise.py).

Martin & Mahoney 2021 (arXiv:1810.01075), section on the MP soft rank.
Differs from the paper:
1. σ² by empirical variational Bayes, where the paper fits the bulk of the spectrum to the law, partly by eye.
2. W is the reshaped kernel of a convolution, batch normalization folded in; the L layers are those with at least 50
   eigenvalues, and it is not applicable where there is none. The paper has a matrix for each position of a kernel
   (power_law.py) and leaves normalization aside.
3. WeightWatcher, the authors' tool, finds other edges: on the digits twins the value is 0.27 to 2.5 of its (a rank
   correlation of 0.78), and it fails the gate either way.

Version 2: the noise is the best of all local minima of its objective, where a grid could lead to another.

Claims: larger gap (Martin & Mahoney 2021).
Random labels: unknown (the source could not be had).
"""

from measures import measure
from measures.spectral._matrix_noise import noise_variance
from measures.spectral._weight_spectra import large_spectra
from measures.trained_model import TrainedModel


@measure(
    source="Martin & Mahoney 2021",
    version=2,
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def mp_soft_rank(trained: TrainedModel) -> float:
    spectra = large_spectra(trained)
    edges = [noise_variance(spectrum) * (spectrum.rows**0.5 + spectrum.columns**0.5) ** 2 for spectrum in spectra]
    ratios = [edge / float(spectrum.eigenvalues[0]) for edge, spectrum in zip(edges, spectra, strict=True)]
    return sum(ratios) / len(ratios)
