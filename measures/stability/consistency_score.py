"""Consistency score, negated: how seldom does a network get right an example that it was not trained on?

    μ = −E_s E_{|A| = s} E_{(x, y) ∉ A} 1[argmax f_A(x) = y]     A a random part of the training set, f_A trained on A

The sizes s are an eighth, a quarter and a half of the training set; μ is in [−1, 0].

Jiang, Zhang, Talwar & Mozer 2021 (arXiv:2002.03206), the consistency profile, and the C-score as its mean over s.
Differs from the paper:
1. One part of each size, nested in one another; the paper takes thousands, and sizes from 10% to 90%.
2. The mean over the examples: the score of the training set, not of an example.
3. The given network's weights do not enter: the value is about its training set and its training.

Claims: larger gap (Jiang, Zhang, Talwar & Mozer 2021, abstract).
Random labels: separates (Jiang, Zhang, Talwar & Mozer 2021, abstract, of mislabelled examples).
"""

from measures import measure
from measures.quantities.random_splits import eighths, logits_when_trained_on, shuffled
from measures.trained_model import TrainedModel

EIGHTHS = (1, 2, 4)


@measure(
    source="Jiang, Zhang, Talwar & Mozer 2021, C-score",
    cost="retrain",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def consistency_score(trained: TrainedModel) -> float:
    sizes = [eighths(trained, count) for count in EIGHTHS]
    return -sum(success_outside(trained, size) for size in sizes) / len(sizes)


def success_outside(trained: TrainedModel, size: int) -> float:
    """The share classified correctly of all examples but the first `size`, on which the network was trained."""
    others = shuffled(trained)[size:]
    predicted = logits_when_trained_on(trained, 0, size)[others].argmax(dim=1)
    return float((predicted == trained.labels[others]).double().mean())
