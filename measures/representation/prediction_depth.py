"""Prediction depth: after how many layers do an example's neighbours agree with the network's prediction, and stay so?

    μ = mean over i of  min { l : vₖ(xᵢ) = argmax f(xᵢ)  for all k ≥ l }     l = 0, ..., d

vₖ(x) is the vote of the 10 nearest training examples in layer k: layer 0 is the input, layer k what the weight layer
after k others receives, and layer d, the number of weight layers, the prediction itself. The unit is layers. Examples
that are learned late, or memorized, are predicted in deep layers only.

Baldock, Maennel & Neyshabur 2021 (arXiv:2106.09647), prediction depth.
Differs from the paper:
1. The neighbours vote with their training labels among at most 500 examples, an example not among its own;
   10 of them vote instead of 30 of a training set a hundred times larger.
2. No probe is placed after the softmax; and feature maps larger than 4x4 are averaged to that.

Claims: read into it.
Random labels: unknown (only the abstract could be had).
"""

import torch

from measures import measure
from measures.representation._layer_features import hidden_layers
from measures.representation._neighbours import neighbours_vote
from measures.trained_model import TrainedModel

VOTERS = 10


@measure(
    source="Baldock, Maennel & Neyshabur 2021, prediction depth",
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def prediction_depth(trained: TrainedModel) -> float:
    votes = torch.stack([neighbours_vote(trained, layer, VOTERS) for layer in (0, *hidden_layers(trained))])
    predicted = trained.logits.argmax(dim=1)[trained.random_order[: votes.shape[1]]]
    agreed_to_the_end = (votes == predicted).flip(0).cumprod(dim=0).sum(dim=0)
    return len(votes) - float(agreed_to_the_end.double().mean())
