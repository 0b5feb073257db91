"""The architectures, for any input size: `build(name, input_shape, num_classes)`.

Small ones for the digits, and those of Zhang et al. 2017 (arXiv:1611.03530, appendix A and figure 3), which at 28x28x3
have exactly the paper's numbers of parameters.
"""

import re

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import HarnessError

CONVNET_CHANNELS = (16, 32)
CONVNET_HIDDEN = 128


INCEPTION_V3_SMALLEST = 75  # pixels

KNOWN = (
    "mlp_<depth>x<width> (as in mlp_1x512), convnet, convnet_bn, alexnet_small, inception_small, "
    "inception_small_no_bn, inception_v3"
)


def build(
    name: str, input_shape: tuple[int, ...], num_classes: int, generator_seed: int = 0, dropout: float = 0.0
) -> nn.Module:
    """A freshly initialised network, in training mode.

    Names: `mlp_<depth>x<width>` (hidden layers with ReLU on the flattened input), `convnet` (two 3x3
    convolutions, a 2x2 max pooling between them, one hidden layer), `convnet_bn` (with batch normalization
    after each convolution); the paper's `alexnet_small`, `inception_small`, `inception_small_no_bn`; `inception_v3` as
    torchvision has it, without the auxiliary classifier. `input_shape` is (channels, height, width). The weights are a
    function of `generator_seed`; the global random state is left as it was. `dropout` above 0 drops units of the hidden
    linear layers (of the last layer's input in the inceptions, which have no hidden linear layer).

    Initialisation is torch's default, but for `inception_small*`, whose convolutions start from He's normal
    distribution: with torch's default a signal would not come through eighteen layers without batch normalization.

    Raises HarnessError for an unknown name, or images too small for the network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(generator_seed)  # the CPU's, and no accelerator's
        if match := re.fullmatch(r"mlp_(\d+)x(\d+)", name):
            return _mlp(input_shape, num_classes, int(match[1]), int(match[2]), dropout)
        if name in ("convnet", "convnet_bn"):
            return _convnet(input_shape, num_classes, name == "convnet_bn", dropout)
        if name == "alexnet_small":
            return _alexnet_small(input_shape, num_classes, dropout)
        if name in ("inception_small", "inception_small_no_bn"):
            return _inception_small(input_shape, num_classes, name == "inception_small", dropout)
        if name == "inception_v3":
            return _inception_v3(input_shape, num_classes, dropout)
    raise HarnessError(f"unknown network {name!r}; known: {KNOWN}")


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


def _alexnet_small(input_shape: tuple[int, ...], num_classes: int, dropout: float) -> nn.Module:
    """Twice (5x5 convolution, ReLU, 3x3 max pooling of stride 2, local response normalization), then 384, 192."""
    channels, height, width = input_shape
    layers: list[nn.Module] = []
    for fan_in in (channels, 64):
        layers += [nn.Conv2d(fan_in, 64, 5, padding=2), nn.ReLU(), _halving_pool(), LocalResponseNorm(64)]
        height, width = (height + 1) // 2, (width + 1) // 2
    layers.append(nn.Flatten())
    fan_in = 64 * height * width
    for width in (384, 192):
        layers += [nn.Linear(fan_in, width), nn.ReLU(), *_dropout(dropout)]
        fan_in = width
    return nn.Sequential(*layers, nn.Linear(fan_in, num_classes))


class LocalResponseNorm(nn.Module):
    """x / (1 + 0.001/9 · Σ x²)^0.75, the sum over a channel and the four to each side (Krizhevsky et al. 2012, 3.3).

    The constants are those of TensorFlow's CIFAR-10 network, which the paper's small AlexNet resembles. The sum is a
    1x1 convolution with a band of ones: torch's own module takes several times as long.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.band: Tensor
        index = torch.arange(channels)
        band = ((index[:, None] - index).abs() <= 4).float()
        self.register_buffer("band", band[:, :, None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        scale = 1 + 0.001 / 9 * F.conv2d(x.square(), self.band.to(x.dtype))
        root = scale.rsqrt()
        return x * (root * root.sqrt())


def _inception_small(input_shape: tuple[int, ...], num_classes: int, batch_norm: bool, dropout: float) -> nn.Module:
    """One convolution, eight inception modules with two downsamplings among them, global average pooling."""
    network = nn.Sequential(
        _ConvModule(input_shape[0], 96, 3, 1, batch_norm),
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
        *_dropout(dropout),
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
        if self.normalization is not None:  # ones that are no parameter: without any, it has no second derivative
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


def _inception_v3(input_shape: tuple[int, ...], num_classes: int, dropout: float) -> nn.Module:
    from torchvision.models import inception_v3

    channels, height, width = input_shape
    if channels != 3 or min(height, width) < INCEPTION_V3_SMALLEST:
        raise HarnessError(
            f"inception_v3 cannot take images of {tuple(input_shape)} (channels, height, width); it needs 3 channels "
            f"and {INCEPTION_V3_SMALLEST} pixels each way (the paper's are 299)"
        )
    network: nn.Module = inception_v3(
        weights=None, num_classes=num_classes, aux_logits=False, init_weights=True, dropout=dropout
    )
    return network


def _dropout(probability: float) -> list[nn.Module]:
    return [nn.Dropout(probability)] if probability else []
