"""Inverse square of the size of the box around the weights whose worst corner the training error tolerates.

    μ = 1/α²       max over |uᵢ| ≤ α of  ê(θ + u) − ê(θ) = 0.1          worst_case_flatness
    μ = 1/α'²      max over |uᵢ| ≤ α'|θᵢ| of  ê(θ + u) − ê(θ) = 0.1     worst_case_magnitude_flatness

ê is the misclassified fraction of the training set, θ all parameters.

Jiang et al. 2020 (arXiv:1912.02178), appendix C on sharpness: the worst case in place of pac_bayes_flatness's mean.
Differs from the paper:
1. The maximum is sought by four steps to the corner where the linearized cross-entropy is highest, the highest error on
   the way kept: a lower limit of the true maximum, so α is an upper one.
2. α is sought on a grid of 8 sizes a decade and interpolated (quantities/perturbations.py).
3. The paper allows the error itself to be 0.1, here it may rise by 0.1, as in public code of the paper's measures: the
   same where the training set is fitted.
4. The magnitude-aware box has no added ε: the paper's 10⁻³ is on its own too much for some networks with batch
   normalization.
5. Of a training set larger than 2000, a weighted sample that leaves the error unbiased.
6. Not applicable when even a size of 10 raises the error by no more than 0.1, or 10⁻⁶ by more.

Version 2: on the training set, where it was on 300 examples.

Claims: larger gap (Jiang et al. 2020, appendix C).
Random labels: unknown (only the abstract could be had).
"""

from measures import measure
from measures.quantities.perturbations import tolerated_radius
from measures.trained_model import TrainedModel


@measure(
    source="Jiang et al. 2020, appendix C (sharpness)",
    version=2,
    cost="slow",
    invariant_to={"unit_permutation", "logit_shift"},
)
def worst_case_flatness(trained: TrainedModel) -> float:
    return 1 / tolerated_radius(trained, "isotropic") ** 2


@measure(
    source="Jiang et al. 2020, appendix C (magnitude-aware sharpness)",
    version=2,
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation"},
)
def worst_case_magnitude_flatness(trained: TrainedModel) -> float:
    return 1 / tolerated_radius(trained, "relative") ** 2
