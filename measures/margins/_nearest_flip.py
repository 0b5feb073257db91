"""The smallest perturbation that changes a prediction, found by linearising the margin again and again.

A perturbation δ is (m, size), one row an example: of the input, of all layers at once, whatever `margins` makes of it.

    δ ← δ/2 − Gᵀ(g − G δ/2)/‖G‖²     g = margin at δ,  G = its gradient with respect to δ

is the point nearest to δ/2 where the linearised margin is 0. DeepFool (Moosavi-Dezfooli et al. 2016, arXiv:1511.04599)
takes the one nearest to δ, which stays longer than it need be; the one nearest to 0 often does not converge. The last
δ gives a direction, along which the first flip is then sought by doubling and halving. So the radius is that of a
flip, never below the smallest, and exact for linear margins.
"""

from collections.abc import Callable

import torch
from torch import Tensor

STEPS = 5  # linearisations
LENGTHS = (0.3, 0.6, 1.2, 2.4, 4.8)  # at which the direction is tried, in units of δ; at 1 rounding would decide
HALVINGS = 10  # of the length between two of them: the radius is found to a relative 0.001


@torch.enable_grad()
def smallest_flip(margins: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    """The norm of the smallest δ found at which the margin is at most 0, (m,); `start` is zeros (m, size).

    0 where the margin is so from the start, infinite where no such δ was found.
    """
    delta = start
    for _ in range(STEPS):
        delta = delta.detach().requires_grad_()
        margin = margins(delta)
        (gradient,) = torch.autograd.grad(margin.sum(), delta)
        delta = _projection(delta.detach(), margin.detach(), gradient)
    return _first_flip(margins, start, delta)


def _projection(delta: Tensor, margin: Tensor, gradient: Tensor) -> Tensor:
    half = delta / 2
    square = gradient.square().sum(dim=1)
    multiple = (margin - (gradient * half).sum(dim=1)) / square
    return torch.where((square > 0)[:, None], half - multiple[:, None] * gradient, delta)  # a flat margin shows no way


@torch.no_grad()
def _first_flip(margins: Callable[[Tensor], Tensor], start: Tensor, delta: Tensor) -> Tensor:
    """The norm at which the margin first reaches 0 on the way through `delta`."""
    low = torch.zeros_like(delta[:, 0])
    high = torch.full_like(low, torch.inf)
    for length in LENGTHS:
        found = high.isfinite()
        flips = margins(length * delta) <= 0
        high = torch.where(~found & flips, length, high)
        low = torch.where(~found & ~flips, length, low)
    for _ in range(HALVINGS):
        middle = (low + torch.where(high.isfinite(), high, low)) / 2
        flips = margins(middle[:, None] * delta) <= 0
        low, high = torch.where(flips, low, middle), torch.where(flips, middle, high)
    radius = torch.where(high.isfinite(), high * delta.norm(dim=1), torch.inf)
    return torch.where(margins(start) <= 0, 0.0, radius)
