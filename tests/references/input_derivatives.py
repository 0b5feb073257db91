"""The slow and obvious way to derivatives with respect to inputs: one example at a time, by autograd or differences."""

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from measures.trained_model import TrainedModel


def naive_margin(f: Tensor, y: int) -> Tensor:
    """Logit y minus the largest other, of the logits (K,) of one example."""
    other = max((j for j in range(len(f)) if j != y), key=lambda j: float(f[j].detach()))
    return f[y] - f[other]


def naive_normalised_margins(model: torch.nn.Sequential, inputs: Tensor, labels: Tensor) -> list[list[float]]:
    """dₗ(x) for each weight layer and each input: the network cut before the layer, one example at a time."""
    result = []
    for position, layer in enumerate(model):
        if not isinstance(layer, torch.nn.Linear | torch.nn.Conv2d):
            continue
        h = model[:position](inputs).detach() if position else inputs
        total_variation = sum(float((one - h.mean(dim=0)).square().sum()) for one in h) / len(h)
        of_layer = []
        for one, y in zip(h, labels.tolist(), strict=True):
            one = one[None].clone().requires_grad_()
            margin = naive_margin(model[position:](one)[0], y)
            (gradient,) = torch.autograd.grad(margin, one)
            slope = float(gradient.norm()) * total_variation**0.5
            of_layer.append(float(margin.detach()) / slope if slope else math.copysign(math.inf, margin.detach()))
        result.append(of_layer)
    return result


def jacobians(trained: TrainedModel) -> Tensor:
    """∂f/∂x of each training example, (n, K, inputs)."""
    by_example = [torch.autograd.functional.jacobian(trained.model, x[None])[0, :, 0] for x in trained.inputs]
    return torch.stack(by_example).flatten(2)


def loss_gradient(model: torch.nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """∂ℓ/∂x of one example, by way of `backward`."""
    x = x[None].clone().requires_grad_()
    torch.nn.functional.cross_entropy(model(x), y[None]).backward()
    model.zero_grad(set_to_none=True)
    assert x.grad is not None
    return x.grad.flatten()


def naive_smallest_flip(margin: Callable[[Tensor], Tensor], size: int) -> float:
    """The search of margins/_nearest_flip.py for one example, step by step; `margin` is of one perturbation (size,)."""
    delta = torch.zeros(size, dtype=torch.float64)
    if float(margin(delta).detach()) <= 0:
        return 0.0
    for _ in range(5):
        delta = delta.detach().requires_grad_()
        g = margin(delta)
        (gradient,) = torch.autograd.grad(g, delta)
        delta, g = delta.detach(), g.detach()
        if gradient.any():
            half = delta / 2
            delta = half - (g + gradient @ (half - delta)) / (gradient @ gradient) * gradient
    with torch.no_grad():
        lengths = (0.0, 0.3, 0.6, 1.2, 2.4, 4.8)
        for low, high in itertools.pairwise(lengths):
            if margin(high * delta) <= 0:
                for _ in range(10):
                    middle = (low + high) / 2
                    low, high = (low, middle) if margin(middle * delta) <= 0 else (middle, high)
                return high * float(delta.norm())
    return math.inf
