"""Local learning coefficient: how fast does the volume of weights with nearly the same training loss shrink?

    μ = nβ (E_w[Lₙ(w)] − Lₙ(θ))     β = 1/log n,  w from SGLD around θ:

    w ← w − ε/2 (nβ ∇L_B(w) + γ(w − θ)) + √ε z     z ~ N(0, I)

Lₙ is the mean cross-entropy of the n training examples, L_B that of a minibatch of 64, γ = 100 ties w to θ, all
parameters, ε = 5·10⁻⁴. One chain of 40 steps from θ; the mean is over the second half, of L_B(w) − L_B(θ). A value
below 0 is reported as it is: θ was no minimum.

Lau et al. 2023 (arXiv:2308.12108), the estimator λ̂ and algorithm by SGLD.
Differs from the paper:
1. The chain is short: the value depends on its length, as long as directions that curve by less than γ/nβ move. On the
   digits twins it is 0.67 to 2.15 times that of longer and of other chains, furthest off on natural networks.
2. The minibatch's loss at θ is subtracted in place of Lₙ(θ): the same mean, less variance.
3. Not applicable below 2 examples, or where the chain leaves the finite numbers.

Claims: larger gap (Lau et al. 2023, title: a measure of complexity).
Random labels: unknown (the source could not be had).
"""

import dataclasses
import math

import torch

from measures import Estimate, NotApplicable, measure
from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.losses import loss_and_gradient, mean_loss
from measures.seeding import standard_normal
from measures.trained_model import TrainedModel

STEPS = 40
BATCH = 64
BATCHES = 4  # of the chain's second half: the standard error is that of their means, as if these were independent


@measure(source="Lau et al. 2023", cost="slow", invariant_to={"logit_shift"})
def local_learning_coefficient(trained: TrainedModel, rate: float = 5e-4, pull: float = 100.0) -> float:
    n, generator = len(trained.labels), trained.generator()
    if n < 2:
        raise NotApplicable(f"{n} example: β = 1/log n is undefined")
    scale = n / math.log(n)  # nβ
    theta = flat_parameters(trained.model)
    w, rises = theta.clone(), []
    for step in range(STEPS):
        chosen = trained.random_order[torch.randperm(n, generator=generator)[:BATCH].to(trained.labels.device)]
        batch = dataclasses.replace(trained, inputs=trained.inputs[chosen], labels=trained.labels[chosen])
        loss, gradient = loss_and_gradient(batch, w)
        if step >= STEPS // 2:
            rises.append(loss - mean_loss(batch, theta))
        z = standard_normal(theta.shape, generator, like=theta)
        w += math.sqrt(rate) * z - rate / 2 * (scale * gradient + pull * (w - theta))
    value = scale * sum(rises) / len(rises)
    if not math.isfinite(value):
        raise NotApplicable("the chain left the finite numbers: its steps are too long for this curvature")
    parts = torch.tensor(rises, dtype=torch.float64).tensor_split(min(BATCHES, len(rises)))
    means = torch.stack([part.mean() for part in parts])
    return Estimate(value, scale * float(means.std()) / math.sqrt(len(means)))
