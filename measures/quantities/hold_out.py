"""The tenth of the training set that measures which train again hold out: one draw, so that they share a retraining."""

import dataclasses
import math

import torch
from torch import Tensor, nn

from measures.errors import NotApplicable
from measures.trained_model import TrainedModel

SHARE = 0.1


def hold_out(trained: TrainedModel) -> tuple[Tensor, Tensor]:
    """Indices of the held-out examples, a random tenth rounded up, and of all others."""
    n = len(trained.labels)
    if n < 2:
        raise NotApplicable(f"{n} training example: there is nothing left to train on when it is held out")
    order = torch.randperm(n, generator=trained.generator()).to(trained.labels.device)
    held_out = math.ceil(SHARE * n)
    return order[:held_out], order[held_out:]


def trained_without(trained: TrainedModel) -> tuple[nn.Module, Tensor, Tensor]:
    """The network that training on all but the held-out tenth gives, and the inputs and labels of that tenth."""
    held_out, kept = hold_out(trained)
    network = trained.retrain(trained.inputs[kept], trained.labels[kept])
    return network, trained.inputs[held_out], trained.labels[held_out]


def predictions(trained: TrainedModel, network: nn.Module, inputs: Tensor) -> Tensor:
    """The class that another network gives each input, (n,)."""
    return dataclasses.replace(trained, model=network, inputs=inputs).logits.argmax(dim=1)
