"""Gradient-weight alignment: does the step down each example's loss lengthen the weights of the last layer?

    γᵢ = cos(−gᵢ, W) = ⟨−gᵢ, W⟩ / ‖gᵢ‖ ‖W‖     gᵢ = (pᵢ − e_{yᵢ}) φᵢᵀ

    gradient_weight_alignment = −mean(γ) / (m₄ / m₂² − 3 + 1.2)
    gradient_weight_cosine    = −mean(γ)

W (K, width) is the weight of the linear layer applied last, φᵢ what it receives for example i, pᵢ the softmax output,
so that gᵢ is the gradient of the cross-entropy with respect to W; m₂, m₄ are the central moments of γ over all training
examples, m₄ / m₂² − 3 its excess kurtosis. Negated: the claim is that aligned networks generalize.

Hölzl, Rueckert & Kaissis 2025 (arXiv:2510.25480), eq. 2 and the estimate of the last layer, as in the authors' code
(github.com/hlzl/gwa); 1.2 is their constant, against the excess kurtosis −1.2 of a uniform distribution. The mean alone
is what they compare networks by, at its largest over training.
Differs from the paper:
1. Of the trained network in evaluation mode; the paper gathers γ in the course of an epoch, and takes it as it goes.
2. Not applicable where the excess kurtosis is −1.2 or less (γ of two values, say), where the quotient changes its sign.
3. γᵢ = 0 where gᵢ = 0 (φᵢ = 0, say), as the code has it; but the code's 10⁻¹² beside the lengths, by which it also
   takes short gradients for unaligned ones, is left out.
4. Not applicable where the logits are not what a linear layer returns.

Claims: larger gap (abstract).
Random labels: unknown (of the paper only the abstract and the code could be had).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from measures import NotApplicable, measure
from measures.layer_inputs import with_layers_known
from measures.networks.layer_hooks import recorded_run
from measures.once_per_model import once_per_model
from measures.quantities.per_example import loss_cotangents
from measures.trained_model import FEW, TrainedModel

OFFSET = 1.2
EVERY_CHANGE = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}


@measure(source="Hölzl, Rueckert & Kaissis 2025, eq. 2", invariant_to=EVERY_CHANGE)
def gradient_weight_alignment(trained: TrainedModel) -> float:
    scores = alignments(trained)
    centred = scores - scores.mean()
    variance = float(centred.square().mean())
    if not variance > 1e-24:
        raise NotApplicable("every example's gradient is aligned alike: the kurtosis is undefined")
    denominator = float(centred.pow(4).mean()) / variance**2 - 3 + OFFSET
    if not denominator > 0:
        raise NotApplicable(f"the excess kurtosis is {denominator - OFFSET:.3g}, not above {-OFFSET}")
    return -float(scores.mean()) / denominator


@measure(source="Hölzl, Rueckert & Kaissis 2025, section 3", invariant_to=EVERY_CHANGE)
def gradient_weight_cosine(trained: TrainedModel) -> float:
    return -float(alignments(trained).mean())


@once_per_model
def alignments(trained: TrainedModel) -> Tensor:
    """γ of every training example, (n,) float64."""
    weight, features = last_linear(trained), trained.features.double()
    cotangents = loss_cotangents(trained.logits.double(), trained.labels)
    lengths = features.norm(dim=1) * cotangents.norm(dim=1) * weight.norm()
    if not bool(weight.any()):
        raise NotApplicable("the last weight is zero: no gradient is aligned with it")
    return -((features @ weight.T) * cotangents).sum(dim=1) / lengths.where(lengths > 0, 1)


def last_linear(trained: TrainedModel) -> Tensor:
    """The weight (K, width) of the linear layer that returns the logits, float64; NotApplicable where none does."""
    network = with_layers_known(trained.model, trained.inputs)
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    with torch.no_grad():
        _, applications = recorded_run(network, layers, trained.inputs[:1])
    if not applications:
        raise NotApplicable("the network applies no Linear layer: there is no last one")
    layer, features, logits = applications[-1].layer, trained.features[:FEW], trained.logits[:FEW]
    if features.shape[1] != layer.in_features or layer.out_features != logits.shape[1]:
        raise NotApplicable("the logits are not what the linear layer applied last returns")
    with torch.no_grad():
        returned = F.linear(features, layer.weight, layer.bias)
    difference = float((returned - logits).norm() / logits.norm().clamp_min(1e-12))
    if not difference <= 1e-4:
        raise NotApplicable(f"the logits differ from what the last linear layer returns by {difference:.1e}, relative")
    return layer.weight.detach().double()
