"""Relative flatness: the curvature of the loss in the last layer's weights, times their products.

    μ = Σ_{s,s'} ⟨w_s, w_s'⟩ Tr H_{s,s'} = (1/n) Σᵢ ‖φᵢ‖² (Σ_s pᵢₛ ‖w_s‖² − ‖Σ_s pᵢₛ w_s‖²)

w_s (width,) is row s of the last linear layer, or of a last 1x1 convolution that is averaged over positions,
H_{s,s'} = ∂²L/∂w_s ∂w_s' a (width, width) block of the Hessian of the mean cross-entropy, φᵢ (width,) what the layer
receives for example i (on average over the positions), pᵢ its softmax output. The second form is the
first, exactly: the block is (1/n) Σᵢ (pᵢₛ [s = s'] − pᵢₛ pᵢₛ') φᵢφᵢᵀ.

Petzka et al. 2021 (arXiv:2001.00939), the definition of κ_Tr; small is flat.
Differs from the paper:
1. Always of the last layer; the paper defines it for any one.
2. Not applicable where the logits are not what a last linear layer returns, or such a convolution.

Claims: larger gap (Petzka et al. 2021, abstract).
Random labels: unknown (only the abstract could be had).
"""

import dataclasses
import math

import torch.nn.functional as F
from torch import Tensor

from measures import NotApplicable, measure
from measures.folding import folded
from measures.trained_model import FEW, TrainedModel

SAME = 1e-4


@measure(
    source="Petzka et al. 2021",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def relative_flatness(trained: TrainedModel) -> float:
    layer, logits = trained.layers[-1], trained.logits
    difference, features = _received_by_last(trained)
    if not difference <= SAME:  # but for the scale of a normalization before the layer, which its weights have
        network = folded(trained.model, trained.inputs[:FEW])
        difference, features = _received_by_last(dataclasses.replace(trained, model=network))
    if not difference <= SAME:
        raise NotApplicable(f"the logits differ from what the last linear layer returns by {difference:.1e}, relative")
    p, weight = logits.double().softmax(dim=1), layer.weight.flatten(1).double()
    spread = p @ weight.square().sum(dim=1) - (p @ weight).square().sum(dim=1)  # (n,)
    return float((features.square().sum(dim=1).double() * spread).mean())


def _received_by_last(trained: TrainedModel) -> tuple[float, Tensor]:
    """How far the last layer's weights times the features are from the logits, relative; the features (n, width)."""
    layer, features, logits = trained.layers[-1], trained.features, trained.logits[:FEW]
    weight = layer.weight.flatten(1)
    if weight.shape != (logits.shape[1], features.shape[1]) or math.prod(layer.weight.shape[2:]) != 1:
        raise NotApplicable("the layer applied last is not linear")
    returned = F.linear(features[:FEW], weight, layer.bias)
    return float((returned - logits).norm() / logits.norm().clamp_min(1e-12)), features
