"""PAC-Bayes with the noise that the training error tolerates: distance from the prior in units of that noise.

    μ = ‖θ − θ_P‖² / (4σ²) + log(n/σ) + 10

    pac_bayes_orig     θ_P = 0      σ: the Gaussian noise that raises the training error by 0.1 on average
    pac_bayes_init     θ_P = θ₀     the same σ
    sharpness_orig     θ_P = 0      σ = α / √(2 log 2p),  α: the box whose worst corner raises it by 0.1
    sharpness_init     θ_P = θ₀     the same α

θ all p parameters, θ₀ those before the first step, n training examples, σ a standard deviation. The first term is half
of the Kullback-Leibler divergence between N(θ, σ²I) and N(θ_P, σ²I). Of p Gaussian coordinates with σ = α/√(2 log 2p)
all stay within ±α with probability at least ½, so the box's worst is no better than the noise's half.

Jiang et al. 2020 (arXiv:1912.02178), eq. 48 (init), 49 (orig); the sharpness bounds in its appendix C.
Differs from the paper:
1. σ and α as in pac_bayes_flatness and worst_case_flatness: few draws, the error's rise where the paper has the error
   itself, and a weighted sample of a training set larger than 2000.
2. Constant factors of the sharpness bounds are those of the σ above. At fixed p they leave any ranking nearly as is.

Version 2: σ and α are found on the training set, where they were on 300 examples.

Claims: larger gap (Jiang et al. 2020, eqs. 48 and 49).
Random labels: unknown (only the abstract could be had).
"""

import math

from torch import Tensor

from measures import measure
from measures.quantities.flat_parameters import flat_parameters, initial_parameters
from measures.quantities.perturbations import tolerated_noise_std, tolerated_radius
from measures.trained_model import TrainedModel


@measure(source="Jiang et al. 2020, eq. 49", version=2, cost="slow")
def pac_bayes_orig(trained: TrainedModel) -> float:
    return pac_bayes(trained, flat_parameters(trained.model), tolerated_noise_std(trained, "isotropic"))


@measure(source="Jiang et al. 2020, eq. 48", version=2, cost="slow")
def pac_bayes_init(trained: TrainedModel) -> float:
    change = flat_parameters(trained.model) - initial_parameters(trained)
    return pac_bayes(trained, change, tolerated_noise_std(trained, "isotropic"))


@measure(
    source="Jiang et al. 2020, appendix C (sharpness-orig)",
    version=2,
    cost="slow",
    invariant_to={"unit_permutation"},
)
def sharpness_orig(trained: TrainedModel) -> float:
    noise_std = noise_within(trained, tolerated_radius(trained, "isotropic"))
    return pac_bayes(trained, flat_parameters(trained.model), noise_std)


@measure(source="Jiang et al. 2020, appendix C (sharpness-init)", version=2, cost="slow")
def sharpness_init(trained: TrainedModel) -> float:
    change = flat_parameters(trained.model) - initial_parameters(trained)
    return pac_bayes(trained, change, noise_within(trained, tolerated_radius(trained, "isotropic")))


def pac_bayes(trained: TrainedModel, from_prior: Tensor, noise_std: float) -> float:
    """‖θ − θ_P‖² / (4σ²) + log(n/σ) + 10."""
    squared_distance = float(from_prior.double().square().sum())
    return squared_distance / (4 * noise_std**2) + math.log(len(trained.labels) / noise_std) + 10


def noise_within(trained: TrainedModel, radius: float) -> float:
    """The standard deviation whose noise stays within ±radius in all parameters with probability at least one half."""
    return radius / math.sqrt(2 * math.log(2 * flat_parameters(trained.model).numel()))
