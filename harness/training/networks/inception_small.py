"""The small Inception of Zhang et al. 2017 (arXiv:1611.03530, figure 3), with and without batch normalization."""

import torch
from torch import Tensor, nn

from harness.training.declaring import network
from harness.training.networks.dropout import dropped
from harness.training.networks.images import image_shape


@network
def inception_small(input_shape: tuple[int, ...], num_classes: int, dropout: float = 0.0) -> nn.Module:
    """Eight inception modules, batch normalization after each convolution."""
    return _modules(input_shape, num_classes, True, dropout)


@network
def inception_small_no_bn(input_shape: tuple[int, ...], num_classes: int, dropout: float = 0.0) -> nn.Module:
    """The same without batch normalization."""
    return _modules(input_shape, num_classes, False, dropout)


def _modules(input_shape: tuple[int, ...], num_classes: int, batch_norm: bool, dropout: float) -> nn.Module:
    """One convolution, eight inception modules with two downsamplings among them, global average pooling."""
    channels, _, _ = image_shape(input_shape)
    network = nn.Sequential(
        _ConvModule(channels, 96, 3, 1, batch_norm),
        _Inception(96, 32, 32, batch_norm),
        _Inception(64, 32, 48, batch_norm),
        _Downsample(80, 80, batch_norm),
        _Inception(160, 112, 48, batch_norm),
        _Inception(160, 96, 64, batch_norm),
        _Inception(160, 80, 80, batch_norm),
        _Inception(160, 48, 96, batch_norm),
        _Downsample(144, 96, batch_norm),
        _Inception(240, 176, 160, batch_norm),
        _Inception(336, 176, 160, batch_norm),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        *dropped(dropout),
        nn.Linear(336, num_classes),
    )
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network


class _ConvModule(nn.Module):
    """Convolution, batch normalization with a shift and no scale, ReLU; without the normalization, a bias."""

    def __init__(self, fan_in: int, filters: int, size: int, stride: int, batch_norm: bool):
        super().__init__()
        self.convolution = nn.Conv2d(fan_in, filters, size, stride, size // 2, bias=not batch_norm)
        self.normalization = nn.BatchNorm2d(filters) if batch_norm else None
        if self.normalization is not None:  # ones that are not a parameter: without any, it has no second derivative
            del self.normalization.weight
            self.normalization.register_buffer("weight", torch.ones(filters), persistent=False)
        self.relu = nn.ReLU()  # a module, which measures of activations look for

    def forward(self, x: Tensor) -> Tensor:
        x = self.convolution(x)
        return self.relu(x if self.normalization is None else self.normalization(x))


class _Inception(nn.Module):
    """1x1 and 3x3 filters side by side, their maps concatenated."""

    def __init__(self, fan_in: int, filters_1x1: int, filters_3x3: int, batch_norm: bool):
        super().__init__()
        self.one = _ConvModule(fan_in, filters_1x1, 1, 1, batch_norm)
        self.three = _ConvModule(fan_in, filters_3x3, 3, 1, batch_norm)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.three(x)], dim=1)


class _Downsample(nn.Module):
    """3x3 filters of stride 2 beside a 3x3 max pooling of stride 2, concatenated."""

    def __init__(self, fan_in: int, filters: int, batch_norm: bool):
        super().__init__()
        self.three = _ConvModule(fan_in, filters, 3, 2, batch_norm)
        self.pool = _halving_pool()

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.three(x), self.pool(x)], dim=1)


def _halving_pool() -> nn.Module:
    return nn.MaxPool2d(3, 2, padding=1)
