"""A network of convolutions alone, but for its last layer (after Springenberg et al. 2015, arXiv:1412.6806)."""

from torch import nn

from harness.training.declaring import network
from harness.training.networks.dropout import dropped
from harness.training.networks.images import image_shape

CHANNELS = (16, 32, 64)


@network
def all_convolutional(input_shape: tuple[int, ...], num_classes: int, dropout: float = 0.0) -> nn.Module:
    """Three 3x3 convolutions with ReLU, the first two of stride 2 in place of pooling; then one linear layer.

    The paper's has nine, and the mean over positions in place of the linear layer, with which few filters do not fit
    random labels.
    """
    channels, height, width = image_shape(input_shape)
    layers: list[nn.Module] = []
    for filters, stride in zip(CHANNELS, (2, 2, 1), strict=True):
        layers += [nn.Conv2d(channels, filters, 3, stride, padding=1), nn.ReLU()]
        channels = filters
    positions = ((height + 3) // 4) * ((width + 3) // 4)
    return nn.Sequential(*layers, nn.Flatten(), *dropped(dropout), nn.Linear(channels * positions, num_classes))
