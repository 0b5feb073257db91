"""Lower bound on the network's Lipschitz constant: its steepest slope at a training input.

    μ = max over i of ‖∇ₓ f(xᵢ)‖₂

‖·‖₂ is the largest singular value of the (K, inputs) Jacobian of the logits, in units of the standardised inputs.

Khromov & Singh 2023 (arXiv:2302.10886).
Differs from the paper: the maximum is over the first 200 examples of `random_order` (quantities/input_gradients.py), so
a weaker lower bound than all of them give.

Claims: read into it.
Random labels: unknown (the abstract speaks of effects of label noise, and not of which).
"""

import torch

from measures import measure
from measures.quantities.input_gradients import sample_jacobian
from measures.trained_model import TrainedModel


@measure(
    source="Khromov & Singh 2023",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def lipschitz_lower_bound(trained: TrainedModel) -> float:
    jacobian = sample_jacobian(trained)[1].double()
    largest = torch.linalg.eigvalsh(jacobian @ jacobian.mT)[:, -1]
    return float(largest.max().clamp_min(0).sqrt())
