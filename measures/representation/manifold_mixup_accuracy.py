"""Manifold mixup error: how often is the mean of two examples' hidden features, of one label, given another label?

    μ = (1/m) Σₖ 1[argmax g((h(xᵢₖ) + h(xⱼₖ))/2) ≠ yₖ]     yᵢₖ = yⱼₖ = yₖ, iₖ ≠ jₖ

h is what the second weight layer receives, g the rest of the network: f = g ∘ h are the logits. The m pairs are the
first of quantities/mixup.py, at most 500. A fraction; the paper's accuracy is one minus it.

Natekar & Sharma 2020 (arXiv:2012.02775), manifold mixup; Verma et al. 2019 (arXiv:1806.05236).
Differs from the paper:
1. The share of either example is one half, not drawn; all pairs together instead of a mean over classes.
2. Not applicable with fewer than two hidden layers: the rest of the network is linear then, its decision regions are
   convex, and the mean of two examples that it classifies alike cannot be classified otherwise.

Claims: larger gap (Natekar & Sharma 2020, abstract).
Random labels: unknown (only the abstract could be had).
"""

import itertools

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.layer_inputs import with_layers_seen
from measures.networks.layer_hooks import before_layers, linear_and_convolutional, require_rows
from measures.quantities.mixup import class_pairs
from measures.trained_model import CHUNK, TrainedModel

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
    model = with_layers_seen(trained.model, trained.inputs)
    require_rows(model, linear_and_convolutional(model), trained.inputs)
    pairs = class_pairs(trained)[:PAIRS]
    if not len(pairs):
        raise NotApplicable(f"none of {len(trained.labels)} training examples has the label of another")
    predicted = [logits_of_means(trained, chunk).argmax(dim=1) for chunk in pairs.split(CHUNK // 2)]
    return float((torch.cat(predicted) != trained.labels[pairs[:, 0]]).double().mean())


def logits_of_means(trained: TrainedModel, pairs: Tensor) -> Tensor:
    """Logits where what the second weight layer receives is the mean over each pair, (len(pairs), num_classes)."""
    model, count = with_layers_seen(trained.model, trained.inputs), len(pairs)
    applications = itertools.count(1)

    def mix(received: Tensor) -> Tensor | None:
        return (received + received.roll(count, dims=0)) / 2 if next(applications) == 2 else None

    with before_layers(linear_and_convolutional(model), mix), torch.no_grad():
        logits: Tensor = model(trained.inputs[pairs.T.flatten()])
    return logits[:count]
