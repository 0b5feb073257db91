"""How weights are moved: torch's optimizers, and the rate of every step, from the fields of a recipe.

Rates are functions of the step alone, those of torch.optim.lr_scheduler in closed form: twins have the same, and a
training that is taken up again needs no state of a scheduler.

Label smoothing is left out on purpose. Training stops at a loss on the training set, the same for both twins; under
label smoothing the loss that is minimized is another, which a network that fits cannot bring below a bound above 0.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from harness.training.recipe import Recipe

SMALLEST_NORM = 1e-6  # as in torch.nn.utils.clip_grad_norm_


def optimizer_for(recipe: Recipe, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    """The recipe's optimizer of these parameters. Rates are set before every step (`rate_at`)."""
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=recipe.momentum, weight_decay=decay, fused=True)
    kind = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW
    betas = (recipe.momentum, recipe.second_moment_decay)
    return kind(parameters, lr=rate, betas=betas, weight_decay=decay, fused=True)


def rate_at(recipe: Recipe, epoch: int, step: int, steps_per_epoch: int) -> float:
    """The learning rate of a step, counted from 0 and in the epoch counted from 0.

    It rises on a line over the first `warmup_epochs`, to the full rate at their last step; then it falls by half a
    cosine that reaches 0 at the end of `cosine_epochs`, or by the same factor every epoch.
    """
    rate = recipe.learning_rate * recipe.learning_rate_decay_per_epoch**epoch
    warm = recipe.warmup_epochs * steps_per_epoch
    if step < warm:
        return rate * (step + 1) / warm
    if recipe.cosine_epochs:
        whole = recipe.cosine_epochs * steps_per_epoch - warm
        return rate * (1 + math.cos(math.pi * min(step - warm, whole) / whole)) / 2
    return rate


def epochs_at_most(recipe: Recipe) -> int:
    """How many a training has: none after the cosine, which ends at a rate of 0."""
    return min(recipe.max_epochs, recipe.cosine_epochs or recipe.max_epochs)


def clip(recipe: Recipe, parameters: Iterable[nn.Parameter]) -> None:
    """Shorten the gradient to the recipe's `clip_norm`, where it is longer; 0 leaves it."""
    if recipe.clip_norm:
        torch.nn.utils.clip_grad_norm_(parameters, recipe.clip_norm)


def clip_each(recipe: Recipe, stacked: Iterable[Tensor]) -> None:
    """The same of networks whose parameters are the rows of stacked ones: each has a gradient of its own."""
    if not recipe.clip_norm:
        return
    gradients = [weight.grad for weight in stacked if weight.grad is not None]
    norms = torch.stack([gradient.flatten(1).square().sum(dim=1) for gradient in gradients]).sum(dim=0).sqrt()
    factors = (recipe.clip_norm / (norms + SMALLEST_NORM)).clamp(max=1)
    for gradient in gradients:
        gradient.mul_(factors.view(-1, *[1] * (gradient.ndim - 1)))
