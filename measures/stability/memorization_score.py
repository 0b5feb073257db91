"""Memorization: how much likelier is an example classified correctly by a network that was trained on it?

    μ = (1/n) Σᵢ  P[f_A(xᵢ) = yᵢ | i ∈ A] − P[f_A(xᵢ) = yᵢ | i ∉ A]     A a random half of the n examples

f_A is trained on A. Near 1 where every example is memorized by itself; near the test error where f_A fits.

Feldman & Zhang 2020 (arXiv:2008.03703), eq. 1 and section 3.1 (its estimate from random subsets), averaged over the
examples.
Differs from the paper:
1. Two networks, trained on the two halves, so that each example is seen by one of them; the paper trains thousands.
   The mean over the examples is unbiased with two, a single example's score would not be worth much.
2. The n examples are half of the training set, so that training is short: each network sees a quarter (the paper: 70%).
3. The given network's weights do not enter: the value is about its training set and its training.

Claims: read into it.
Random labels: separates (Feldman & Zhang 2020, section 1, of mislabelled examples).
"""

from measures import measure
from measures.quantities.random_splits import pairs
from measures.trained_model import TrainedModel


@measure(
    source="Feldman & Zhang 2020, eq. 1",
    cost="retrain",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def memorization_score(trained: TrainedModel) -> float:
    both = pairs(trained)
    right_when_seen = (both.seen.argmax(dim=2) == both.seen_labels).double().mean()
    right_when_unseen = (both.unseen.argmax(dim=2) == both.unseen_labels).double().mean()
    return float(right_when_seen - right_when_unseen)
