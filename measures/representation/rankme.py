"""RankMe: over how many directions are the features of the last hidden layer spread, negated.

    μ = −exp(−Σₖ pₖ log pₖ)     pₖ = σₖ / Σⱼ σⱼ + 10⁻⁷

σₖ are the singular values of the (n, width) matrix of features of all training examples, not centred. Between −1 and
minus the smaller of n and the width.

Garrido, Balestriero, Najman & LeCun 2023 (arXiv:2210.02885), RankMe: a representation of a higher rank is claimed to
serve a later task better. Here it is negated: larger where the rank is lower.
Differs from the paper: it looks at self-supervised networks, whose representation is asked about other data and labels,
at 25,600 of their training images; these networks were trained on the labels that they are judged by.

Claims: read into it.
Random labels: unknown (the paper's full text could not be had).
"""

import torch

from measures import NotApplicable, measure
from measures.trained_model import TrainedModel

EPSILON = 1e-7


@measure(
    source="Garrido, Balestriero, Najman & LeCun 2023",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def rankme(trained: TrainedModel) -> float:
    values = torch.linalg.svdvals(trained.features.double())
    if not values.sum() > 0:
        raise NotApplicable("the features are all zero: they have no rank")
    shares = values / values.sum() + EPSILON
    return -float((-(shares * shares.log()).sum()).exp())
