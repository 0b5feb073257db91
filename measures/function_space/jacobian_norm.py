"""Input-output Jacobian norm: how sensitive the predicted probabilities are to the input.

    μ = mean over i of ‖∂p/∂x(xᵢ)‖_F     p = softmax f(x),  ∂p/∂x = (diag(p) − p pᵀ) ∇ₓ f(x)

∇ₓ f(x) is the (K, inputs) Jacobian of the logits, in units of the standardised inputs.

Novak et al. 2018 (arXiv:1802.08760), the Frobenius norm of the input-output Jacobian.
Differs from the paper:
1. At training inputs; the paper's mean is over test inputs, which a measure does not see.
2. The mean is over the first 200 examples of `random_order` (quantities/input_gradients.py).

Claims: larger gap (Novak et al. 2018, abstract).
Random labels: separates (Novak et al. 2018, abstract).
"""

import torch

from measures import measure
from measures.quantities.input_gradients import sample_jacobian
from measures.trained_model import TrainedModel


@measure(
    source="Novak et al. 2018",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def jacobian_norm(trained: TrainedModel) -> float:
    logits, jacobian = sample_jacobian(trained)
    p, jacobian = torch.softmax(logits.double(), dim=1)[:, :, None], jacobian.double()
    of_probabilities = p * (jacobian - (p * jacobian).sum(dim=1, keepdim=True))
    return float(of_probabilities.norm(dim=(1, 2)).mean())
