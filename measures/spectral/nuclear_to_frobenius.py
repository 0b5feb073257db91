"""Nuclear norm over Frobenius norm of the layers' operators: how evenly the singular values are spread, a mean.

    μ = (1/d) Σₗ ‖Wₗ‖_* / ‖Wₗ‖_F = (1/d) Σₗ Σᵢ σᵢ / (Σᵢ σᵢ²)^½

Wₗ is the true linear operator of layer l with batch normalization folded in and singular values σᵢ, d the number of
layers. Between 1 (rank one) and √rank (all equal), and blind to the layer's scale.

After Recht, Fazel & Parrilo 2010 (arXiv:0706.4138), who have the nuclear norm as the convex stand-in for rank.
Differs from the paper: a ratio, and a mean over the layers. The paper is about low-rank matrices, not about
networks: that it tells of the gap is read into it. Not applicable where an operator has more than 4 million entries.

Claims: read into it.
Random labels: unknown (the source could not be had).
"""

from measures import measure
from measures.layers import require_size
from measures.trained_model import TrainedModel


@measure(
    source="after Recht, Fazel & Parrilo 2010",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def nuclear_to_frobenius(trained: TrainedModel) -> float:
    ratios = []
    for layer in trained.layers:
        require_size([layer], [float(layer.singular_values[0])])
        ratios.append(float(layer.singular_values.sum() / layer.singular_values.norm()))
    return sum(ratios) / len(ratios)
