"""Residual convolutional networks (He, Zhang, Ren & Sun 2016, arXiv:1512.03385): small ones, and ResNet-18 for 32x32.

Each is a 3x3 convolution, basic blocks, and one linear layer. A basic block is two 3x3 convolutions beside the skip
connection, which is a 1x1 convolution where the block halves height and width or has other channels than it is given.
A normalization follows every convolution, which therefore has no bias.
"""

from collections.abc import Callable

from torch import nn

from harness.training.declaring import network
from harness.training.networks.dropout import dropped
from harness.training.networks.images import image_shape
from harness.training.networks.residual import Residual

SMALL = (16, 32)
OF_RESNET18 = (64, 128, 256, 512)
GROUPS = 4  # of channels, in group normalization

Norm = Callable[[int], nn.Module]
Activation = Callable[[], nn.Module]


@network
def resnet_small(input_shape: tuple[int, ...], num_classes: int, dropout: float = 0.0) -> nn.Module:
    """Blocks of 16 and 32 channels, the second of stride 2, with batch normalization; the head reads all positions."""
    return _small(input_shape, num_classes, 1, nn.BatchNorm2d, nn.ReLU, dropout)


@network(name="resnet_small_s{stride}")
def resnet_strided(input_shape: tuple[int, ...], num_classes: int, stride: int, dropout: float = 0.0) -> nn.Module:
    """`resnet_small` whose first convolution has that stride: a stride of 2 takes a quarter of the time."""
    return _small(input_shape, num_classes, stride, nn.BatchNorm2d, nn.ReLU, dropout)


@network
def resnet_small_gn(input_shape: tuple[int, ...], num_classes: int, dropout: float = 0.0) -> nn.Module:
    """The same with group normalization, four groups each, and GELU: an example's outputs are its own in training."""
    return _small(input_shape, num_classes, 1, _groups, nn.GELU, dropout)


@network(name="resnet_small_gn_s{stride}")
def resnet_gn_strided(input_shape: tuple[int, ...], num_classes: int, stride: int, dropout: float = 0.0) -> nn.Module:
    """`resnet_small_gn` whose first convolution has that stride."""
    return _small(input_shape, num_classes, stride, _groups, nn.GELU, dropout)


@network
def resnet18(input_shape: tuple[int, ...], num_classes: int, dropout: float = 0.0) -> nn.Module:
    """ResNet-18 as it is used on images of 32x32: eight blocks of 64 to 512 channels, the mean over positions.

    The paper's, for ImageNet, begins with a 7x7 convolution of stride 2 and a pooling.
    """
    channels_of_image, _, _ = image_shape(input_shape)
    layers = _stem(channels_of_image, OF_RESNET18[0], nn.BatchNorm2d, nn.ReLU)
    fan_in = OF_RESNET18[0]
    for channels in OF_RESNET18:
        layers += [_block(size, channels, nn.BatchNorm2d, nn.ReLU) for size in (fan_in, channels)]
        fan_in = channels
    mean = (nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(*layers, *mean, *dropped(dropout), nn.Linear(fan_in, num_classes))


def _small(
    input_shape: tuple[int, ...], num_classes: int, stride: int, norm: Norm, activation: Activation, dropout: float
) -> nn.Module:
    channels, height, width = image_shape(input_shape)
    height, width = (-(-size // stride) for size in (height, width))  # of the first convolution's output
    first, second = SMALL
    layers = [
        *_stem(channels, first, norm, activation, stride),
        _block(first, first, norm, activation),
        _block(first, second, norm, activation),
        nn.Flatten(),
        *dropped(dropout),
    ]
    return nn.Sequential(*layers, nn.Linear(second * ((height + 1) // 2) * ((width + 1) // 2), num_classes))


def _stem(channels: int, filters: int, norm: Norm, activation: Activation, stride: int = 1) -> list[nn.Module]:
    return [_convolution(channels, filters, 3, stride), norm(filters), activation()]


def _block(channels: int, filters: int, norm: Norm, activation: Activation) -> nn.Module:
    """Of stride 2 where the number of channels grows."""
    stride = 1 if filters == channels else 2
    inner = nn.Sequential(
        _convolution(channels, filters, 3, stride),
        norm(filters),
        activation(),
        _convolution(filters, filters, 3, 1),
        norm(filters),
    )
    shortcut = None if stride == 1 else nn.Sequential(_convolution(channels, filters, 1, stride), norm(filters))
    return Residual(inner, shortcut, activation())


def _convolution(channels: int, filters: int, size: int, stride: int) -> nn.Module:
    return nn.Conv2d(channels, filters, size, stride, size // 2, bias=False)


def _groups(channels: int) -> nn.Module:
    return nn.GroupNorm(GROUPS, channels)
