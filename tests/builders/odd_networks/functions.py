"""Networks that apply their parameters by functions of torch, sequences, and rounding with a gradient."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.builders.odd_networks.plain import CLASSES, Calling, mlp


class FunctionalLinear(nn.Module):
    def __init__(self, width: int, outputs: int):
        super().__init__()
        self.matrix = nn.Parameter(torch.randn(outputs, width) / width**0.5)
        self.shift = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.matrix, self.shift)


class Product(FunctionalLinear):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.matrix.T + self.shift


class FunctionalConvolution(nn.Module):
    """A convolution and its batch normalization."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel, self.norm = nn.Parameter(torch.randn(4, 1, 3, 3) / 3), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(F.conv2d(x, self.kernel, stride=2))


def functional_layers() -> nn.Module:
    head = Product(6, CLASSES)
    return nn.Sequential(FunctionalConvolution(), nn.ReLU(), nn.Flatten(), FunctionalLinear(16, 6), nn.ReLU(), head)


def sequences() -> nn.Module:
    """The rows of an image as the channels of a sequence."""
    first = (nn.Conv1d(6, 8, 3, padding=1), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2))
    return nn.Sequential(nn.Flatten(1, 2), *first, nn.Conv1d(8, 5, 2), nn.ReLU(), nn.Flatten(), nn.Linear(10, CLASSES))


def rounded(x: Tensor) -> Tensor:
    """Rounded to eighths, with the gradient of x: a straight-through estimator."""
    return x + ((x * 8).round() / 8 - x).detach()


class RoundedWeights(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, rounded(self.weight), self.bias)


def rounded_weights() -> nn.Module:
    return mlp(RoundedWeights(8, 8), nn.ReLU())


def rounded_activations() -> nn.Module:
    return Calling(lambda self, x: self.head(rounded(self.body(x))), body=mlp()[:3], head=nn.Linear(8, CLASSES))


WITH_FUNCTIONS: tuple[Callable[[], nn.Module], ...] = (
    functional_layers,
    sequences,
    rounded_weights,
    rounded_activations,
)
