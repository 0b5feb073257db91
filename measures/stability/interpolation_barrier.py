"""Barrier between two trainings: how high is the error on the straight line between their weights?

    μ = max over α of ê(α θ + (1 − α) θ′)  −  (ê(θ) + ê(θ′)) / 2     α = 0, 1/29, 2/29, …, 1

ê is the fraction of the training set misclassified. θ′ comes of the same initial weights by the same training, with the
examples in another order: of another draw of the noise of stochastic gradient descent. Between 0 and 1.

Frankle, Dziugaite, Roy & Carbin 2020 (arXiv:1912.05671), linear interpolation instability: the height of the error
barrier, at 30 evenly spaced α, from the initialization on.
Differs from the paper:
1. One pair of trainings; the paper averages over nine.
2. Running statistics of batch normalization are interpolated like weights.
3. The error is that of the training set; the paper has the test error as well.
4. Networks that were trained elsewhere are trained again as their `retrain_function` does, from whatever start.

Claims: read into it.
Random labels: unknown (the text of the paper could not be had).
"""

import torch
from torch import Tensor, nn

from measures import NotApplicable, measure
from measures.history import flat_state, load_flat_state
from measures.networks.copying import copy_of
from measures.trained_model import CHUNK, TrainedModel

POINTS = 30


@measure(
    source="Frankle, Dziugaite, Roy & Carbin 2020, linear interpolation instability",
    cost="retrain",
    invariant_to={"logit_shift"},
)
def interpolation_barrier(trained: TrainedModel) -> float:
    order = trained.random_order
    other = trained.retrain(trained.inputs[order], trained.labels[order])
    start, end = flat_state(other), flat_state(trained.model)
    if start.shape != end.shape:
        raise NotApplicable(f"trained again, the network has {len(start)} numbers and not {len(end)}: there is no line")
    network = copy_of(trained.model)
    errors = [error_at(trained, network, torch.lerp(start, end, alpha)) for alpha in shares()]
    return max(errors) - (errors[0] + errors[-1]) / 2


def shares() -> list[float]:
    """The α, from 0 to 1, both ends exactly."""
    return [point / (POINTS - 1) for point in range(POINTS)]


@torch.no_grad()
def error_at(trained: TrainedModel, network: nn.Module, state: Tensor) -> float:
    """The training error of `network` with this `flat_state`, which it is left with."""
    load_flat_state(network, state)
    predicted = torch.cat([network(x).argmax(dim=1) for x in trained.inputs.split(CHUNK)])
    return float((predicted != trained.labels).double().mean())
