"""The architectures, for any input size: `build(name, input_shape, num_classes)`."""

import re

import torch
from torch import nn

from harness.errors import HarnessError

CONVNET_CHANNELS = (16, 32)
CONVNET_HIDDEN = 128


def build(
    name: str, input_shape: tuple[int, ...], num_classes: int, generator_seed: int = 0, dropout: float = 0.0
) -> nn.Module:
    """A freshly initialised network (torch's default initialisation), in training mode.

    Names: `mlp_<depth>x<width>` (hidden layers with ReLU on the flattened input), `convnet` (two 3x3
    convolutions, a 2x2 max pooling between them, one hidden layer), `convnet_bn` (with batch normalization
    after each convolution). `input_shape` is (channels, height, width). The weights are a function of
    `generator_seed`; the global random state is left as it was. `dropout` above 0 drops units of the hidden linear
    layers.

    Raises HarnessError for an unknown name.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(generator_seed)  # the CPU's, and no accelerator's
        if match := re.fullmatch(r"mlp_(\d+)x(\d+)", name):
            return _mlp(input_shape, num_classes, int(match[1]), int(match[2]), dropout)
        if name in ("convnet", "convnet_bn"):
            return _convnet(input_shape, num_classes, name == "convnet_bn", dropout)
    raise HarnessError(f"unknown network {name!r}; known: mlp_<depth>x<width> (as in mlp_1x512), convnet, convnet_bn")


def _mlp(input_shape: tuple[int, ...], num_classes: int, depth: int, width: int, dropout: float) -> nn.Module:
    fan_in = int(torch.Size(input_shape).numel())
    layers: list[nn.Module] = [nn.Flatten()]
    for _ in range(depth):
        layers += [nn.Linear(fan_in, width), nn.ReLU(), *_dropout(dropout)]
        fan_in = width
    return nn.Sequential(*layers, nn.Linear(fan_in, num_classes))


def _convnet(input_shape: tuple[int, ...], num_classes: int, batch_norm: bool, dropout: float) -> nn.Module:
    channels, height, width = input_shape
    first, second = CONVNET_CHANNELS
    return nn.Sequential(
        nn.Conv2d(channels, first, 3, padding=1),
        *([nn.BatchNorm2d(first)] if batch_norm else []),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 3, padding=1),
        *([nn.BatchNorm2d(second)] if batch_norm else []),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(second * (height // 2) * (width // 2), CONVNET_HIDDEN),
        nn.ReLU(),
        *_dropout(dropout),
        nn.Linear(CONVNET_HIDDEN, num_classes),
    )


def _dropout(probability: float) -> list[nn.Module]:
    return [nn.Dropout(probability)] if probability else []
