"""Area under the margin: how far are the training examples on the right side of the boundary while training goes on?

    μ = −(1/n) Σᵢ (1/T) Σₜ mᵢₜ     mᵢₜ = f_t(xᵢ)[yᵢ] − max_{j≠yᵢ} f_t(xᵢ)[j]

f_t is the network at the end of epoch t = 1 … T. In units of the logits. Negated: mislabelled examples have a small or
negative margin for long, since what is learned from the others speaks against their labels.

Pleiss, Zhang, Elenberg & Weinberger 2020 (arXiv:2001.10528), the AUM of an example, as in the authors' code
(github.com/asappresearch/aum).
Differs from the paper:
1. The mean over the examples; the paper ranks them.
2. The margins are known at the ends of epochs 1, 2, 4 and 8, as far as training went, and of the trained network, which
   stands for the end of epoch T; between these they are interpolated linearly in t. The paper has every epoch's, each
   example's as it is met.
3. The network is in evaluation mode; the early weights are kept to three digits.
4. Until training stopped; the paper stops to count at the first drop of the learning rate.

Claims: read into it.
Random labels: separates (abstract: mislabelled examples).
"""

import numpy as np

from measures import measure
from measures.dynamics._early_logits import early_logits
from measures.history import require_epochs
from measures.trained_model import TrainedModel, margins_of


@measure(
    source="Pleiss, Zhang, Elenberg & Weinberger 2020, AUM",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def area_under_margin(trained: TrainedModel) -> float:
    require_epochs(trained.history)
    last = trained.history.epochs
    early = {epoch: place for place, (epoch, _) in enumerate(trained.snapshots) if epoch < last}
    margins = [margins_of(early_logits(trained, place), trained.labels) for place in early.values()]
    means = [float(each.double().mean()) for each in (*margins, trained.margins)]
    return -float(np.interp(np.arange(1, last + 1), [*early, last], means).mean())
