"""Geometric complexity: how much the logits vary around the training inputs.

    μ = mean over i of ‖∇ₓ f(xᵢ)‖²_F

∇ₓ f(x) is the (K, inputs) Jacobian of the logits, in units of the standardised inputs.

Dherin, Munn, Rosca & Barrett 2022 (arXiv:2209.13083).
Differs from the paper: the mean is over the first 200 examples of `random_order` (quantities/input_gradients.py).

Claims: read into it.
Random labels: unknown (only the abstract could be had).
"""

from measures import measure
from measures.quantities.input_gradients import sample_jacobian
from measures.trained_model import TrainedModel


@measure(
    source="Dherin, Munn, Rosca & Barrett 2022",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def geometric_complexity(trained: TrainedModel) -> float:
    _, jacobian = sample_jacobian(trained)
    return float(jacobian.square().sum(dim=(1, 2)).double().mean())
