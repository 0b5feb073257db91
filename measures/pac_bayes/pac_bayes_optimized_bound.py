"""PAC-Bayes bound with optimised noise: an upper limit on the test error of a network drawn around the trained one.

    μ = kl⁻¹(ê_Q, (KL(Q‖P) + log(π² j² n / 6δ)) / (n − 1))      Q = N(θ, diag(s²)),  P = N(θ₀, λI),  λ = 0.1 e^(−j/100)

kl⁻¹(q, c) is the largest p with q log(q/p) + (1−q) log((1−q)/(1−p)) ≤ c; ê_Q the training error of a network drawn from
Q; θ all parameters, θ₀ those before the first step, n training examples; the s are standard deviations, one for each
weight and each bias tensor. They are found by 30 steps of Adam (rate 0.1 on log s, 100 examples and one draw of noise a
step, from the noise that pac_bayes_flatness finds tolerated) on cross-entropy / log 2 + √((KL + log(n/δ)) / 2(n − 1)),
λ at its best for the s.

ê_Q is bounded from 100 networks, each drawn for itself and tested on its own share of the training set: the shares'
errors are independent numbers in [0, 1], so with probability 1 − δ' their mean is close enough to its expectation for
kl(mean, expectation) ≤ log(2/δ')/100.

It holds with probability 1 − δ − δ' = 0.965 for the error of a network drawn from Q, whatever the optimisation did,
since P does not depend on data: λ ranges over a countable set by a union bound. It is not a limit for the trained
weights themselves, and so not registered as a bound on the test error.

Dziugaite & Roy 2017 (arXiv:1703.11008), eq. 8 and section 3 (the bound), 3.1 (the prior's λ), and their δ, δ'.
Differs from the paper:
1. The mean of Q stays at the trained weights, s is one for a tensor and not for each parameter (in so few steps their
   own noise would drive those apart), and the optimisation is thousands of times shorter: a looser bound.
2. Cross-entropy / log 2 stands for the error with several classes as well.
3. The draws are tested on a share each; the paper tests 150,000 on the whole set.

Version 2: the noise that the search starts from is found on the training set, where it was on 300 examples.

Claims: larger gap (Dziugaite & Roy 2017, abstract).
Random labels: unknown (only the abstract could be had).
"""

import math

import torch
import torch.nn.functional as F
from scipy.optimize import brentq
from torch import Tensor

from measures import NotApplicable, measure
from measures.quantities.flat_parameters import flat_parameters, initial_parameters, logits_at
from measures.quantities.perturbations import tolerated_noise_std
from measures.seeding import standard_normal
from measures.trained_model import TrainedModel

CONFIDENCE, SAMPLING_CONFIDENCE = 0.025, 0.01  # δ, δ': how often the bound, and the estimate of ê, may fail
PRIOR_LARGEST, PRIOR_STEPS = 0.1, 100
STEPS, RATE, BATCH = 30, 0.1, 100
NETWORKS = 100


@measure(source="Dziugaite & Roy 2017, section 3", version=2, cost="slow")
def pac_bayes_optimized_bound(trained: TrainedModel) -> float:
    if len(trained.labels) < 2:
        raise NotApplicable("there is one training example: the bound divides by n − 1")
    generator = trained.generator()
    stds = optimised_stds(trained, generator)
    n = len(trained.labels)
    index = prior_index(float(best_prior_variance(trained, stds)))
    divergence = float(divergence_from_prior(trained, stds, PRIOR_LARGEST * math.exp(-index / PRIOR_STEPS)))
    complexity = (divergence + math.log(math.pi**2 * index**2 * n / (6 * CONFIDENCE))) / (n - 1)
    return inverse_kl(highest_error(trained, stds, generator), complexity)


@torch.enable_grad()
def optimised_stds(trained: TrainedModel, generator: torch.Generator, steps: int = STEPS) -> Tensor:
    """Standard deviation of each parameter under Q, (p,)."""
    theta, n = flat_parameters(trained.model), len(trained.labels)
    start = math.log(tolerated_noise_std(trained, "isotropic"))
    sizes = torch.tensor([parameter.numel() for parameter in trained.model.parameters()], device=theta.device)
    log_stds = torch.full(sizes.shape, start, dtype=theta.dtype, device=theta.device).requires_grad_()
    slope, square = torch.zeros_like(log_stds), torch.zeros_like(log_stds)
    for step in range(steps):
        places = torch.arange(step * BATCH, (step + 1) * BATCH, device=theta.device) % n
        batch, stds = trained.random_order[places], log_stds.exp().repeat_interleave(sizes)
        noise = standard_normal(theta.shape, generator, like=theta)
        logits = logits_at(trained.model, theta + stds * noise, trained.inputs[batch])
        loss = F.cross_entropy(logits, trained.labels[batch]) / math.log(2)
        divergence = divergence_from_prior(trained, stds, best_prior_variance(trained, stds))
        objective = loss + ((divergence + math.log(n / CONFIDENCE)) / (2 * (n - 1))).sqrt()
        (gradient,) = torch.autograd.grad(objective, log_stds)
        slope, square = 0.9 * slope + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        adam = slope / (1 - 0.9 ** (step + 1)) / ((square / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8)
        log_stds = (log_stds - RATE * adam).detach().requires_grad_()
    return log_stds.detach().exp().repeat_interleave(sizes)


def best_prior_variance(trained: TrainedModel, stds: Tensor) -> Tensor:
    """The λ with the smallest KL(Q‖P)."""
    return (stds**2 + (flat_parameters(trained.model) - initial_parameters(trained)) ** 2).mean()


def prior_index(variance: float) -> int:
    """The j = 1, 2, ... whose λ is next to this one."""
    return max(1, round(PRIOR_STEPS * math.log(PRIOR_LARGEST / variance)))


def divergence_from_prior(trained: TrainedModel, stds: Tensor, prior_variance: float | Tensor) -> Tensor:
    """KL(Q‖P) in nats."""
    ratios = (stds.double() ** 2) / prior_variance
    change = (flat_parameters(trained.model) - initial_parameters(trained)).double()
    return (ratios - 1 - ratios.log() + change**2 / prior_variance).sum() / 2


@torch.no_grad()
def highest_error(trained: TrainedModel, stds: Tensor, generator: torch.Generator) -> float:
    """What the training error of a network drawn from Q is at most, but for a probability δ'."""
    theta, n = flat_parameters(trained.model), len(trained.labels)
    share = math.ceil(n / NETWORKS)
    shares = trained.random_order.split(share)
    wrong = 0
    for chosen in shares:
        noise = standard_normal(theta.shape, generator, like=theta)
        logits = logits_at(trained.model, theta + stds * noise, trained.inputs[chosen])
        wrong += int((logits.argmax(dim=1) != trained.labels[chosen]).sum())
    # The last share may be smaller; its missing examples count as right, and the limit is scaled to the n there are.
    full = share * len(shares)
    return min(1.0, inverse_kl(wrong / full, math.log(2 / SAMPLING_CONFIDENCE) / len(shares)) * full / n)


def inverse_kl(q: float, c: float) -> float:
    """The largest p in [q, 1] with kl(q‖p) ≤ c."""

    def excess(p: float) -> float:
        right = (1 - q) * math.log((1 - q) / (1 - p)) if q < 1 else 0.0
        return (q * math.log(q / p) if q > 0 else 0.0) + right - c

    nearly_one = 1 - 1e-15
    if q >= nearly_one or excess(nearly_one) <= 0:
        return 1.0
    return float(brentq(excess, max(q, 1e-300), nearly_one, xtol=1e-15))
