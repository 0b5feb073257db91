"""Criticality of the modules: how near to its start, and how roughly, can each layer be set with the others as trained?

    μ = Σₗ min over α, σ of  α² ‖θₗ − θₗ⁰‖² / σ²      such that  E[ê(θₗ → θₗ⁰ + α (θₗ − θₗ⁰) + σ z)] ≤ 0.1

over 0 ≤ α ≤ 1, 0 < σ ≤ 1; ê is the misclassified fraction of the training set, l a linear or convolutional layer with
θₗ its weight and bias, θₗ⁰ the same before the first step, z ~ N(0, I); σ is a standard deviation. A layer that may as
well be as it started (α = 0) adds nothing.

Chatterji, Neyshabur & Sedghi 2020 (arXiv:1912.00528), module and network criticality.
Differs from the paper:
1. α is one of 0, ¼, ½, 1. σ is sought on a grid of 8 sizes a decade and interpolated, by the error of 3 draws
   (quantities/perturbations.py); an α < 1 is sought further only if its draws allow α times the σ of the best α above
   it.
2. Batch normalization belongs to no module: scale, shift and running statistics stay as trained.
3. Not applicable where the trained network itself errs on more than a tenth.
4. Of a training set larger than 2000, a weighted sample that leaves the error unbiased.

Version 2: on the training set, where it was on 300 examples.

Claims: larger gap (Chatterji, Neyshabur & Sedghi 2020, abstract).
Random labels: unknown (only the abstract could be had).
"""

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from measures import NotApplicable, measure
from measures.networks.functional_layers import functional_layers
from measures.quantities.flat_parameters import flat_parameters, initial_parameters
from measures.quantities.perturbations import DRAWS, clean_outcome, crossing, noise_draws, outcome_at
from measures.trained_model import TrainedModel

TOLERATED_ERROR = 0.1
FEW_DRAWS = 3


@measure(source="Chatterji, Neyshabur & Sedghi 2020, network criticality", version=2, cost="slow")
def module_criticality(trained: TrainedModel) -> float:
    if (error := clean_outcome(trained).error) > TOLERATED_ERROR:
        raise NotApplicable(f"the network errs on {error:.3g} of its training set, above {TOLERATED_ERROR}")
    return sum(criticality(trained, members) for members in modules(trained))


def modules(trained: TrainedModel) -> list[Tensor]:
    """For each linear or convolutional layer, which of the parameters are its own, (p,) 0 or 1.

    So too for a parameter that a function applies as a layer, with its bias.
    """
    owner = {
        id(parameter): number
        for number, layer in enumerate(trained.model.modules())
        if isinstance(layer, nn.Linear | nn.modules.conv._ConvNd)
        for parameter in layer.parameters()
    }
    named = dict(trained.model.named_parameters())
    for names in functional_layers(trained.model, trained.inputs[:1]):
        number = owner.get(id(named[names[0]]), len(owner) + len(list(trained.model.modules())))
        owner |= {id(named[name]): number for name in names}
    numbers = [torch.full_like(p.detach().flatten(), owner.get(id(p), -1)) for p in trained.model.parameters()]
    flat = torch.cat(numbers)
    return [(flat == number).to(flat) for number in sorted(set(owner.values()))]


def criticality(trained: TrainedModel, members: Tensor) -> float:
    """The smallest α² ‖θₗ − θₗ⁰‖² / σ² of one module."""
    theta = flat_parameters(trained.model)
    change = members * (theta - initial_parameters(trained))
    z = members * noise_draws(trained, DRAWS)[:FEW_DRAWS]

    @functools.cache
    def error(alpha: float, noise_std: float) -> float:
        centre = theta - (1 - alpha) * change
        return sum(outcome_at(trained, centre + noise_std * row).error for row in z) / len(z)

    if outcome_at(trained, theta - change).error <= TOLERATED_ERROR:
        return 0.0
    largest_ratio = 0.0  # σ / α
    for alpha in (1.0, 0.5, 0.25):
        if largest_ratio == 0 or error(alpha, alpha * largest_ratio) <= TOLERATED_ERROR:
            largest_ratio = max(largest_ratio, _largest_noise(functools.partial(error, alpha)) / alpha)
    return float(change.double().square().sum()) / largest_ratio**2


def _largest_noise(error: Callable[[float], float]) -> float:
    """The σ up to 1 at which the error reaches what is tolerated."""
    if error(1.0) <= TOLERATED_ERROR:
        return 1.0
    return crossing(error, TOLERATED_ERROR, "noise on one layer of standard deviation", "the training error", start=-1)
