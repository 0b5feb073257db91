"""Inverse variance of the Gaussian noise on the weights that the training error tolerates.

    μ = 1/σ²       E[ê(θ + σ z)] − ê(θ) = 0.1             z ~ N(0, I)      pac_bayes_flatness
    μ = 1/σ'²      E[ê(θ + σ'|θ| ⊙ z)] − ê(θ) = 0.1       z ~ N(0, I)      pac_bayes_magnitude_flatness

ê is the misclassified fraction of the training set, θ all parameters; σ is a standard deviation, and σ' one in units
of each parameter's own size. Scale and shift of batch normalization are parameters; its running statistics stay.

Jiang et al. 2020 (arXiv:1912.02178), eq. 53 and 61.
Differs from the paper:
1. The expectation is a mean over 8 draws of z, the same draws at every σ: 1/σ² is within 0.97 to 1.33 of that of 60.
2. The paper allows the expected error itself to be 0.1, here it may rise by 0.1, as in public code of the paper's
   measures: the same where the training set is fitted.
3. Where the rise crosses 0.1 is sought on a grid of 8 sizes a decade and interpolated (quantities/perturbations.py).
   The expected error need not grow with σ: this is one of its crossings, the paper's is the last.
4. Noise in proportion has no added ε, so a weight of zero stays zero and the scale of a layer does not matter; the
   paper's variance is σ'²θ² + 10⁻⁶.
5. Of a training set larger than 2000, a weighted sample that leaves the error unbiased.
6. Not applicable when even σ = 10 raises the error by no more than 0.1 (no room left to rise), or σ = 10⁻⁶ by more.

Version 3: 8 draws on all examples, where it was 8 on 300, and before that 20 on all.

Claims: larger gap (Jiang et al. 2020, eqs. 53 and 61).
Random labels: unknown (only the abstract could be had).
"""

from measures import Estimate, measure
from measures.quantities.perturbations import tolerated_noise_std
from measures.trained_model import TrainedModel


@measure(source="Jiang et al. 2020, eq. 53", version=3, cost="slow", invariant_to={"logit_shift"})
def pac_bayes_flatness(trained: TrainedModel) -> float:
    return inverse_variance(tolerated_noise_std(trained, "isotropic"))


@measure(source="Jiang et al. 2020, eq. 61", version=2, cost="slow", invariant_to={"layer_rescaling"})
def pac_bayes_magnitude_flatness(trained: TrainedModel) -> float:
    return inverse_variance(tolerated_noise_std(trained, "relative"))


def inverse_variance(noise_std: Estimate) -> Estimate:
    """1/σ², with the standard error that σ's makes of it."""
    return noise_std.through(1 / noise_std**2, derivative=2 / noise_std**3)
