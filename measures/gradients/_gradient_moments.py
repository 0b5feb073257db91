"""What measures read off the first two moments of each weight's per-example gradient, at times of training.

Over all training examples: in a network that fits, a few of them carry most of the loss and of its gradient, and a
uniform sample misses them.
"""

import dataclasses
import math

from torch import Tensor, nn

from measures.early_networks import early_networks
from measures.errors import NotApplicable
from measures.once_per_model import once_per_model
from measures.quantities.final_gradients import final_gradients
from measures.quantities.gradient_moments import gradient_moments
from measures.trained_model import TrainedModel

ROUNDING = 1e-5  # a variance below this share of the mean square is rounding: all gradients are equal


@dataclasses.dataclass(frozen=True)
class GradientStatistics:
    """Of the per-example gradients gᵢ of the cross-entropy with respect to all weights, m examples.

    - `norm_of_mean`: ‖ḡ‖², ḡ = (1/m) Σᵢ gᵢ; `mean_norm`: (1/m) Σᵢ ‖gᵢ‖²; both squared.
    - `signal_to_noise`: mean over weights j of ḡⱼ² / Var(gⱼ), those with a variance of zero left out; nan where the
      variances of single weights were not taken.
    """

    examples: int
    norm_of_mean: float
    mean_norm: float
    signal_to_noise: float

    @property
    def variance(self) -> float:
        """Trace of the covariance, (1/m) Σᵢ ‖gᵢ − ḡ‖²."""
        return max(0.0, self.mean_norm - self.norm_of_mean)

    @property
    def coherence(self) -> float:
        """‖Σᵢ gᵢ‖² / Σᵢ ‖gᵢ‖²: m where all gradients are equal, 1 where they are orthogonal."""
        if not self.mean_norm > 0:
            raise NotApplicable("every gradient is zero: how far they agree is undefined")
        return self.examples * self.norm_of_mean / self.mean_norm


def gradient_statistics(model: nn.Module, inputs: Tensor, labels: Tensor) -> GradientStatistics:
    """GradientStatistics of these examples."""
    mean, square = gradient_moments(model, inputs, labels)
    signal = mean.square()
    variance = square - signal
    varies = variance > ROUNDING * square
    signal_to_noise = float((signal[varies] / variance[varies]).double().mean()) if bool(varies.any()) else math.nan
    return GradientStatistics(len(labels), float(signal.double().sum()), float(square.double().sum()), signal_to_noise)


@once_per_model
def statistics_at_end(trained: TrainedModel) -> GradientStatistics:
    """GradientStatistics of the trained network, over the training set, without signal to noise."""
    found = final_gradients(trained)
    signal, mean_norm = float(found.mean.square().sum()), float(found.norms.square().mean())
    return GradientStatistics(len(trained.labels), signal, mean_norm, math.nan)


@once_per_model
def statistics_at_start(trained: TrainedModel) -> GradientStatistics:
    """The same before the first step."""
    return gradient_statistics(trained.init, trained.inputs, trained.labels)


@once_per_model
def early_statistics(trained: TrainedModel) -> tuple[GradientStatistics, ...]:
    """The same of each of `snapshots`, in evaluation mode; NotApplicable if there is none."""
    return tuple(gradient_statistics(network, trained.inputs, trained.labels) for _, network in early_networks(trained))
