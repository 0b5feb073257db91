"""Inverse squared margin: how close to the boundary is the closest tenth of the training set?

    μ = 1 / γ²     γ = 10th percentile over i of  f(xᵢ)[yᵢ] − max_{j≠yᵢ} f(xᵢ)[j]

Jiang et al. 2020 (arXiv:1912.02178), eq. 22.
Differs from the paper: not applicable where γ ≤ 0 (the paper only meets networks that fit their training set).

Claims: larger gap (Jiang et al. 2020, eq. 22).
Random labels: does not separate (Bartlett, Foster & Telgarsky 2017, abstract of the talk: not normalized).
"""

from measures import measure
from measures.quantities.margin_percentile import inverse_squared_margin
from measures.trained_model import TrainedModel


@measure(
    source="Jiang et al. 2020, eq. 22",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def inverse_margin(trained: TrainedModel) -> float:
    return inverse_squared_margin(trained)
