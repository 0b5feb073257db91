"""Uniformity of learning times: after one epoch, are all examples equally likely to be right, or are some easy?

    μ = −Var_i(Pᵢ) = −(mean over i of Pᵢ² − p̄²)     Pᵢ = the chance that i is right after one epoch, p̄ their mean

Real data has easy and hard examples; in noise each example is as hard as the next. The chance is over trainings of one
epoch, each with a start and an order of examples of its own, of all n training examples. From r of them, with
xᵢₖ = 1 where example i is right after training k,

    Var_i(Pᵢ) ≈ mean over pairs k ≠ l of  (1/n) Σᵢ xᵢₖ xᵢₗ − x̄ₖ x̄ₗ     r = 10

which is unbiased: two trainings have nothing in common but the examples. It may be below 0.

Arpit et al. 2017 (arXiv:1706.05394), section 3.1: easy and hard examples after one epoch, in real data and in noise.
Differs from the paper:
1. It shows each example's rate of errors over 100 trainings as a curve; its spread, as one number, is read off that.
2. Ten trainings. The given network's weights do not enter: the value is about its training set and its training.

Version 2: the deviation of the epochs in which the examples of the one training were first right, over their mean. Most
examples of real data are right after the first epoch, so the division by the mean turned the sign: of
20 digits twins 0, 5 and 4 had the larger value on random labels, random pixels and gaussian inputs, 17, 16 and 17 now,
which is the paper's direction and short of the gate.

Claims: read into it.
Random labels: separates (Arpit et al. 2017, section 3.1 and figure 1).
"""

import dataclasses

import torch

from measures import Estimate, measure
from measures.trained_model import TrainedModel

TRAININGS = 10


@measure(
    source="Arpit et al. 2017, section 3.1",
    version=2,
    cost="retrain",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def learning_time_uniformity(trained: TrainedModel) -> float:
    right = []
    for reseed in range(1, TRAININGS + 1):
        network = trained.retrain(trained.inputs, trained.labels, reseed=reseed, max_epochs=1)
        right.append(dataclasses.replace(trained, model=network).logits.argmax(dim=1) == trained.labels)
    return minus_variance_of_chances(torch.stack(right))


def minus_variance_of_chances(right: torch.Tensor) -> Estimate:
    """−Var_i(Pᵢ) from (trainings, n) booleans, with the standard error by leaving out one training after the other."""
    others = [variance_of_chances(torch.cat([right[:k], right[k + 1 :]])) for k in range(len(right))]
    spread = torch.tensor(others, dtype=torch.float64).std(correction=0)
    return Estimate(-variance_of_chances(right), float(spread) * (len(right) - 1) ** 0.5)


def variance_of_chances(right: torch.Tensor) -> float:
    """Unbiased estimate of Var_i(Pᵢ) from (trainings, n) booleans, two trainings at least."""
    deviations = right.double() - right.double().mean(dim=1, keepdim=True)
    products = deviations @ deviations.T / right.shape[1]  # covariance over the examples of every two trainings
    pairs = len(right) * (len(right) - 1)
    return float(products.sum() - products.diagonal().sum()) / pairs
