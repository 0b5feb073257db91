"""Sum of the layers' squared Frobenius distances from their initialization.

    μ = Σₗ ‖Wₗ − Wₗ⁰‖²_F     Wₗ the true linear operator of layer l, batch normalization folded in; Wₗ⁰ before training

Jiang et al. 2020 (arXiv:1912.02178), eq. 40.
Differs from the paper:
1. A convolution counts each kernel entry once for every place where it is applied inside the image; the paper's norm
   is the kernel's.
2. Biases are left out (`distance_from_init` has them, and no folding).

Claims: larger gap (Jiang et al. 2020, eq. 40).
Random labels: unknown (only the abstract could be had).
"""

from measures import measure
from measures.trained_model import TrainedModel


@measure(source="Jiang et al. 2020, eq. 40", invariant_to={"batch_norm_folding", "logit_shift"})
def frobenius_distance(trained: TrainedModel) -> float:
    return sum(layer.change_frobenius_norm**2 for layer in trained.layers)
