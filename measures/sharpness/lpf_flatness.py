"""The training loss through a low-pass filter: its convolution with a narrow Gaussian, at the trained weights.

    μ = (L ∗ N(0, σ² I))(θ) = E[L(θ + σ z)]     z ~ N(0, I),  σ = 0.01

L is the mean cross-entropy, θ all parameters; σ is a standard deviation. Unlike average_sharpness, L(θ) stays in.

Bisla, Wang & Choromanska 2022 (arXiv:2201.08025), the LPF measure, with the σ of their comparison of measures.
Differs from the paper: 8 draws on 300 training examples; the paper takes 100 and the whole set.

Claims: larger gap (Bisla, Wang & Choromanska 2022).
Random labels: unknown (the source could not be had).
"""

from measures import measure
from measures.quantities.perturbations import STEPS_A_DECADE, grid_size, noisy_outcomes
from measures.trained_model import TrainedModel

NOISE_STD = grid_size(-2 * STEPS_A_DECADE)


@measure(source="Bisla, Wang & Choromanska 2022, LPF", cost="slow", invariant_to={"logit_shift"})
def lpf_flatness(trained: TrainedModel, noise_std: float = NOISE_STD) -> float:
    return float(noisy_outcomes(trained, noise_std, "isotropic").losses.mean())
