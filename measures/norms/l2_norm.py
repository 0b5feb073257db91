"""Euclidean norm of all parameters: how large have the weights become?

    μ = ‖θ‖₂ = (Σ θ²)^½     the sum runs over every trained parameter, biases and batch normalization included

Jiang et al. 2020 (arXiv:1912.02178), eq. 42 is the square of this, without biases.
Differs from the paper:
1. The root is taken, which changes no order.
2. Batch normalization is not folded: these are the numbers that training moved.

Claims: larger gap (Jiang et al. 2020, eq. 42).
Random labels: unknown (only the abstract could be had).
"""

import math

from measures import measure
from measures.networks.plain_network import require_parameters
from measures.trained_model import TrainedModel


@measure(source="Jiang et al. 2020, eq. 42", invariant_to={"unit_permutation"})
def l2_norm(trained: TrainedModel) -> float:
    require_parameters(trained.model)
    return math.sqrt(sum(float(p.detach().double().square().sum()) for p in trained.model.parameters()))
