"""Nearest-neighbour error in the first hidden layer: how often do an example's neighbours have another label?

    μ = (1/m) Σᵢ 1[vote of the 10 nearest neighbours of h(xᵢ), itself left out ≠ yᵢ]

h(x) are the features that the second weight layer receives, for at most 500 training examples; the vote goes to the
most frequent label among the neighbours, the lowest of several. A fraction.

Common practice; Cover & Hart 1967 for the rule.

Claims: read into it.
Random labels: unknown (the source could not be had).
"""

from measures import measure
from measures.representation._layer_features import hidden_layers, sampled_labels
from measures.representation._neighbours import neighbours_vote
from measures.trained_model import TrainedModel

VOTERS = 10


@measure(
    source="Cover & Hart 1967, leave-one-out nearest neighbours in features",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def knn_disagreement(trained: TrainedModel) -> float:
    votes = neighbours_vote(trained, hidden_layers(trained)[0], VOTERS)
    return float((votes != sampled_labels(trained)[: len(votes)]).double().mean())
