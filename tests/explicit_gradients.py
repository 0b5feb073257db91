"""The slow and obvious way to gradients of each example: all of them, as the rows of a matrix."""

import dataclasses

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.trained_model import TrainedModel
from measures import Measure
from tests.loss_surface import linear_model
from tests.models import with_snapshots


def gradients_one_by_one(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """Every example's gradient of the cross-entropy, (m, p), one backward pass each."""
    rows = []
    for x, y in zip(inputs, labels, strict=True):
        loss = F.cross_entropy(model(x[None]), y[None])
        rows.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))]))
    return torch.stack(rows)


def jacobian(model: nn.Module, inputs: Tensor) -> Tensor:
    """The gradient of every logit of every example with respect to all weights, (m, K, p)."""
    weights = {name: parameter.detach() for name, parameter in model.named_parameters()}
    blocks = torch.func.jacrev(lambda w: torch.func.functional_call(model, w, (inputs,)))(weights)
    return torch.cat([block.reshape(*block.shape[:2], -1) for block in blocks.values()], dim=2)


def undecided(inputs: list[list[float]], labels: list[int]) -> TrainedModel:
    """Two classes of probability 1/2 each, the weights being zero, after a first epoch that left it so.

    Example i's gradient is ± its input times (-1/2, 1/2), + for label 0: inner products are ± half the inputs'.
    """
    trained = linear_model([[0.0] * len(inputs[0])] * 2, inputs, labels)
    return with_snapshots(trained, trained.model)


def looking_back(measure: Measure) -> Measure:
    """The measure, asked of a model that was its own `init` at the end of the first epoch."""

    def value(trained: TrainedModel) -> float:
        return measure(with_snapshots(trained, trained.init))

    return dataclasses.replace(measure, function=value)


def with_labels_in_turn(measure: Measure) -> Measure:
    """The measure, asked of the model with labels 0, 1, ..., 0, 1, ...: some networks predict a single class."""

    def value(trained: TrainedModel) -> float:
        labels = torch.arange(len(trained.labels)) % trained.num_classes
        return measure(dataclasses.replace(trained, labels=labels))

    return dataclasses.replace(measure, function=value)
