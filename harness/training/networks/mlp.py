"""Multilayer perceptrons."""

import torch
from torch import nn

from harness.training.declaring import network
from harness.training.networks.dropout import dropped


@network(name="mlp_{depth}x{width}", blind_to_positions=True)
def mlp(input_shape: tuple[int, ...], num_classes: int, depth: int, width: int, dropout: float = 0.0) -> nn.Module:
    """`depth` hidden layers of `width` units with ReLU, on the flattened input."""
    fan_in = int(torch.Size(input_shape).numel())
    layers: list[nn.Module] = [nn.Flatten()]
    for _ in range(depth):
        layers += [nn.Linear(fan_in, width), nn.ReLU(), *dropped(dropout)]
        fan_in = width
    return nn.Sequential(*layers, nn.Linear(fan_in, num_classes))
