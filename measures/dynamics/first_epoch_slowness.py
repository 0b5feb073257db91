"""First epoch's slowness: how little does the loss fall below a guess while the examples are met for the first time?

    μ = ℓ₁ − log k     ℓ₁ = mean cross-entropy over the first epoch, before each step; k classes; in nats

The drop in the loss, negated: real data is learned quickly by simple patterns, noise is not. Every example is met once
in the first epoch, so ℓ₁ is a loss on examples not trained on yet.

Arpit et al. 2017 (arXiv:1706.05394), section 3: what is learned in the first epoch, from real data and from noise.
Differs from the paper: it shows curves and counts; the loss of a guess, log k, stands for the loss before training.

Claims: read into it.
Random labels: separates (Arpit et al. 2017, sections 3.1 and 4.2: noise is harder to fit).
"""

import math

from measures import measure
from measures.history import losses_of
from measures.trained_model import TrainedModel


@measure(
    source="Arpit et al. 2017, section 3",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def first_epoch_slowness(trained: TrainedModel) -> float:
    return float(losses_of(trained.history, epochs=1)[0]) - math.log(trained.num_classes)
