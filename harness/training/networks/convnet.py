"""Small convolutional networks: for the digits, and with a stride for larger images."""

from torch import nn

from harness.training.declaring import network
from harness.training.networks.dropout import dropped
from harness.training.networks.images import image_shape

CHANNELS = (16, 32)
HIDDEN = 128


@network
def convnet(input_shape: tuple[int, ...], num_classes: int, dropout: float = 0.0) -> nn.Module:
    """Two 3x3 convolutions, a 2x2 max pooling between them, one hidden layer."""
    return _convolutions(input_shape, num_classes, 1, False, dropout)


@network(name="convnet_s{stride}")
def convnet_strided(input_shape: tuple[int, ...], num_classes: int, stride: int, dropout: float = 0.0) -> nn.Module:
    """`convnet` whose first convolution has that stride: on 28x28 pixels a stride of 2 takes a quarter of the time."""
    return _convolutions(input_shape, num_classes, stride, False, dropout)


@network
def convnet_bn(input_shape: tuple[int, ...], num_classes: int, dropout: float = 0.0) -> nn.Module:
    """The same with batch normalization after each convolution."""
    return _convolutions(input_shape, num_classes, 1, True, dropout)


@network(name="convnet_bn_s{stride}")
def convnet_bn_strided(input_shape: tuple[int, ...], num_classes: int, stride: int, dropout: float = 0.0) -> nn.Module:
    """`convnet_bn` whose first convolution has that stride."""
    return _convolutions(input_shape, num_classes, stride, True, dropout)


def _convolutions(
    input_shape: tuple[int, ...], num_classes: int, stride: int, batch_norm: bool, dropout: float
) -> nn.Module:
    channels, height, width = image_shape(input_shape)
    height, width = (-(-size // stride) for size in (height, width))  # of the first convolution's output
    first, second = CHANNELS
    return nn.Sequential(
        nn.Conv2d(channels, first, 3, stride, padding=1),
        *([nn.BatchNorm2d(first)] if batch_norm else []),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 3, padding=1),
        *([nn.BatchNorm2d(second)] if batch_norm else []),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(second * (height // 2) * (width // 2), HIDDEN),
        nn.ReLU(),
        *dropped(dropout),
        nn.Linear(HIDDEN, num_classes),
    )
