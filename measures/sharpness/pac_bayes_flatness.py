"""Inverse variance of the largest Gaussian noise on the weights that the training error tolerates.

    μ = 1/σ²     σ = the largest with  E[ê(θ + σz)] − ê(θ) ≤ 0.1,  z ~ N(0, I)

ê is the misclassified fraction of the training set, θ all parameters; σ is a standard deviation.

Jiang et al. 2020 (arXiv:1912.02178), eq. 53.
Differs from the paper:
1. The expectation is a mean over 20 draws of z, the same draws at every σ.
2. σ is sought from 10 down to 10⁻⁶, in decades until the rise is at most 0.1, then by Brent's method on log σ to
   1%. The expected error need not grow with σ: this is the last crossing that the decades tell apart.
3. Not applicable when even σ = 10 raises the error by no more than 0.1 (no room left to rise), or σ = 10⁻⁶ by more.
"""

import functools
import itertools
import math
from collections.abc import Callable

import torch
from scipy.optimize import brentq

from harness.losses import flat_parameters, train_error
from harness.trained_model import TrainedModel
from measures import NotApplicable, measure

TOLERATED_RISE = 0.1
DECADES = range(1, -7, -1)  # log10 of σ where the decades meet, largest first
LOG_TOLERANCE = 0.01


@measure(source="Jiang et al. 2020, eq. 53", cost="slow", invariant_to={"logit_shift"})
def pac_bayes_flatness(trained: TrainedModel) -> float:
    return 1 / tolerated_noise_std(trained) ** 2


def tolerated_noise_std(trained: TrainedModel, draws: int = 20) -> float:
    """The largest σ whose noise raises the training error by at most TOLERATED_RISE on average."""
    half_an_error = 0.5 / (draws * len(trained.labels))  # the rise goes in steps, and may sit on the limit itself

    @functools.cache
    def excess(log_std: float) -> float:
        return error_rise(trained, math.exp(log_std), draws) - TOLERATED_RISE - half_an_error

    low, high = last_crossing(excess)
    return math.exp(brentq(excess, low, high, xtol=LOG_TOLERANCE))


def error_rise(trained: TrainedModel, noise_std: float, draws: int) -> float:
    """Mean rise of the training error under `draws` of the noise; the directions are the same on every call."""
    theta, generator = flat_parameters(trained), trained.generator()
    total = 0.0
    for _ in range(draws):  # drawn anew each time: the memory stays that of one vector
        z = torch.randn(theta.numel(), generator=generator, dtype=theta.dtype).to(theta.device)
        total += train_error(trained, theta + noise_std * z)
    return total / draws - train_error(trained, theta)


def last_crossing(excess: Callable[[float], float]) -> tuple[float, float]:
    """The highest of DECADES, in log σ, at whose foot the excess is at most 0 and at whose top it is above."""
    logs = [decade * math.log(10) for decade in DECADES]
    if excess(logs[0]) <= 0:
        raise NotApplicable(
            f"noise of standard deviation 1e{DECADES[0]} raises the training error by no more than {TOLERATED_RISE}"
        )
    for high, low in itertools.pairwise(logs):
        if excess(low) <= 0:
            return low, high
    raise NotApplicable(
        f"noise of standard deviation 1e{DECADES[-1]} raises the training error by more than {TOLERATED_RISE}"
    )
