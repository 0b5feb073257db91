"""PAC-Bayes with noise in proportion to each parameter: how unevenly has training spread its change?

    μ = ¼ Σᵢ log[(ε² + (σ'² + 1) ‖θ − θ_P‖² / p) / (ε² + σ'² (θᵢ − θ₀ᵢ)²)] + log(n/σ') + 10      ε = 10⁻³

    pac_bayes_magnitude_orig    θ_P = 0     σ': the noise σ'|θ| ⊙ z raises the training error by 0.1 on average
    pac_bayes_magnitude_init    θ_P = θ₀    the same σ'
    sharpness_magnitude_orig    θ_P = 0     σ' = α' / √(2 log 2p),  α': the box α'|θᵢ| whose worst corner does
    sharpness_magnitude_init    θ_P = θ₀    the same α'

θ all p parameters, θ₀ those before the first step, n training examples. With θ_P = θ₀ the sum is half of the
Kullback-Leibler divergence between N(θ, diag(ε² + σ'²(θ − θ₀)²)) and N(θ₀, s²I) at the s that makes it smallest.

Jiang et al. 2020 (arXiv:1912.02178), eq. 56 (init), 57 (orig); the magnitude-aware sharpness bounds in its appendix C.
The paper's, and no bounds: the σ' that goes in is that of noise in proportion to θ, not to θ − θ₀; and with θ_P = 0
the formula's sum is not a divergence.
Differs from the paper:
1. σ' and α' are those of pac_bayes_magnitude_flatness and worst_case_magnitude_flatness, with few draws, the
   error's rise where the paper has the error itself, a weighted sample of a training set larger than 2000, and no ε.
2. In the sharpness variants σ' is the noise that stays within α' in all parameters with probability at least ½; the
   paper's constants are others.

Version 2: σ' and α' are found on the training set, where they were on 300 examples.

Claims: larger gap (Jiang et al. 2020, eqs. 56 and 57).
Random labels: unknown (only the abstract could be had).
"""

import math

from torch import Tensor

from measures import measure
from measures.pac_bayes.pac_bayes import noise_within
from measures.quantities.flat_parameters import flat_parameters, initial_parameters
from measures.quantities.perturbations import tolerated_noise_std, tolerated_radius
from measures.trained_model import TrainedModel

EPSILON = 1e-3


@measure(source="Jiang et al. 2020, eq. 57", version=2, cost="slow")
def pac_bayes_magnitude_orig(trained: TrainedModel) -> float:
    return pac_bayes_magnitude(trained, flat_parameters(trained.model), tolerated_noise_std(trained, "relative"))


@measure(source="Jiang et al. 2020, eq. 56", version=2, cost="slow")
def pac_bayes_magnitude_init(trained: TrainedModel) -> float:
    change = flat_parameters(trained.model) - initial_parameters(trained)
    return pac_bayes_magnitude(trained, change, tolerated_noise_std(trained, "relative"))


@measure(source="Jiang et al. 2020, appendix C (magnitude-aware sharpness-orig)", version=2, cost="slow")
def sharpness_magnitude_orig(trained: TrainedModel) -> float:
    noise_std = noise_within(trained, tolerated_radius(trained, "relative"))
    return pac_bayes_magnitude(trained, flat_parameters(trained.model), noise_std)


@measure(source="Jiang et al. 2020, appendix C (magnitude-aware sharpness-init)", version=2, cost="slow")
def sharpness_magnitude_init(trained: TrainedModel) -> float:
    change = flat_parameters(trained.model) - initial_parameters(trained)
    return pac_bayes_magnitude(trained, change, noise_within(trained, tolerated_radius(trained, "relative")))


def pac_bayes_magnitude(trained: TrainedModel, from_prior: Tensor, noise_std: float) -> float:
    """The formula above; `from_prior` is θ − θ_P."""
    change = (flat_parameters(trained.model) - initial_parameters(trained)).double()
    widest = EPSILON**2 + (noise_std**2 + 1) * from_prior.double().square().mean()
    logarithms = (widest / (EPSILON**2 + noise_std**2 * change.square())).log()
    return float(logarithms.sum()) / 4 + math.log(len(trained.labels) / noise_std) + 10
