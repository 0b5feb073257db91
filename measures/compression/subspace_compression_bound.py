"""Compression bound from a quantised random subspace: how few bits fit the training set, as a limit on the error?

    μ = min over d of  B(ê, (b + 2 log₂ b + 1) log 2)
    B(ê, c) = min over γ of  (1 − e^(−γq/n)) / (1 − e^(−γ/n))
              with  q = ê + (1 + α)/γ · (c + log(1/ε) + 2 log(2 + log γ / log(1 + α))),  α = 10⁻⁴,  ε = 0.05

θ₀ + P z is trained with z alone free, d ∈ {64, 256} numbers (quantities/random_subspace.py), each of z then rounded to
one of L = 5 levels, and ê is the training error of what this gives. b = ⌈d H⌉ + 1 + 16 L + L ⌈log₂ d⌉ are the bits of
an arithmetic code for the rounded z, H the entropy of its levels, of the levels in half precision, and of their
frequencies; 2 log₂ b make the code prefix-free, and one bit tells d. With probability 1 − ε no more than μ of new
examples is misclassified by the network that is found, which is not the given one: μ is not registered as a bound.
Above 1 it says nothing.

Training: 200 steps of Adam on batches of 64, the rate 1/√d falling linearly to 0; then from levels at the means of L
equal bins 50 steps for z and the levels together, the rate a tenth, each coordinate standing for the level nearest to
it and having that level's gradient.

Lotfi, Finzi, Kapoor, Potapczynski, Goldblum & Wilson 2022 (arXiv:2211.13609); bound, levels and code as in the code of
the authors (pac_bayes_bound_opt, quantize_vector), the bound being Catoni's.
Differs from the paper:
1. P has one entry a row; theirs is sparse, a Kronecker product, or of the normalizations' scales.
2. Training is by far shorter, and two d and one L are tried; theirs are 1,000 numbers and more, for more examples.
3. Batch normalization is as in evaluation mode; its running statistics stay what they were before training.
4. The trained network does not enter: the value is about its start and its training set.

Claims: larger gap (abstract, of the bound).
Random labels: unknown (the paper's full text could not be had).
"""

import dataclasses
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from scipy.optimize import minimize_scalar
from torch import Tensor

from measures import NotApplicable, measure
from measures.quantities.flat_parameters import logits_at
from measures.quantities.losses import train_error
from measures.quantities.random_subspace import Subspace, random_subspace
from measures.trained_model import TrainedModel

DIMENSIONS, LEVELS = (64, 256), 5
STEPS, ROUNDED_STEPS, BATCH = 200, 50, 64
ALPHA, EPSILON = 1e-4, 0.05


@measure(
    source="Lotfi et al. 2022, PAC-Bayes compression bounds",
    cost="retrain",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def subspace_compression_bound(trained: TrainedModel) -> float:
    size = sum(parameter.numel() for parameter in trained.init.parameters())
    dimensions = [d for d in DIMENSIONS if d <= size]
    if not dimensions:
        raise NotApplicable(f"the network has {size} parameters; the smallest subspace has {DIMENSIONS[0]}")
    starting, limits = dataclasses.replace(trained, model=trained.init), []
    for d in dimensions:
        subspace = random_subspace(trained, d)
        symbols, codebook = rounded(trained, subspace, in_subspace(trained, subspace))
        bits = message_bits(symbols)
        nats = (bits + 2 * math.log2(bits) + math.log2(len(DIMENSIONS))) * math.log(2)
        limits.append(catoni_bound(train_error(starting, subspace.at(codebook[symbols])), nats, len(trained.labels)))
    return min(limits)


def in_subspace(trained: TrainedModel, subspace: Subspace) -> Tensor:
    """z after training from 0, (d,)."""

    def gradient(step: int, z: Tensor) -> Tensor:
        return subspace.along(batch_gradient(trained, step, subspace.at(z)))

    return adam(subspace.start.new_zeros(subspace.d), gradient, STEPS, 1 / math.sqrt(subspace.d))


def rounded(trained: TrainedModel, subspace: Subspace, z: Tensor) -> tuple[Tensor, Tensor]:
    """The level of each coordinate (d,), and the levels (L,) in half precision, after training both."""
    codebook, d = bin_means(z), len(z)

    def gradient(step: int, both: Tensor) -> Tensor:
        symbols = nearest(both[:d], both[d:])
        pulled = subspace.along(batch_gradient(trained, step, subspace.at(both[d:][symbols])))
        return torch.cat([pulled, torch.zeros_like(codebook).index_add_(0, symbols, pulled)])

    both = adam(torch.cat([z, codebook]), gradient, ROUNDED_STEPS, 0.1 / math.sqrt(d))
    return nearest(both[:d], both[d:]), both[d:].half().to(z)


def bin_means(z: Tensor, levels: int = LEVELS) -> Tensor:
    """Means of what falls into equal bins from −max|z| to max|z|; of an empty bin, its lower end."""
    largest = float(z.abs().max()) + 1e-6
    ends = torch.linspace(-largest, largest, levels + 1, dtype=z.dtype, device=z.device)
    place = (torch.bucketize(z, ends, right=True) - 1).clamp(0, levels - 1)
    counts = place.bincount(minlength=levels)
    means = torch.zeros_like(ends[:-1]).index_add_(0, place, z) / counts.clamp_min(1)
    return torch.where(counts > 0, means, ends[:-1])


def nearest(z: Tensor, codebook: Tensor) -> Tensor:
    """The level nearest to each coordinate, (d,)."""
    return (z[:, None] - codebook).abs().argmin(dim=1)


def adam(start: Tensor, gradient_at: Callable[[int, Tensor], Tensor], steps: int, rate: float) -> Tensor:
    """Adam (Kingma & Ba 2015, algorithm 1), the rate falling linearly to 0; gradient_at(step, point) like `start`."""
    point, mean, square = start, torch.zeros_like(start), torch.zeros_like(start)
    for step in range(steps):
        slope = gradient_at(step, point)
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        t = step + 1
        direction = mean / (1 - 0.9**t) / ((square / (1 - 0.999**t)).sqrt() + 1e-8)
        point = point - rate * (1 - step / steps) * direction
    return point


@torch.enable_grad()
def batch_gradient(trained: TrainedModel, step: int, parameters: Tensor) -> Tensor:
    """Gradient (p,) of the mean loss of the step's batch, the next ones of `random_order`."""
    n = len(trained.labels)
    places = torch.arange(step * BATCH, step * BATCH + min(BATCH, n), device=trained.labels.device) % n
    chosen, theta = trained.random_order[places], parameters.detach().requires_grad_()
    loss = F.cross_entropy(logits_at(trained.init, theta, trained.inputs[chosen]), trained.labels[chosen])
    return torch.autograd.grad(loss, theta)[0]


def message_bits(symbols: Tensor, levels: int = LEVELS) -> int:
    """b, the bits of the coded levels of all coordinates, of the levels and of their frequencies."""
    shares = symbols.bincount(minlength=levels).double() / len(symbols)
    entropy = float(torch.special.entr(shares).sum()) / math.log(2)
    frequencies = levels * math.ceil(math.log2(len(symbols)))
    return math.ceil(len(symbols) * entropy - 1e-9) + 1 + 16 * levels + frequencies


def catoni_bound(error: float, nats: float, n: int) -> float:
    """B(error, nats)."""

    def limit(log_gamma: float) -> float:
        gamma = math.exp(log_gamma)
        price = nats - math.log(EPSILON) + 2 * math.log(2 + log_gamma / math.log1p(ALPHA))
        return math.expm1(-gamma * (error + (1 + ALPHA) / gamma * price) / n) / math.expm1(-gamma / n)

    found = minimize_scalar(limit, bounds=(0, 4 + math.log(n)), method="bounded", options={"xatol": 1e-6})
    return float(found.fun)
