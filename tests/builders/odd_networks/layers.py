"""Networks with layers that do not do what their class says, or that are met more than once."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

from tests.builders.odd_networks.plain import CLASSES, Calling, convnet, mlp


class ScaledLinear(nn.Linear):
    """Divides its weight by the root of its width, at every call."""

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight / self.in_features**0.5, self.bias)


class StandardizedConv(nn.Conv2d):
    """Standardizes each filter, at every call."""

    def forward(self, x: Tensor) -> Tensor:
        mean, std = self.weight.mean(dim=(1, 2, 3), keepdim=True), self.weight.std(dim=(1, 2, 3), keepdim=True)
        return self._conv_forward(x, (self.weight - mean) / (std + 1e-5), self.bias)


class StandardizedInConvForward(nn.Conv2d):
    """The same by way of the inner method, with `forward` as it was."""

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return super()._conv_forward(x, weight - weight.mean(dim=(1, 2, 3), keepdim=True), bias)


def scaled_linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), ScaledLinear(36, 8), nn.ReLU(), ScaledLinear(8, CLASSES))


def standardized_convolution() -> nn.Module:
    network = convnet()
    network[0] = StandardizedConv(1, 4, 3)
    return network


def standardized_in_conv_forward() -> nn.Module:
    network = convnet()
    network[0] = StandardizedInConvForward(1, 4, 3)
    return network


def patched_forward() -> nn.Module:
    network = mlp()
    network[1].forward = lambda x, layer=network[1]: F.linear(x, layer.weight.tanh(), layer.bias)
    return network


def halving_hook() -> nn.Module:
    network = mlp()
    network[1].register_forward_hook(lambda layer, received, returned: returned / 2)
    return network


def weight_used_elsewhere() -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        h = torch.relu(self.enter(x.flatten(1)))
        return self.leave(h) + F.linear(h.square(), self.leave.weight)

    return Calling(forward, enter=nn.Linear(36, 8), leave=nn.Linear(8, CLASSES))


def layer_twice() -> nn.Module:
    twice = nn.Linear(8, 8)
    return mlp(twice, nn.ReLU(), twice, nn.ReLU())


def tied() -> nn.Module:
    first, second = nn.Linear(8, 8), nn.Linear(8, 8)
    second.weight = first.weight
    return mlp(first, nn.ReLU(), second, nn.ReLU())


def _parametrized(change: Callable[[nn.Module], nn.Module]) -> nn.Module:
    network = mlp()
    change(network[1])
    change(network[3])
    return network


def spectral_norm() -> nn.Module:
    return _parametrized(parametrizations.spectral_norm)


def weight_norm() -> nn.Module:
    return _parametrized(parametrizations.weight_norm)


def orthogonal() -> nn.Module:
    return _parametrized(parametrizations.orthogonal)


def old_weight_norm() -> nn.Module:
    return _parametrized(torch.nn.utils.weight_norm)


def old_spectral_norm() -> nn.Module:
    return _parametrized(torch.nn.utils.spectral_norm)


def pruned() -> nn.Module:
    return _parametrized(lambda layer: prune.l1_unstructured(layer, "weight", amount=0.4))


def rows_in_patches() -> nn.Module:
    """A linear layer on each row of pixels, the batch made longer for it."""
    return Calling(
        lambda self, x: self.leave(torch.relu(self.rows(x.reshape(-1, 6))).view(len(x), -1)),
        rows=nn.Linear(6, 4),
        leave=nn.Linear(24, CLASSES),
    )


def rows_first() -> nn.Module:
    """The same, the rows of pixels before the examples."""

    def forward(self: Calling, x: Tensor) -> Tensor:
        rows = torch.relu(self.rows(x.flatten(1, 2).transpose(0, 1)))  # (6, m, 4)
        return self.leave(rows.transpose(0, 1).flatten(1))

    return Calling(forward, rows=nn.Linear(6, 4), leave=nn.Linear(24, CLASSES))


def input_by_name() -> nn.Module:
    return Calling(
        lambda self, x: self.leave(input=torch.relu(self.enter(input=x.flatten(1)))),
        enter=nn.Linear(36, 8),
        leave=nn.Linear(8, CLASSES),
    )


class WithFactor(nn.Linear):
    def forward(self, x: Tensor, factor: float = 1.0) -> Tensor:
        return super().forward(x) * factor


def layer_with_an_option() -> nn.Module:
    return Calling(
        lambda self, x: self.leave(torch.relu(self.enter(x.flatten(1), factor=0.5))),
        enter=WithFactor(36, 8),
        leave=nn.Linear(8, CLASSES),
    )


def fixed_head() -> nn.Module:
    """The last matrix is not trained, and no parameter."""
    network = Calling(lambda self, x: self.body(x) @ self.fixed, body=mlp(nn.Linear(8, 8), nn.ReLU()))
    network.register_buffer("fixed", torch.randn(CLASSES, CLASSES))
    return network


def vectors_normalized() -> nn.Module:
    """The channels of the normalization are the rows of pixels, not the units of the layer before it."""
    return Calling(
        lambda self, x: self.leave(torch.relu(self.norm(self.rows(x.flatten(1, 2)))).flatten(1)),
        rows=nn.Linear(6, 4),
        norm=nn.BatchNorm1d(6),
        leave=nn.Linear(24, CLASSES),
    )


class Scaled(nn.Module):
    """A layer whose units are multiplied by a factor each."""

    def __init__(self, layer: nn.Linear):
        super().__init__()
        self.layer, self.factor = layer, nn.Parameter(torch.linspace(-1, 2, layer.out_features))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) * self.factor


def layer_scale() -> nn.Module:
    return mlp(Scaled(nn.Linear(8, 8)), nn.ReLU())


LAYERS: tuple[Callable[[], nn.Module], ...] = (
    scaled_linear,
    standardized_convolution,
    standardized_in_conv_forward,
    patched_forward,
    halving_hook,
    weight_used_elsewhere,
    layer_twice,
    tied,
    spectral_norm,
    weight_norm,
    orthogonal,
    old_weight_norm,
    old_spectral_norm,
    pruned,
    rows_in_patches,
    rows_first,
    input_by_name,
    layer_with_an_option,
    fixed_head,
    vectors_normalized,
    layer_scale,
)
