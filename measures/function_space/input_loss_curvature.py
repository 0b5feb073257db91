"""Curvature of the loss in input space, averaged over training.

    μ = mean over t, i of Tr ∇²ₓ ℓ(f_t(xᵢ), yᵢ)
    Tr ∇²ₓ ℓ = Tr Jᵀ (diag(p) − p pᵀ) J = Σₖ pₖ ‖Jₖ − J̄‖²     J̄ = Σₖ pₖ Jₖ

f_t is the network at the snapshots and at the end of training; J (K, inputs) the Jacobian of its logits, with rows Jₖ,
in units of the standardised inputs; p its softmax (K,); ℓ the cross-entropy in nats.

Garg, Ravikumar & Roy 2023 (arXiv:2307.05831).
Differs from the paper:
1. The trace is exact for a piecewise linear network (ReLU, max pooling), where f has no curvature of its own; the
   paper estimates curvature by finite differences in random directions. For other activations it is the Gauss-Newton
   part alone.
2. The mean over training is over the snapshots (epochs 1, 2, 4 and 8, as far as training lasted longer) and the end,
   not over all epochs; without snapshots the end alone. The snapshots are early, when a network that memorizes is
   still nearly flat: they count for more here than in a mean over epochs.
3. One number for the network: the mean over the first 200 examples of `random_order` (quantities/input_gradients.py).

Claims: read into it.
Random labels: separates (Garg, Ravikumar & Roy 2023, abstract, of mislabelled examples).
"""

import torch
from torch import Tensor

from measures import measure
from measures.quantities.input_gradients import JACOBIAN_SAMPLE, logits_and_jacobian, sample_jacobian
from measures.trained_model import TrainedModel


@measure(
    source="Garg, Ravikumar & Roy 2023",
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def input_loss_curvature(trained: TrainedModel) -> float:
    inputs, _ = trained.sample(JACOBIAN_SAMPLE)
    early = [logits_and_jacobian(network, inputs) for _, network in trained.snapshots]
    networks = (*early, sample_jacobian(trained))
    means = [float(input_curvature(logits, jacobian).mean()) for logits, jacobian in networks]
    return sum(means) / len(means)


def input_curvature(logits: Tensor, jacobian: Tensor) -> Tensor:
    """Tr ∇²ₓ ℓ of each example, (m,)."""
    p, jacobian = torch.softmax(logits.double(), dim=1)[:, :, None], jacobian.double()
    mean_row = (p * jacobian).sum(dim=1, keepdim=True)
    return (p * (jacobian - mean_row).square()).sum(dim=(1, 2))
