"""The small AlexNet of Zhang et al. 2017 (arXiv:1611.03530, appendix A)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.training.declaring import network
from harness.training.networks.dropout import dropped
from harness.training.networks.images import image_shape


@network
def alexnet_small(input_shape: tuple[int, ...], num_classes: int, dropout: float = 0.0) -> nn.Module:
    """Twice (5x5 convolution, ReLU, 3x3 max pooling of stride 2, local response normalization), then 384, 192."""
    channels, height, width = image_shape(input_shape)
    layers: list[nn.Module] = []
    for fan_in in (channels, 64):
        layers += [nn.Conv2d(fan_in, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1), LocalResponseNorm(64)]
        height, width = (height + 1) // 2, (width + 1) // 2
    layers.append(nn.Flatten())
    fan_in = 64 * height * width
    for width in (384, 192):
        layers += [nn.Linear(fan_in, width), nn.ReLU(), *dropped(dropout)]
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
