"""Description length of the labels: bits an example, coding each block with the network trained on those before.

    μ = (1/n) [ t₁ log₂ k + Σⱼ Σ_{i ∈ (tⱼ, tⱼ₊₁]} −log₂ p_{f(tⱼ)}(yᵢ | xᵢ) ]     t = n/8, n/4, n/2, n;  k classes

f(t) is trained on the first t examples in a random order, p its softmax. The first block is coded as by a guess. Real
labels are predicted from those before; random ones cost more than log₂ k, as wrong predictions are sure of themselves.

Blier & Ollivier 2018 (arXiv:1802.07044), the prequential code.
Differs from the paper:
1. Four blocks; the paper has about ten, with a smaller first one.
2. The network, its training and stopping loss are those of the given model at every t; the paper chooses them.

Claims: larger gap (Blier & Ollivier 2018).
Random labels: unknown (the source could not be had).
"""

import itertools
import math

import torch.nn.functional as F

from measures import measure
from measures.quantities.random_splits import eighths, logits_when_trained_on, shuffled
from measures.trained_model import TrainedModel

EIGHTHS = (1, 2, 4)


@measure(
    source="Blier & Ollivier 2018, prequential code",
    cost="retrain",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def description_length(trained: TrainedModel) -> float:
    n, order = len(trained.labels), shuffled(trained)
    ends = [*(eighths(trained, count) for count in EIGHTHS), n]
    nats = ends[0] * math.log(trained.num_classes)
    for known, end in itertools.pairwise(ends):
        block = order[known:end]
        logits = logits_when_trained_on(trained, 0, known)[block].double()
        nats += float(F.cross_entropy(logits, trained.labels[block], reduction="sum"))
    return nats / math.log(2) / n
