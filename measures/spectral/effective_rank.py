"""Effective rank: the number of equal singular values whose entropy a layer's operator has, a mean over the layers.

    μ = (1/d) Σₗ exp( −Σᵢ pᵢ log pᵢ )     pᵢ = σᵢ / Σⱼ σⱼ,  σᵢ the singular values of Wₗ

Wₗ is the true linear operator of layer l with batch normalization folded in, d the number of layers. Between 1 and the
rank, and blind to the layer's scale.

Roy & Vetterli 2007 (15th European Signal Processing Conference), definition 1, who claim nothing of generalization;
among measures of it in Jaegerman, Damouni, Hosseini & Plataniotis 2021 (arXiv:2110.12259).
Differs from the papers:
1. Of the operator, where the second paper unfolds a convolution's kernel along its output and its input channels, and
   strips noise from it; its published code has the entropy itself.
2. A mean over the layers. Not applicable where an operator has more than 4 million entries.

Claims: read into it.
Random labels: unknown (the sources could not be had).
"""

import torch

from measures import measure
from measures.layers import require_size
from measures.trained_model import TrainedModel


@measure(
    source="Roy & Vetterli 2007, definition 1",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def effective_rank(trained: TrainedModel) -> float:
    ranks = []
    for layer in trained.layers:
        total = layer.singular_values.sum()
        require_size([layer], [float(total)])
        ranks.append(torch.special.entr(layer.singular_values / total).sum().exp())  # entr(p) = −p log p, and 0 at 0
    return float(torch.stack(ranks).mean())
