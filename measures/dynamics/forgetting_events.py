"""Forgetting events: how often is an example, once classified correctly, misclassified the next time it is met?

    μ = (1/n) Σᵢ Σₑ 1[cᵢₑ = 1 and cᵢ,ₑ₊₁ = 0]     cᵢₑ = is example i classified correctly when met in epoch e?

Toneva et al. 2019 (arXiv:1812.05159), section 3 (forgetting and learning events).
Differs from the paper:
1. The mean over the examples; an example never learned was never forgotten, and counts 0 (the paper: infinity).
2. Training stops at a loss, so that a slower training has more occasions to forget.

Claims: read into it.
Random labels: unknown (only the abstract could be had).
"""

from measures import NotApplicable, measure
from measures.trained_model import TrainedModel


@measure(
    source="Toneva et al. 2019, section 3",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def forgetting_events(trained: TrainedModel) -> float:
    correct = trained.history.correct
    if len(correct) < 2:
        raise NotApplicable("training took 1 epoch: no example was met again")
    forgotten = correct[:-1] & ~correct[1:]
    return float(forgotten.double().sum(dim=0).mean())
