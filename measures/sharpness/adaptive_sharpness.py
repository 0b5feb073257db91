"""Adaptive sharpness: how far can the training loss rise when every weight moves in proportion to its size?

    μ = max over ‖δ ⊘ |θ|‖₂ ≤ ρ of  L(θ + δ) − L(θ)     ρ = 0.5

L is the mean cross-entropy of the training set, θ all parameters; a parameter that is 0 stays 0. With δ = |θ| ⊙ u the
maximum is over the ball ‖u‖₂ ≤ ρ, and is found by u ← ρ d/‖d‖₂, d = |θ| ⊙ ∇L(θ + |θ| ⊙ u), ten times from u = 0: an
ascent step followed by projection, for steps of any length beyond the ball. The first is the step of ASAM; on a convex
L none goes down. The value is the highest point seen, u = 0 included.

Kwon et al. 2021 (arXiv:2102.11600), eq. 3 with p = 2, T = |θ| for all parameters, and their ρ for CIFAR-10; the
maximum by several steps as in Andriushchenko et al. 2023 (arXiv:2302.07011).
Differs from the papers:
1. Kwon et al. take a single step, in every minibatch; here ten on the whole training set.
2. Andriushchenko et al. use Auto-PGD and normalise the logits; here the steps have no size to tune, and the loss is
   the one trained on.
3. A found maximum is a lower limit of the true one.
4. Not applicable where |θ| ⊙ ∇L(θ) is zero: the ascent has no direction.

Claims: larger gap (Kwon et al. 2021, abstract; Andriushchenko et al. 2023, abstract, find no such relation).
Random labels: unknown (only the abstracts could be had).
"""

import numpy as np

from measures import NotApplicable, measure
from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.losses import loss_and_gradient
from measures.trained_model import TrainedModel


@measure(source="Kwon et al. 2021, eq. 3", cost="slow", invariant_to={"layer_rescaling", "unit_permutation"})
def adaptive_sharpness(trained: TrainedModel, radius: float = 0.5, steps: int = 10) -> float:
    theta = flat_parameters(trained.model)
    loss, gradient = loss_and_gradient(trained, theta)
    losses = [loss]
    for _ in range(steps):
        d = theta.abs() * gradient
        norm = float(d.norm())
        if norm == 0:
            break
        loss, gradient = loss_and_gradient(trained, theta + radius / norm * theta.abs() * d)
        losses.append(loss)
    if len(losses) == 1:
        raise NotApplicable("|θ| ⊙ ∇L(θ) is zero: the ascent has no direction")
    return float(np.max(losses)) - losses[0]
