"""Fisher-Rao norm: the length of the weights in the metric of the empirical Fisher information.

    μ = (θᵀ I(θ) θ)^½ = d (mean over i of ⟨∂ℓ/∂f(xᵢ), f(xᵢ)⟩²)^½     ∂ℓ/∂f(x) = softmax f(x) − e_y

I(θ) is the mean over the training set of g gᵀ with g = ∇_θ ℓ(f(x), y); d is the number of weight layers; f(x) (K,) are
the logits, ℓ the cross-entropy in nats.

Liang, Poggio, Rakhlin & Stokes 2019 (arXiv:1711.01530), Theorem 3.1, where d is written L + 1, for L hidden layers.
Differs from the paper:
1. The norm, not its square.
2. The second form is taken as the definition. It equals the first where the network has no biases and its
   activations are homogeneous, as in the paper; with biases or batch normalization it is another number.

Claims: larger gap (Liang, Poggio, Rakhlin & Stokes 2019, abstract).
Random labels: unknown (only the abstract could be had).
"""

import torch

from measures import measure
from measures.trained_model import TrainedModel


@measure(
    source="Liang, Poggio, Rakhlin & Stokes 2019, Theorem 3.1",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def fisher_rao_norm(trained: TrainedModel) -> float:
    f = trained.logits.double()
    residual = torch.softmax(f, dim=1)
    residual[torch.arange(len(f)), trained.labels] -= 1
    return len(trained.layers) * float((residual * f).sum(dim=1).square().mean().sqrt())
