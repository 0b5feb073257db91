"""Sum of the layers' squared spectral distances from their initialization.

    μ = Σₗ ‖Wₗ − Wₗ⁰‖₂²     Wₗ the true linear operator of layer l, batch normalization folded in; Wₗ⁰ before training

Jiang et al. 2020 (arXiv:1912.02178), eq. 41.
Differs from the paper: none; but published code takes the norm of the reshaped kernel, which is not the operator's.

Claims: larger gap (Jiang et al. 2020, eq. 41).
Random labels: unknown (only the abstract could be had).
"""

from measures import measure
from measures.trained_model import TrainedModel


@measure(source="Jiang et al. 2020, eq. 41", invariant_to={"batch_norm_folding", "logit_shift"})
def spectral_distance(trained: TrainedModel) -> float:
    return sum(layer.change_operator_norm**2 for layer in trained.layers)
