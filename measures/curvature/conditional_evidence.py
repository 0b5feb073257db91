"""Negative conditional log evidence: what do some of the labels cost once the others are known?

    μ = −(1/m) log (1/S) Σₛ Π_{(x, y) ∈ D₂} p(y | x, θ + τ δₛ)     δₛ ~ N(0, P⁻¹),  S = 20

θ is trained on D₁, a random four fifths of the training examples, n₁ of them; D₂ are m others, a tenth of all, and the
rest, D₃, sets the temperature τ. P = n₁ G + I is the precision of Laplace's approximation to the posterior with a
standard normal prior, G the Gauss-Newton matrix of D₁, one layer a block A ⊗ B (quantities/gauss_newton.py). In nats
per example. τ begins at 1 and falls, by a factor of 10 where the averaged predictions get more of D₃ right than before,
else by 5, until that has happened three times; the first with the most right is taken.

Lotfi et al. 2022 (arXiv:2202.11678): the conditional marginal likelihood, claimed to be large where a network
generalizes; here its negative logarithm is. The share, S and the search for τ are those of the authors' code.
Differs from the paper:
1. The prior's precision is there the weight decay of the training; these networks need not have any.
2. G is from a weighted sample of a large D₁, and exact in the labels; the code has the empirical Fisher matrix.
3. The product over D₂ makes the best draw outweigh the others, there as here: it is a noisy upper limit.
4. The given network's weights do not enter: the value is about its training set and its training.

Claims: larger gap (abstract: more aligned with generalization than the marginal likelihood).
Random labels: unknown (the paper's full text could not be had).
"""

import dataclasses
import math

import torch
from torch import Tensor, nn

from measures import NotApplicable, measure
from measures.folding import folded
from measures.networks.copying import run_with
from measures.quantities.gauss_newton import layer_curvatures
from measures.seeding import standard_normal
from measures.trained_model import FEW, TrainedModel

KNOWN = 0.8
DRAWS = 20
FEWEST = 10  # examples

Weights = dict[str, Tensor]


@measure(
    source="Lotfi et al. 2022",
    cost="retrain",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def conditional_evidence(trained: TrainedModel) -> float:
    n, generator = len(trained.labels), trained.generator()
    if n < FEWEST:
        raise NotApplicable(f"{n} training examples: a tenth of them to ask about needs at least {FEWEST}")
    order = torch.randperm(n, generator=generator).to(trained.labels.device)
    known, tuning, asked = order.split([math.floor(KNOWN * n), n - math.floor(KNOWN * n) - n // 10, n // 10])
    x, y = trained.inputs, trained.labels
    again = trained.retrain(x[known], y[known])
    part = dataclasses.replace(trained, model=again, init=again, inputs=x[known], labels=y[known])
    network = folded(again, part.inputs[:FEW])
    draws = posterior_draws(part, network, DRAWS, generator)
    temperature = best_temperature(network, draws, x[tuning], y[tuning])
    each = torch.arange(len(asked), device=asked.device)
    totals = log_probabilities(network, draws, temperature, x[asked])[:, each, y[asked]].sum(dim=1)
    return -float(torch.logsumexp(totals, dim=0) - math.log(len(draws))) / len(asked)


def posterior_draws(part: TrainedModel, network: nn.Module, count: int, generator: torch.Generator) -> list[Weights]:
    """δ by the names of the folded network's weights and biases, `count` times."""
    draws: list[Weights] = [{} for _ in range(count)]
    for layer, curvature in zip(part.layers, layer_curvatures(part), strict=True):
        (a, u), (b, v) = (torch.linalg.eigh(factor) for factor in (curvature.incoming, curvature.outgoing))
        precision = len(part.labels) * torch.outer(b.clamp_min(0), a.clamp_min(0)) + 1
        module = network.get_submodule(layer.name)
        prefix = f"{layer.name}." if layer.name else ""
        for draw in draws:
            delta = v @ (standard_normal(precision.shape, generator, like=precision) / precision.sqrt()) @ u.T
            delta = delta.to(curvature.weight)
            if curvature.bias is not None:
                draw[f"{prefix}bias"], delta = delta[:, -1], delta[:, :-1]
            draw[f"{prefix}weight"] = delta.reshape(module.get_parameter("weight").shape)
    return draws


@torch.no_grad()
def log_probabilities(network: nn.Module, draws: list[Weights], temperature: float, inputs: Tensor) -> Tensor:
    """log p(· | x, θ + τ δ) for each draw and input, (draws, m, num_classes) float64."""
    own = dict(network.named_parameters())
    moved = [{name: own[name] + temperature * delta for name, delta in draw.items()} for draw in draws]
    return torch.stack([run_with(network, weights, inputs).double().log_softmax(dim=1) for weights in moved])


def best_temperature(network: nn.Module, draws: list[Weights], inputs: Tensor, labels: Tensor) -> float:
    """The τ of the search described above."""
    temperature, best, most, patience = 1.0, 1.0, 0, 3
    while patience:
        averaged = log_probabilities(network, draws, temperature, inputs).exp().mean(dim=0)
        right = int((averaged.argmax(dim=1) == labels).sum())
        if right > most:
            most, best, temperature = right, temperature, temperature / 10
        else:
            patience, temperature = patience - 1, temperature / 5
    return best
