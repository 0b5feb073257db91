"""Sharpness of one gradient step: how far does the training loss rise a distance ρ up the gradient?

    μ = L(θ + ρ g/‖g‖₂) − L(θ)     g = ∇L(θ),  ρ = 0.05

L is the mean cross-entropy of the training set, θ all parameters.

Foret et al. 2021 (arXiv:2010.01412), eq. 2 with p = 2 in eq. 1, and the paper's default ρ.
Differs from the paper:
1. One step from the gradient of the whole training set; the paper takes one in every minibatch.
2. Not applicable where the gradient is zero: the step has no direction.

Claims: larger gap (Foret et al. 2021, abstract).
Random labels: unknown (only the abstract could be had).
"""

from measures import NotApplicable, measure
from measures.quantities.final_gradients import final_gradients
from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.losses import loss_of_logits, mean_loss
from measures.trained_model import TrainedModel


@measure(source="Foret et al. 2021, eq. 2", invariant_to={"unit_permutation", "logit_shift"})
def sam_sharpness(trained: TrainedModel, radius: float = 0.05) -> float:
    theta = flat_parameters(trained.model)
    found = final_gradients(trained)
    g = found.mean.to(theta)
    norm = float(g.norm())
    if norm == 0 or found.cancel:
        raise NotApplicable("the gradient of the training loss is zero: the ascent step has no direction")
    return mean_loss(trained, theta + radius / norm * g) - loss_of_logits(trained)
