"""Spectral complexity: the Lipschitz constant, corrected by how far each layer moved from its initialization.

    μ = (Πₗ ‖Wₗ‖₂) · (Σₗ (‖Wₗᵀ − Wₗ⁰ᵀ‖₂,₁ / ‖Wₗ‖₂)^⅔)^(3/2)

Wₗ is the true linear operator of layer l with batch normalization folded in, Wₗ⁰ the same before training (the paper's
reference matrix Mₗ), and ‖Aᵀ‖₂,₁ the sum of the Euclidean norms of the rows of A, one row an output value.

Bartlett, Foster & Telgarsky 2017 (arXiv:1706.08498), eq. 1.2.
Differs from the paper:
1. Biases are left out; the paper's networks have none.
2. Not divided by the margin: eq. 1.2 is the network's complexity R_A, the paper's bound has R_A / γ. Over the median
   margin it is spectral_normalized_margin.
3. Not applicable where the layers are not a chain (skip connections, branches, attention), which the paper's are.

Claims: larger gap (Bartlett, Foster & Telgarsky 2017, abstract).
Random labels: separates (Bartlett, Foster & Telgarsky 2017, abstract).
"""

import math

from measures import measure
from measures.layer_chain import check_chain
from measures.layers import require_size, row_norms
from measures.trained_model import TrainedModel


@measure(
    source="Bartlett, Foster & Telgarsky 2017, eq. 1.2",
    invariant_to={"batch_norm_folding", "logit_shift"},
)
def spectral_complexity(trained: TrainedModel) -> float:
    check_chain(trained)
    norms = [layer.operator_norm for layer in trained.layers]
    require_size(trained.layers, norms)
    moved = [float(row_norms(layer, layer.weight - layer.init_weight).sum()) for layer in trained.layers]
    correction: float = math.fsum((moved[i] / norms[i]) ** (2 / 3) for i in range(len(norms))) ** (3 / 2)
    return math.prod(norms) * correction
