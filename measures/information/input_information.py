"""Information that the last hidden layer has of the input, with noise added: of all inputs, or within a class.

    input_information              μ = I(X; T)      = (1/n) Σᵢ −log (1/n) Σⱼ e^(−‖hᵢ − hⱼ‖² / 2σ²)
    input_information_in_class     μ = I(X; T | Y)  = the same with j among the n_y examples of the label of i

T = h(X) + ε with h the features of the last hidden layer, ε ~ N(0, σ² I), and X a training example drawn at random; σ²
is a tenth of the features' total variance, the mean of ‖h − h̄‖². In nats, an upper limit of the information; between 0
and log n, for the second at most the mean of log n_y.

Shwartz-Ziv & Tishby 2017 (arXiv:1703.00810) for I(X; T) as what a network forgets when it generalizes; Kawaguchi, Deng,
Ji & Huang 2023 (arXiv:2305.18887) for bounds on the gap that grow with I(X; T | Y), and for the estimate, in the code
of its authors ("mc"); Kolchinsky & Tracey 2017 (arXiv:1706.02419) for its being an upper limit.
Differs from the papers:
1. The first has no noise and bins of the activations, 30 from −1 to 1. In a wide layer no two examples share all bins,
   and the information is log n for every network. The noise here is relative to the features, so that their scale does
   not enter, and its size is this project's: with a variance in proportion to one feature's, log n comes out as well.
2. All pairs of training examples; the third takes some at random.
3. The value of one layer, the last; the papers have one for each, and the bounds add the information in the weights.

Claims: larger gap (Kawaguchi, Deng, Ji & Huang 2023, abstract, of the latter; Shwartz-Ziv & Tishby 2017 of the former).
Random labels: unknown (the papers' full texts could not be had).
"""

import math

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.rounding import all_same
from measures.trained_model import TrainedModel

NOISE = 0.1  # variance in each direction, of the total variance
CHUNK = 512

UNMOVED = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}


@measure(source="Shwartz-Ziv & Tishby 2017; Kolchinsky & Tracey 2017", cost="slow", invariant_to=UNMOVED)
def input_information(trained: TrainedModel) -> float:
    return information(scaled_features(trained))


@measure(source="Kawaguchi, Deng, Ji & Huang 2023", invariant_to=UNMOVED)
def input_information_in_class(trained: TrainedModel) -> float:
    features, labels = scaled_features(trained), trained.labels
    within = [int((labels == y).sum()) * information(features[labels == y]) for y in labels.unique()]
    return sum(within) / len(labels)


def scaled_features(trained: TrainedModel) -> Tensor:
    """The features of all training examples over σ, centred, (n, width) float64."""
    features = trained.features.double()
    if all_same(features):
        raise NotApplicable("the features of all examples are the same: noise has no size relative to them")
    centred = features - features.mean(dim=0)
    variance = float(centred.square().sum(dim=1).mean())
    return centred / math.sqrt(NOISE * variance)


def information(features: Tensor) -> float:
    """The formula, of features over σ (m, width)."""
    total, squares = 0.0, features.square().sum(dim=1)
    for part in features.split(CHUNK):
        distances = (part.square().sum(dim=1)[:, None] + squares - 2 * part @ features.T).clamp_min(0)
        total -= float(torch.logsumexp(-distances / 2, dim=1).sum())
    return max(0.0, total / len(features) + math.log(len(features)))
