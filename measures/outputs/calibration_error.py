"""Expected calibration error on the training set: how far is the confidence from the share that is correct?

    μ = Σ_b |B_b|/n · |correct(B_b) − confidence(B_b)|     b = 1 … 15

B_b holds the examples whose confidence maxₖ softmax f(xᵢ)[k] lies in ((b−1)/15, b/15]; correct(B) is the share of
them classified correctly, confidence(B) the mean of their confidences. A probability; larger is claimed to be worse.

Guo et al. 2017 (arXiv:1706.04599), eq. 3.
Differs from the paper: on the training set, as all measures here; the paper's is of held-out data. Where all of it is
classified correctly this is 1 minus the mean confidence.

Claims: read into it.
Random labels: unknown (the source could not be had).
"""

import torch

from measures import INVARIANCES, measure
from measures.trained_model import TrainedModel

BINS = 15


@measure(source="Guo et al. 2017, eq. 3", invariant_to=INVARIANCES)
def calibration_error(trained: TrainedModel) -> float:
    confidence, predicted = trained.logits.double().softmax(dim=1).max(dim=1)
    excess = (predicted == trained.labels).double() - confidence
    bins = (confidence * BINS).ceil().long() - 1
    of_bins = torch.zeros(BINS, dtype=torch.float64, device=bins.device).index_add(0, bins, excess)
    return float(of_bins.abs().sum()) / len(excess)
