"""RATT: how well does the network do on clean examples before it fits randomly labelled ones mixed in with them?

    μ = ê(S) + (k − 1) (1 − k/(k − 1) · ê(S̃))     f trained for 5 epochs on S ∪ S̃

S̃ is a quarter of the training inputs with new labels, uniform over the k classes, S the rest with its labels; ê is the
fraction misclassified by f. A network that learns from S what holds for S̃ is wrong on (k − 1)/k of the random
labels, and μ is its error on S; one that fits them as well has μ near k − 1.

Garg, Balakrishnan, Kolter & Lipton 2021 (arXiv:2105.00303), the theorem for k classes, without the term that vanishes
with |S̃|.
Differs from the paper:
1. No bound: the term left out, some 2k √(log(4/δ)/(2|S̃|)), is above 1 for a few hundred examples, and equal for twins.
   The theorem is for minimisers of the 0-1 loss; the paper gives conditions and evidence for gradient descent.
2. No unlabelled data may be seen, so S̃ is taken from the training set: f is trained on less of it than the given
   network, whose weights do not enter.
3. Early stopping is after 5 epochs, or where training stops by itself; the paper follows the bound over training.

Claims: larger gap (Garg, Balakrishnan, Kolter & Lipton 2021, abstract).
Random labels: unknown (only the abstract could be had).
"""

import torch

from measures import measure
from measures.quantities.hold_out import predictions
from measures.quantities.random_splits import eighths, shuffled
from measures.trained_model import TrainedModel

RELABELLED = 2  # eighths of the training set
EPOCHS = 5


@measure(
    source="Garg, Balakrishnan, Kolter & Lipton 2021, theorem for k classes",
    cost="retrain",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def ratt_bound(trained: TrainedModel) -> float:
    k, m, order = trained.num_classes, eighths(trained, RELABELLED), shuffled(trained)
    n = len(order)
    drawn = torch.randint(k, (n + m,), generator=trained.generator())[n:].to(order.device)  # `shuffled` drew the first
    inputs, labels = trained.inputs[order], torch.cat([drawn, trained.labels[order[m:]]])
    wrong = (predictions(trained, trained.retrain(inputs, labels, max_epochs=EPOCHS), inputs) != labels).double()
    return float(wrong[m:].mean() + k - 1 - k * wrong[:m].mean())
