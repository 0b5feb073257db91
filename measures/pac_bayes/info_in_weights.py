"""Information in the weights: how many nats do they hold when each is kept only as precisely as the loss demands?

    μ = ½ Σᵢ log(1 + n λ² F̂ᵢᵢ)     F̂ = (1/m) Σₓ Jₓᵀ (diag(πₓ) − πₓπₓᵀ) Jₓ,  λ² = ‖θ‖²/p

With the posterior N(θ, diag(s²)) and the prior N(0, λ²I) it is the part Σᵢ log(λ/sᵢ) of their Kullback-Leibler
divergence, at the sᵢ⁻² = n F̂ᵢᵢ + λ⁻² that minimise n E[L] + KL in the quadratic approximation. θ all p parameters, n
training examples, J the Jacobian of the logits, π the predicted probabilities: F̂ is the Fisher information, whose
expectation over labels is the model's own.

Achille, Paolini & Soatto 2019 (arXiv:1905.12213), the Fisher information in the weights, at β = 1/n for the mean loss;
Achille & Soatto 2018 (arXiv:1706.01350) for the information in the weights as KL at a given loss.
Differs from the papers:
1. Only the diagonal of F̂, and the prior's variance is the weights' mean square, so the ‖θ‖²/λ² of the divergence is p.
2. The diagonal is the mean over 16 random vectors of (Σₓ Jₓᵀ Cₓ rₓ)², C Cᵀ = diag(π) − ππᵀ and r Gaussian, independent
   for each of m = 300 examples: unbiased, and one backward pass a vector.
3. Not applicable to weights that are all zero.

Claims: larger gap (Achille & Soatto 2018, abstract).
Random labels: unknown (the abstract is of when random labels are fitted, not of its value).
"""

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.quantities.flat_parameters import flat_parameters, logits_at
from measures.quantities.perturbations import EXAMPLES
from measures.seeding import standard_normal
from measures.trained_model import TrainedModel

VECTORS = 16


@measure(
    source="Achille, Paolini & Soatto 2019, Fisher information in the weights",
    cost="slow",
    invariant_to={"unit_permutation"},
)
def info_in_weights(trained: TrainedModel) -> float:
    variance = flat_parameters(trained.model).double().square().mean()
    if variance == 0:
        raise NotApplicable("all weights are zero: the prior has no width")
    return float((len(trained.labels) * variance * fisher_diagonal(trained)).log1p().sum()) / 2


@torch.enable_grad()
def fisher_diagonal(trained: TrainedModel, vectors: int = VECTORS) -> Tensor:
    """Estimate of F̂'s diagonal, (p,) float64."""
    inputs, labels = trained.sample(EXAMPLES)
    theta = flat_parameters(trained.model).requires_grad_()
    logits = logits_at(trained.model, theta, inputs)
    probabilities = logits.detach().softmax(dim=1)
    generator, diagonal = trained.generator(), torch.zeros_like(theta, dtype=torch.float64)
    for _ in range(vectors):
        r = standard_normal(logits.shape, generator, like=logits)
        scaled = probabilities.sqrt() * r
        c = scaled - probabilities * scaled.sum(dim=1, keepdim=True)  # covariance diag(π) − ππᵀ
        (g,) = torch.autograd.grad(logits, theta, c, retain_graph=True)
        diagonal += g.double().square()
    return diagonal / (vectors * len(labels))
