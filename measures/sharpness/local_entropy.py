"""Negative local entropy: the training loss of a Gaussian neighbourhood, its low places counting most.

    μ = −(1/β) log E[exp(−β L(θ + s z))] = ∫₀¹ E_t[L] dt      z ~ N(0, I),  s = 10^(−1.5) ≈ 0.032,  β = 100

L is the mean cross-entropy, θ all p parameters; s is a standard deviation, 1/s² the paper's scope γ. E_t is the mean
under the density proportional to exp(−t β L(θ') − ‖θ' − θ‖² / 2s²). Wide and deep is low: the local entropy itself is
−β μ, up to a constant.

Chaudhari et al. 2017 (arXiv:1611.01838), section 3 (local entropy, sampled by stochastic gradient Langevin dynamics).
Differs from the paper:
1. The paper descends the gradient of the local entropy; its value is by thermodynamic integration: a chain of Langevin
   steps at t = 0.03, 0.1, 0.3, 1, twelve each, the loss averaged over the last nine, and the trapezoidal rule from
   E₀[L], which is the mean over the draws of average_sharpness.
2. A step contracts the distance from θ by 0.8 with the noise that keeps N(θ, s²I) exactly, and adds −0.2 s² t β ∇L of
   100 training examples in turn. Twelve steps are few: E_t is approximate, by the same draws and steps for twins.
3. Their density has the loss once, and noise of a temperature of its own; β is both.

Version 2: over the training set, where it was over 300 examples.

Claims: larger gap (Chaudhari et al. 2017, abstract).
Random labels: unknown (only the abstract could be had).
"""

import itertools
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from measures import NotApplicable, measure
from measures.quantities.close_fit import for_loss
from measures.quantities.flat_parameters import flat_parameters, logits_at
from measures.quantities.perturbations import STEPS_A_DECADE, grid_size, noisy_outcomes
from measures.seeding import standard_normal
from measures.sharpness.average_sharpness import DRAWS
from measures.trained_model import TrainedModel

WIDTH, BETA = grid_size(-1.5 * STEPS_A_DECADE), 100.0
TEMPERATURES = (0.03, 0.1, 0.3, 1.0)
STEPS, KEPT, CONTRACTION = 12, 9, 0.8
BATCH = 100

LossAndGradient = Callable[[Tensor], tuple[float, Tensor]]


@measure(source="Chaudhari et al. 2017, local entropy", version=2, cost="slow", invariant_to={"logit_shift"})
def local_entropy(trained: TrainedModel) -> float:
    inputs, labels = trained.sample(len(trained.labels))
    batches = itertools.cycle(zip(inputs.split(BATCH), labels.split(BATCH), strict=True))

    @torch.enable_grad()
    def loss_and_gradient(parameters: Tensor) -> tuple[float, Tensor]:
        x, y = next(batches)
        theta = parameters.detach().requires_grad_()
        loss = F.cross_entropy(for_loss(trained, logits_at(trained.model, theta, x)), y)
        return float(loss.detach()), torch.autograd.grad(loss, theta)[0]

    at_first = float(noisy_outcomes(trained, WIDTH, "isotropic", DRAWS).losses.mean())
    return free_energy(loss_and_gradient, flat_parameters(trained.model), at_first, trained.generator())


def free_energy(
    loss_and_gradient: LossAndGradient, theta: Tensor, at_first: float, generator: torch.Generator
) -> float:
    """∫₀¹ E_t[L] dt around θ; `at_first` is E₀[L]."""

    def noise() -> Tensor:
        return WIDTH * standard_normal(theta.shape, generator, like=theta)

    offset, means = noise(), [at_first]
    for temperature in TEMPERATURES:
        losses = []
        for _ in range(STEPS):
            loss, gradient = loss_and_gradient(theta + offset)
            losses.append(loss)
            drift = (1 - CONTRACTION) * WIDTH**2 * temperature * BETA * gradient
            offset = CONTRACTION * offset - drift + (1 - CONTRACTION**2) ** 0.5 * noise()
        means.append(sum(losses[-KEPT:]) / KEPT)
    if not all(map(math.isfinite, means)):
        raise NotApplicable("the chain left the finite numbers: its steps are too long for this curvature")
    areas = zip(itertools.pairwise((0.0, *TEMPERATURES)), itertools.pairwise(means), strict=True)
    return sum((t1 - t0) * (m0 + m1) / 2 for (t0, t1), (m0, m1) in areas)
