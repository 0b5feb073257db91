"""Spectrum of the trained network's tangent kernel: over how many directions does it spread?

    ntk_condition      = λ₁ / λₘ
    ntk_effective_rank = (Σᵢ λᵢ)² / Σᵢ λᵢ²

λ₁ ≥ ... ≥ λₘ ≥ 0 are the eigenvalues of Θ (m, m), Θ(x, x') = (1/K) Σₖ ⟨∇_θ f_k(x), ∇_θ f_k(x')⟩, θ all weights. The
reading: badly conditioned kernels, and networks that need many directions, generalize worse.

Chen, Gong & Wang 2021 (arXiv:2102.11535), the kernel's condition number; Oymak et al. 2019 (arXiv:1906.05392), that
Jacobians of low rank generalize.
Differs from the papers:
1. The first paper's kernel is that of untrained networks, for choosing among architectures. Here it is the trained
   network's: twins with equal inputs share the initial one.
2. What the first paper claims is that networks with a large condition number are hard to train and reach less accuracy,
   among architectures; that it tells of the gap of a trained network is read into it.
3. The effective rank is a participation ratio; the second paper splits the spectrum at a threshold.
4. The examples are the first 200 of `random_order`. No condition number where λₘ is below 10⁻⁶ λ₁, which is rounding.

Claims: larger gap (Oymak et al. 2019, abstract, of the rank; of the condition number it is read into it).
Random labels: unknown (only the abstracts could be had).
"""

from measures import NotApplicable, measure
from measures.kernels._spectra import tangent_spectrum
from measures.trained_model import TrainedModel

ROUNDING = 1e-6


@measure(source="Chen, Gong & Wang 2021", cost="slow", invariant_to={"unit_permutation", "logit_shift"})
def ntk_condition(trained: TrainedModel) -> float:
    values = tangent_spectrum(trained).values
    smallest, largest = float(values[0]), float(values[-1])
    if not smallest > ROUNDING * largest:
        raise NotApplicable(f"the smallest of {len(values)} eigenvalues is {smallest:.2g}, zero beside {largest:.2g}")
    return largest / smallest


@measure(
    source="after Oymak et al. 2019; participation ratio", cost="slow", invariant_to={"unit_permutation", "logit_shift"}
)
def ntk_effective_rank(trained: TrainedModel) -> float:
    values = tangent_spectrum(trained).values
    if not values[-1] > 0:
        raise NotApplicable("the tangent kernel is zero: it has no rank")
    return float(values.sum().square() / values.square().sum())
