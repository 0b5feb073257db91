"""α-ReQ: how far from 1 is the exponent with which the variances of the last hidden layer fall off?

    μ = |α − 1|     log λⱼ ≈ −α log j + c  for j = 12, …, 100, by least squares with weights 1/j

λ₁ ≥ λ₂ ≥ … are the eigenvalues of the covariance of the features over all training examples.

Agrawal, Mondal, Ghosh & Richards 2022 (NeurIPS 35), α-ReQ: representations serve a later task well where α lies in an
interval around 1; the fit as in the code of Stringer et al. 2019 (Nature 571), which the authors use.
Differs from the papers:
1. The distance from 1 is this project's reading of "well-defined intervals": the value of a number that is best in the
   middle has to fall off to both sides.
2. The range of j is what a later code of the authors' group uses; it ends earlier where fewer eigenvalues are larger
   than float32 can tell from 0. Not applicable where fewer than 10 are in it.
3. They look at self-supervised networks, whose representation is asked about other data and labels.

Claims: read into it.
Random labels: unknown (the paper's full text could not be had).
"""

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.trained_model import TrainedModel

FIRST, LAST = 12, 100
FEWEST = 10
SMALLEST = 1e-6  # of the largest singular value: smaller ones are rounding


@measure(
    source="Agrawal, Mondal, Ghosh & Richards 2022",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def alpha_req(trained: TrainedModel) -> float:
    features = trained.features.double()
    values = torch.linalg.svdvals(features - features.mean(dim=0))
    kept = values[values > SMALLEST * values[0]][:LAST]
    if len(kept) < FIRST + FEWEST - 1:
        raise NotApplicable(
            f"the features have {len(kept)} directions with a variance; at least {FIRST + FEWEST - 1} are needed"
        )
    return abs(decay(kept.square()) - 1)


def decay(eigenvalues: Tensor) -> float:
    """α, the exponent of λⱼ ∝ j^−α fitted from the FIRST to the last of these eigenvalues, descending."""
    j = torch.arange(FIRST, len(eigenvalues) + 1, dtype=torch.float64, device=eigenvalues.device)
    x, y, weights = j.log(), eigenvalues[FIRST - 1 :].log(), 1 / j / (1 / j).sum()
    x, y = x - weights @ x, y - weights @ y
    return -float((weights * x) @ y / ((weights * x) @ x))
