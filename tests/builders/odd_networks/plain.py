"""The plain networks that odd ones are made of, and one whose forward is any function."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

CLASSES = 3


def mlp(*between: nn.Module) -> nn.Sequential:
    """Flatten, linear, ReLU, what is between, linear."""
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), *between, nn.Linear(8, CLASSES))


def convnet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, CLASSES)
    )


class Calling(nn.Module):
    """A network whose forward is a function of it and its inputs."""

    def __init__(self, forward: Callable[["Calling", Tensor], Tensor], **parts: nn.Module):
        super().__init__()
        self.function = forward
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


class PreActivation(nn.Module):
    """A block of two convolutions, each after normalization and ReLU; the skip connection, where the number of channels
    changes, is a convolution of what the first one receives."""

    def __init__(self, channels: int, wider: int, stride: int, groups: int = 1):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(channels), nn.Conv2d(channels, wider, 3, stride, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(wider), nn.Conv2d(wider, wider, 3, 1, 1, groups=groups, bias=False)
        self.skip = nn.Conv2d(channels, wider, 1, stride, bias=False) if channels != wider else None

    def forward(self, x: Tensor) -> Tensor:
        activated = torch.relu(self.norm1(x))
        skipped = x if self.skip is None else self.skip(activated)
        return skipped + self.conv2(self.norm2(self.conv1(activated)).relu())


def pre_activation_network(image_channels: int = 1) -> nn.Sequential:
    """A residual network with normalization before its layers, of which statistics, scales and shifts are random."""
    blocks = PreActivation(6, 6, 1, groups=2), PreActivation(6, 8, 2)
    head = nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, CLASSES)
    network = nn.Sequential(nn.Conv2d(image_channels, 6, 3, padding=1), *blocks, *head)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, -2, 2)
            nn.init.normal_(module.bias)
    return network
