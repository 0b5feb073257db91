"""The slow and obvious way to what layers receive: the network run module by module."""

import torch
from torch import Tensor, nn

from measures.trained_model import TrainedModel


def naive_layers(trained: TrainedModel) -> list[Tensor]:
    """The inputs and what each weight layer but the first receives, flattened, module by module."""
    layers, x = [], trained.inputs
    assert isinstance(trained.model, nn.Sequential)
    with torch.no_grad():
        for module in trained.model:
            if isinstance(module, nn.Linear | nn.Conv2d):
                layers.append(x.flatten(1))
            x = module(x)
    return [trained.inputs.flatten(1), *layers[1:]]
