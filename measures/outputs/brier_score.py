"""Brier score on the training set: the squared distance of the predicted distributions from the labels.

    μ = (1/n) Σᵢ Σₖ (softmax f(xᵢ)[k] − 1[k = yᵢ])²     from 0 to 2; larger is worse

Brier 1950, Verification of forecasts expressed in terms of probability, eq. 2.
Differs from the paper: on the training set, as all measures here; the paper's is of forecasts. That on the training set
it tells of the gap is read into it: at one cross-entropy it is larger where a few examples are far from fitted.

Claims: read into it.
Random labels: unknown (the source could not be had).
"""

import torch.nn.functional as F

from measures import INVARIANCES, measure
from measures.trained_model import TrainedModel


@measure(source="Brier 1950, eq. 2", invariant_to=INVARIANCES)
def brier_score(trained: TrainedModel) -> float:
    p = trained.logits.double().softmax(dim=1)
    return float((p - F.one_hot(trained.labels, p.shape[1])).square().sum(dim=1).mean())
