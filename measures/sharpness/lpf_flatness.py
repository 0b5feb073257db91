"""The training loss through a low-pass filter: its convolution with a narrow Gaussian, at the trained weights.

    μ = (L ∗ N(0, σ² I))(θ) = E[L(θ + σ z)]     z ~ N(0, I),  σ = 0.01

L is the mean cross-entropy, θ all parameters; σ is a standard deviation. Unlike average_sharpness, L(θ) stays in.

Bisla, Wang & Choromanska 2022 (arXiv:2201.08025), the LPF measure, with the σ of their comparison of measures.
Differs from the paper: 32 draws, the same for twins, where the paper takes 100. Of a training set larger than 2000, a
weighted sample that leaves the loss unbiased (quantities/perturbations.py).

Version 2: it was 8 draws on 300 examples, a sample that misses the few on which a network that fits has its loss. Of 20
digits twins 12, 14 and 17 had the larger value on random labels, random pixels and gaussian inputs, now all.

Claims: larger gap (Bisla, Wang & Choromanska 2022).
Random labels: unknown (the source could not be had).
"""

from measures import measure
from measures.quantities.perturbations import STEPS_A_DECADE, grid_size, noisy_outcomes
from measures.trained_model import TrainedModel

NOISE_STD = grid_size(-2 * STEPS_A_DECADE)
DRAWS = 32


@measure(source="Bisla, Wang & Choromanska 2022, LPF", version=2, cost="slow", invariant_to={"logit_shift"})
def lpf_flatness(trained: TrainedModel, noise_std: float = NOISE_STD) -> float:
    return noisy_outcomes(trained, noise_std, "isotropic", DRAWS).mean_loss
