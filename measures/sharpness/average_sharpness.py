"""Average sharpness: how far does Gaussian noise on the weights raise the training loss, in the mean?

    μ = E[L(θ + σ z)] − L(θ)     z ~ N(0, I),  σ = 10^(−1.5) ≈ 0.032

L is the mean cross-entropy, θ all parameters; σ is a standard deviation, half way between 0.1 and 0.01 in logarithm.

Neyshabur et al. 2017 (arXiv:1706.08947), eq. 6 (expected sharpness); Andriushchenko et al. 2023 (arXiv:2302.07011),
the average-case sharpness with c = 1.
Differs from the papers: 32 draws, the same for twins. Of a training set larger than 2000, a weighted sample that leaves
the losses unbiased (quantities/perturbations.py).

Version 2: it was 8 draws on 300 examples.

Claims: larger gap (Neyshabur et al. 2017, abstract; Andriushchenko et al. 2023, abstract, find no such relation).
Random labels: unknown (only the abstracts could be had).
"""

from measures import measure
from measures.quantities.perturbations import STEPS_A_DECADE, clean_outcome, grid_size, noisy_outcomes
from measures.trained_model import TrainedModel

NOISE_STD = grid_size(-1.5 * STEPS_A_DECADE)
DRAWS = 32


@measure(source="Neyshabur et al. 2017, expected sharpness", version=2, cost="slow", invariant_to={"logit_shift"})
def average_sharpness(trained: TrainedModel, noise_std: float = NOISE_STD) -> float:
    noisy = noisy_outcomes(trained, noise_std, "isotropic", DRAWS).mean_loss
    return noisy.through(noisy - clean_outcome(trained).loss, derivative=1)
