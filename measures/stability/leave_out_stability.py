"""Leave-out stability: how much worse is a tenth of the training set classified when the network never saw it?

    μ = err_H(f without H) − err_H(f)     H a random tenth of the training set, err_H the fraction misclassified in H

In [−1, 1]. Near 1 where every example is memorized by itself; near the test error where the network fits and the
training set is like the test set. The second network has the same initialisation and the same settings.

Bousquet & Elisseeff 2002, definition 4 (pointwise hypothesis stability), with the 0-1 loss; Feldman & Zhang 2020
(arXiv:2008.03703), eq. 1 (memorization), averaged over H.
Differs from the papers:
1. A tenth is left out at once, not one example: one retraining instead of n.
2. One run each, with and without H; the papers take an expectation over the algorithm's randomness.
3. The signed difference of the 0-1 losses; Bousquet & Elisseeff take its absolute value, example by example.
4. The retrained network counts as it is, whether it reached the stopping loss or not.

Claims: larger gap (Bousquet & Elisseeff 2002).
Random labels: separates (Feldman & Zhang 2020, section 1, of mislabelled examples).
"""

from measures import measure
from measures.quantities.hold_out import hold_out, predictions
from measures.trained_model import TrainedModel


@measure(
    source="Bousquet & Elisseeff 2002, definition 4; Feldman & Zhang 2020, eq. 1",
    cost="retrain",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def leave_out_stability(trained: TrainedModel) -> float:
    held_out, kept = hold_out(trained)
    inputs, labels = trained.inputs[held_out], trained.labels[held_out]
    without = trained.retrain(trained.inputs[kept], trained.labels[kept])
    error_without = (predictions(trained, without, inputs) != labels).double().mean()
    error_with = (trained.logits[held_out].argmax(dim=1) != labels).double().mean()
    return float(error_without - error_with)
