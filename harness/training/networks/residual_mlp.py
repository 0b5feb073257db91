"""Multilayer perceptrons with skip connections."""

import torch
from torch import nn

from harness.training.declaring import network
from harness.training.networks.dropout import dropped
from harness.training.networks.residual import Residual


@network(name="residual_mlp_{depth}x{width}", blind_to_positions=True)
def residual_mlp(
    input_shape: tuple[int, ...], num_classes: int, depth: int, width: int, dropout: float = 0.0
) -> nn.Module:
    """A hidden layer of `width` units with ReLU, then `depth` blocks relu(x + linear(relu(linear(x))))."""
    size = int(torch.Size(input_shape).numel())
    blocks = [_block(width, dropout) for _ in range(depth)]
    return nn.Sequential(nn.Flatten(), nn.Linear(size, width), nn.ReLU(), *blocks, nn.Linear(width, num_classes))


def _block(width: int, dropout: float) -> nn.Module:
    inner = nn.Sequential(nn.Linear(width, width), nn.ReLU(), *dropped(dropout), nn.Linear(width, width))
    return Residual(
        inner, after=nn.ReLU()
    )  # what the skip connections carry is not dropped: it would be in every block
