"""Weight change profile: how far up the network does the change lie?

    μ = Σₗ zₗ rₗ / Σₗ rₗ     rₗ = ‖Wₗ − Wₗ⁰‖_F / ‖Wₗ⁰‖_F     zₗ = (l − 1)/(d − 1), from 0 (first layer) to 1 (last)

Wₗ is the true linear operator of layer l = 1 … d with batch normalization folded in, Wₗ⁰ the same before training. μ is
the centre of mass of the relative change over the depth: 0 if only the first layer moved, 1 if only the last.

After Stephenson et al. 2021 (arXiv:2105.14602), who find that noise is memorized in the last layers, by widening them
or setting them back, and Maennel et al. 2020 (arXiv:2006.10455), who find that the first layers learn from inputs even
where the labels are random.
Differs from the papers: neither has a number for it; taking the centre of mass is this project's way of having one.

Claims: read into it.
Random labels: unknown (neither source has this number).
"""

import math

from measures import NotApplicable, measure
from measures.layers import Layer, row_norms
from measures.trained_model import TrainedModel


@measure(source="after Stephenson et al. 2021", invariant_to={"batch_norm_folding", "logit_shift"})
def weight_change_profile(trained: TrainedModel) -> float:
    d = len(trained.layers)
    if d < 2:
        raise NotApplicable("there is 1 weight layer, so no profile over the depth")
    relative = [relative_change(layer) for layer in trained.layers]
    if not any(relative):
        raise NotApplicable("no weight moved from its initialization")
    return math.fsum(layer * r for layer, r in enumerate(relative)) / ((d - 1) * math.fsum(relative))


def relative_change(layer: Layer) -> float:
    """Frobenius norm of the operator's change over that of the operator before training."""
    start = float(row_norms(layer, layer.init_weight).norm())
    if start == 0:
        raise NotApplicable(f"layer {layer.name!r} was all zeros before training: no change is relative to that")
    return layer.change_frobenius_norm / start
