"""Mean and mean square of each weight's per-example gradient, and what measures read off them.

For a linear layer the mean square is (D²)ᵀ A² / m, with A (m, in) what it received and D (m, out) what came back to its
output: no example's gradient is formed. For other layers they are, a few examples at a time.
"""

import dataclasses

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from measures.errors import NotApplicable
from measures.once_per_model import once_per_model
from measures.quantities.gradient_gram import SAMPLE
from measures.quantities.per_example import (
    ForwardPass,
    forward_pass,
    loss_cotangents,
    squared_norms,
)
from measures.quantities.plain_layers import PlainLayer, kernel_gradients, normalised
from measures.trained_model import TrainedModel

ROUNDING = 1e-5  # a variance below this share of the mean square is rounding: all gradients are equal

Moments = tuple[Tensor, Tensor]  # sums over examples of the gradient and of its square


@dataclasses.dataclass(frozen=True)
class GradientStatistics:
    """Of the per-example gradients gᵢ of the cross-entropy with respect to all weights, m examples.

    - `norm_of_mean`: ‖ḡ‖², ḡ = (1/m) Σᵢ gᵢ; `mean_norm`: (1/m) Σᵢ ‖gᵢ‖²; both squared.
    - `signal_to_noise`: mean over weights j of ḡⱼ² / Var(gⱼ), those with a variance of zero left out.
    """

    examples: int
    norm_of_mean: float
    mean_norm: float
    signal_to_noise: float

    @property
    def variance(self) -> float:
        """Trace of the covariance, (1/m) Σᵢ ‖gᵢ − ḡ‖²."""
        return self.mean_norm - self.norm_of_mean

    @property
    def coherence(self) -> float:
        """‖Σᵢ gᵢ‖² / Σᵢ ‖gᵢ‖²: m where all gradients are equal, 1 where they are orthogonal."""
        if not self.mean_norm > 0:
            raise NotApplicable("every gradient is zero: how far they agree is undefined")
        return self.examples * self.norm_of_mean / self.mean_norm


@torch.no_grad()
def gradient_moments(model: nn.Module, inputs: Tensor, labels: Tensor) -> Moments:
    """Mean and mean square over the examples of the cross-entropy's gradient, (p,) each, as in model.parameters()."""
    passed = forward_pass(model, inputs)
    cotangents = loss_cotangents(passed.logits, labels)
    sums: dict[int, Moments] = {}
    for layer, x, back in passed.backward(cotangents):
        if layer.weight is not None:
            sums[id(layer.weight)] = _weight_sums(layer, x, back)
        if layer.bias is not None:
            per_example = back if back.ndim == 2 else back.sum(dim=(2, 3))
            sums[id(layer.bias)] = per_example.sum(dim=0), per_example.square().sum(dim=0)
    sums |= _sums_of_others(passed, cotangents)
    first, second = zip(*[sums[id(parameter)] for parameter in model.parameters()], strict=True)
    return parameters_to_vector(first) / len(inputs), parameters_to_vector(second) / len(inputs)


def _weight_sums(layer: PlainLayer, x: Tensor, back: Tensor) -> Moments:
    if isinstance(layer, nn.Linear):
        return back.T @ x, back.square().T @ x.square()
    if isinstance(layer, nn.Conv2d):
        first, second = torch.zeros_like(layer.weight).flatten(1), torch.zeros_like(layer.weight).flatten(1)
        for _, gradients in kernel_gradients(layer, x, back):
            first += gradients.sum(dim=0)
            second += gradients.square().sum(dim=0)
        return first, second
    scales = (back * normalised(layer, x)).sum(dim=(2, 3))
    return scales.sum(dim=0), scales.square().sum(dim=0)


def _sums_of_others(passed: ForwardPass, cotangents: Tensor) -> dict[int, Moments]:
    if not passed.others:
        return {}
    named = dict(passed.model.named_parameters())
    sizes = [weight.numel() for weight in passed.others.values()]
    first, second = passed.logits.new_zeros(sum(sizes)), passed.logits.new_zeros(sum(sizes))
    for _, gradients in passed.gradients_of_others(cotangents):
        first += gradients.sum(dim=0)
        second += gradients.square().sum(dim=0)
    pieces = zip(passed.others, first.split(sizes), second.split(sizes), strict=True)
    return {id(named[name]): (mean, square) for name, mean, square in pieces}


def gradient_statistics(model: nn.Module, inputs: Tensor, labels: Tensor) -> GradientStatistics:
    """GradientStatistics of these examples."""
    mean, square = gradient_moments(model, inputs, labels)
    signal = mean.square()
    variance = square - signal
    varies = variance > ROUNDING * square
    signal_to_noise = float((signal[varies] / variance[varies]).double().mean()) if bool(varies.any()) else 0.0
    return GradientStatistics(len(labels), float(signal.double().sum()), float(square.double().sum()), signal_to_noise)


@once_per_model
def statistics_at_end(trained: TrainedModel) -> GradientStatistics:
    """GradientStatistics of the trained network on `sampled` (quantities/gradient_gram.py)."""
    return gradient_statistics(trained.model, *trained.sample(SAMPLE))


@once_per_model
def statistics_at_start(trained: TrainedModel) -> GradientStatistics:
    """The same before the first step."""
    return gradient_statistics(trained.init, *trained.sample(SAMPLE))


@once_per_model
def early_statistics(trained: TrainedModel) -> tuple[GradientStatistics, ...]:
    """The same of each of `snapshots`, in evaluation mode; NotApplicable if there is none."""
    if not trained.snapshots:
        raise NotApplicable("no network from early in training was kept: it stopped in its first epoch")
    return tuple(gradient_statistics(network, *trained.sample(SAMPLE)) for _, network in trained.snapshots)


@torch.no_grad()
def fisher_trace_of(model: nn.Module, inputs: Tensor) -> float:
    """Mean over examples of E ‖∇ log p(y | x)‖², y drawn by the model's own probabilities, gradient by the weights."""
    passed = forward_pass(model, inputs)
    probabilities = passed.logits.double().softmax(dim=1)
    total = 0.0
    for label, probability in enumerate(probabilities.unbind(dim=1)):
        labels = torch.full((len(inputs),), label, device=inputs.device)
        norms = squared_norms(passed, loss_cotangents(passed.logits, labels)).double()
        total += float((probability * norms).mean())
    return total
