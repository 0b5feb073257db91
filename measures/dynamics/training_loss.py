"""Training losses summed over the epochs: the area under the training curve, whole or of its last part.

    μ₁ = Σₑ ℓₑ     μ₂ = Σₑ 0.999^(E − e) ℓₑ     ℓₑ = mean cross-entropy of epoch e in nats, before each step; e = 1 … E

The first is the training speed of Bayesian model selection, the second forgets the losses of early epochs.

Lyle et al. 2020 (arXiv:2010.14499), the sum over training losses; Ru et al. 2021 (arXiv:2006.04492), TSE and TSE-EMA,
with the decay 0.999 that public implementations have by default.
Differs from the papers: training stops at a loss, not after a number of epochs, so E differs between networks. An epoch
cut short by the stop counts as one, with the mean over the examples that it reached. In tens of epochs the second
forgets little: it is nearly the first.

Version 2 of the second: the decay was 0.9, which is not the paper's. Random labels had the larger value in 12 of 20
digits twins then, in 20 now.

Claims: larger gap (Lyle et al. 2020; Ru et al. 2021).
Random labels: separates (Arora et al. 2019, arXiv:1901.08584, abstract: training is slower).
"""

import torch

from measures import measure
from measures.history import losses_of
from measures.trained_model import TrainedModel

DECAY = 0.999
EVERY_CHANGE = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}


@measure(source="Lyle et al. 2020; Ru et al. 2021, TSE", invariant_to=EVERY_CHANGE)
def training_loss_sum(trained: TrainedModel) -> float:
    return float(losses_of(trained.history).sum())


@measure(source="Ru et al. 2021, TSE-EMA", version=2, invariant_to=EVERY_CHANGE)
def training_loss_average(trained: TrainedModel) -> float:
    losses = losses_of(trained.history)
    age = torch.arange(len(losses) - 1, -1, -1, dtype=torch.float64, device=losses.device)
    return float((DECAY**age * losses).sum())
