"""Steps that training took: until the loss fell to 0.1 nats, and from there to 0.01.

    μ₁ = t(0.1)     μ₂ = t(0.01) − t(0.1)     t(ℓ) = the first step at which the training loss is at most ℓ

Jiang et al. 2020 (arXiv:1912.02178), the measures of optimization speed ("steps to 0.1 loss", "0.1 to 0.01 loss"). They
find the opposite: over their networks slower training goes with a smaller gap, weakly. That more steps tell of a larger
one is stability theory's (Hardt, Recht & Singer 2016, arXiv:1509.01240: what trains faster generalizes better).
Differs from the paper:
1. The loss curve is known once an epoch, as the mean over the epoch; that mean is put in the epoch's middle, the loss
   of the trained network at the last step, and t is interpolated linearly between these points: no whole number.
2. Steps per epoch are taken to be steps / epochs rounded up: exact but for short runs whose last epoch was cut.
3. Not applicable where the loss is never that low, or was so in the first epoch already.

Claims: larger gap (Hardt, Recht & Singer 2016, arXiv:1509.01240, abstract; Jiang et al. 2020 find the opposite).
Random labels: separates (Zhang et al. 2017, arXiv:1611.03530, figure 1b).
"""

import itertools
import math

import torch.nn.functional as F

from measures import NotApplicable, measure
from measures.history import losses_of
from measures.trained_model import TrainedModel

HIGH, LOW = 0.1, 0.01
TOLERANCE = 1e-3  # relative: training stops at the loss to this precision, so that a target equal to it is reached
EVERY_CHANGE = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}
SOURCE = "Jiang et al. 2020, measures of optimization speed"


@measure(source=SOURCE, invariant_to=EVERY_CHANGE)
def steps_to_loss(trained: TrainedModel) -> float:
    return first_step_at(trained, HIGH)


@measure(source=SOURCE, invariant_to=EVERY_CHANGE)
def steps_at_low_loss(trained: TrainedModel) -> float:
    return first_step_at(trained, LOW) - first_step_at(trained, HIGH)


def first_step_at(trained: TrainedModel, target: float) -> float:
    """The step at which the interpolated training loss first is at most `target` nats."""
    curve = loss_curve(trained)
    if curve[0][1] <= target:
        raise NotApplicable(f"the mean loss of the first epoch is {curve[0][1]:.3g}, not above {target}")
    for (before, high), (after, low) in itertools.pairwise(curve):
        if low <= target:
            return before + (after - before) * (high - target) / (high - low)
    if curve[-1][1] <= target * (1 + TOLERANCE):
        return curve[-1][0]
    raise NotApplicable(f"the training loss is {curve[-1][1]:.3g} at the end and never reached {target}")


def loss_curve(trained: TrainedModel) -> list[tuple[float, float]]:
    """(step, loss in nats): every epoch's mean at its middle, then the trained network's loss at the last step."""
    history, losses = trained.history, losses_of(trained.history).tolist()
    per_epoch = math.ceil(history.steps / history.epochs)
    starts = [epoch * per_epoch for epoch in range(history.epochs)]
    middles = [(start + min(start + per_epoch, history.steps)) / 2 for start in starts]
    final_loss = float(F.cross_entropy(trained.logits.double(), trained.labels))
    return [*zip(middles, losses, strict=True), (float(history.steps), final_loss)]
