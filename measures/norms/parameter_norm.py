"""Sum of the layers' squared Frobenius norms.

    μ = Σₗ ‖Wₗ‖²_F     Wₗ the true linear operator of layer l, batch normalization folded in

Jiang et al. 2020 (arXiv:1912.02178), eq. 42.
Differs from the paper:
1. A convolution counts each kernel entry once for every place where it is applied inside the image, so that the value
   does not depend on whether the layer is written as a convolution; the paper's norm is the kernel's.
2. Biases are left out (`l2_norm` has them, and no folding).

Claims: larger gap (Jiang et al. 2020, eq. 42).
Random labels: unknown (only the abstract could be had).
"""

from measures import measure
from measures.trained_model import TrainedModel


@measure(source="Jiang et al. 2020, eq. 42", invariant_to={"unit_permutation", "batch_norm_folding", "logit_shift"})
def parameter_norm(trained: TrainedModel) -> float:
    return sum(layer.frobenius_norm**2 for layer in trained.layers)
