"""Curvature of the loss in input space, averaged over training.

    μ = mean over e, i of ‖H_e(xᵢ)‖_F     H_e(x) = ∇²ₓ ℓ(f_e(x), y) = Jᵀ S J,  S = diag(p) − p pᵀ
    ‖H‖_F = (Tr H²)^½ = (Tr (S J Jᵀ)²)^½

f_e is the network at the end of epoch e; J (K, inputs) the Jacobian of its logits, in units of the standardised inputs;
p its softmax (K,); ℓ the cross-entropy in nats; i runs over the training set.

Garg, Ravikumar & Roy 2023 (arXiv:2307.05831): the curvature around an example is Tr H² = E ‖Hv‖² over random signs v.
Differs from the paper:
1. Its root, the scale of what public code of the paper averages: ‖Hv‖ by a finite difference of gradients, over ten v.
2. ‖H‖_F is exact for a piecewise linear network (ReLU, max pooling), where f has no curvature of its own. For other
   activations H is the Gauss-Newton part alone.
3. The mean is over all epochs, but the network is known at the ends of epochs 1, 2, 4 and 8, as far as training lasted
   longer, and at the end. Between these the curvature is interpolated linearly in the epochs.
4. One number for the network: the mean over the examples, of which the paper ranks.
5. Of a training set larger than 2000, a weighted sample of about 2000 that leaves the mean unbiased (weighted_examples
   of quantities/hessian_spectrum.py).

Version 2: it was Tr H, over 200 examples, averaged over the known networks as if they were equally far apart. Of 20
digits twins 12, 8 and 7 had the larger value on random labels, random pixels and gaussian inputs, now 20, 10 and 10.

Claims: read into it.
Random labels: separates (Garg, Ravikumar & Roy 2023, abstract, of mislabelled examples).
"""

import numpy as np
import torch
from torch import Tensor, nn

from measures import measure
from measures.history import require_epochs
from measures.quantities.hessian_spectrum import weighted_examples
from measures.quantities.input_gradients import logits_and_jacobians
from measures.trained_model import TrainedModel

EXAMPLES = 2000


@measure(
    source="Garg, Ravikumar & Roy 2023",
    version=2,
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def input_loss_curvature(trained: TrainedModel) -> float:
    require_epochs(trained.history)
    chosen, weights = weighted_examples(trained, EXAMPLES, floor=1)
    inputs = trained.inputs[chosen]

    def mean_curvature(network: nn.Module) -> float:
        of_each = torch.cat([input_curvature(f, jacobian) for f, jacobian in logits_and_jacobians(network, inputs)])
        return float(of_each @ weights) / len(trained.labels)

    last = trained.history.epochs
    known = {epoch: network for epoch, network in trained.snapshots if epoch < last} | {last: trained.model}
    curvatures = [mean_curvature(network) for network in known.values()]
    return float(np.interp(np.arange(1, last + 1), [*known], curvatures).mean())


def input_curvature(logits: Tensor, jacobian: Tensor) -> Tensor:
    """‖∇²ₓ ℓ‖_F of each example, (m,) float64, from its logits (m, K) and their Jacobian (m, K, inputs)."""
    p, jacobian = torch.softmax(logits.double(), dim=1), jacobian.double()
    curved = p[:, :, None] * (jacobian - (p[:, :, None] * jacobian).sum(dim=1, keepdim=True))  # S J
    product = curved @ jacobian.mT  # S J Jᵀ, (m, K, K)
    return (product * product.mT).sum(dim=(1, 2)).clamp_min(0).sqrt()
