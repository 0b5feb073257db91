"""Manifold mixup error: how often is the mean of two examples' hidden features, of one label, given another label?

    μ = (1/m) Σₖ 1[argmax g((h(xᵢₖ) + h(xⱼₖ))/2) ≠ yₖ]     yᵢₖ = yⱼₖ = yₖ, iₖ ≠ jₖ

h is what the second weight layer receives, g the rest of the network: f = g ∘ h are the logits. The m pairs are the
first of harness/mixing.py, at most 500. A fraction; the paper's accuracy is one minus it.

Natekar & Sharma 2020 (arXiv:2012.02775), manifold mixup; Verma et al. 2019 (arXiv:1806.05236).
Differs from the paper:
1. The share of either example is one half, not drawn; all pairs together instead of a mean over classes.
2. Not applicable with fewer than two hidden layers: the rest of the network is linear then, its decision regions are
   convex, and the mean of two examples that it classifies alike cannot be classified otherwise.
"""

import torch
from torch import Tensor, nn

from harness.mixing import class_pairs
from harness.trained_model import CHUNK, TrainedModel
from measures import NotApplicable, measure

PAIRS = 500  # at most so many


@measure(
    source="Natekar & Sharma 2020, manifold mixup",
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def manifold_mixup_accuracy(trained: TrainedModel) -> float:
    hidden = len(trained.hidden_features_of(trained.inputs[:1]))
    if hidden < 2:
        raise NotApplicable(f"{hidden} hidden layers: what follows the first would be linear, and its regions convex")
    pairs = class_pairs(trained)[:PAIRS]
    if not len(pairs):
        raise NotApplicable(f"none of {len(trained.labels)} training examples has the label of another")
    predicted = [logits_of_means(trained, chunk).argmax(dim=1) for chunk in pairs.split(CHUNK // 2)]
    return float((torch.cat(predicted) != trained.labels[pairs[:, 0]]).double().mean())


def logits_of_means(trained: TrainedModel, pairs: Tensor) -> Tensor:
    """Logits where what the second weight layer receives is the mean over each pair, (len(pairs), num_classes)."""
    count = len(pairs)
    applied = []

    def mix(module: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        applied.append(module)
        if len(applied) != 2:
            return None
        return ((arguments[0] + arguments[0].roll(count, dims=0)) / 2,)

    weight_layers = [each for each in trained.model.modules() if isinstance(each, nn.Linear | nn.Conv2d)]
    hooks = [layer.register_forward_pre_hook(mix) for layer in weight_layers]
    try:
        with torch.no_grad():
            logits: Tensor = trained.model(trained.inputs[pairs.T.flatten()])
    finally:
        for hook in hooks:
            hook.remove()
    return logits[:count]
