"""Convolutions of sequences, Conv1d, as those of images of one row: what is known of Conv2d layers is known of them."""

from typing import Any

import torch
from torch import Tensor, nn


class ConvolutionOfOneRow(nn.Module):
    """A plain Conv1d written with the Conv2d `rows`, whose kernel and images have a height of 1."""

    def __init__(self, layer: nn.Conv1d):
        super().__init__()
        padding = layer.padding if isinstance(layer.padding, str) else (0, _only(layer.padding))
        self.rows = nn.Conv2d(
            layer.in_channels,
            layer.out_channels,
            (1, _only(layer.kernel_size)),
            (1, _only(layer.stride)),
            padding,
            (1, _only(layer.dilation)),
            layer.groups,
            layer.bias is not None,
            layer.padding_mode,
            device="meta",
        )
        self.rows.weight = nn.Parameter(layer.weight.detach().unsqueeze(-2).clone())
        if layer.bias is not None:
            self.rows.bias = nn.Parameter(layer.bias.detach().clone())

    @property
    def weight(self) -> Tensor:
        """As it was, for a network that uses it outside of the layer as well."""
        return self.rows.weight.squeeze(-2)

    @property
    def bias(self) -> Tensor | None:
        return self.rows.bias

    def forward(self, x: Tensor) -> Tensor:
        returned: Tensor = self.rows(x.unsqueeze(-2))
        return returned.squeeze(-2)


def has_sequence_layers(network: nn.Module) -> bool:
    return any(isinstance(module, nn.Conv1d) for module in network.modules())


def of_one_row(pool: nn.Module) -> nn.Module | None:
    """The pooling of images of one row that does what this pooling of sequences does; None for what is none."""
    if isinstance(pool, nn.AdaptiveAvgPool1d):
        return nn.AdaptiveAvgPool2d((1, _only(pool.output_size)))
    if isinstance(pool, nn.AdaptiveMaxPool1d):
        return nn.AdaptiveMaxPool2d((1, _only(pool.output_size)), pool.return_indices)
    if not isinstance(pool, nn.MaxPool1d | nn.AvgPool1d):
        return None
    window = (1, _only(pool.kernel_size)), (1, _only(pool.stride)), (0, _only(pool.padding))
    if isinstance(pool, nn.MaxPool1d):
        return nn.MaxPool2d(*window, (1, _only(pool.dilation)), pool.return_indices, pool.ceil_mode)
    return nn.AvgPool2d(*window, pool.ceil_mode, pool.count_include_pad)


def _only(size: Any) -> int:
    return int(size[0] if isinstance(size, tuple) else size)


@torch.no_grad()
def with_sequences_as_images(network: nn.Module) -> nn.Module:
    """The network, changed in place, with a ConvolutionOfOneRow for each Conv1d that has its weight as a parameter.

    Each is plain, or never applied.
    """
    written: dict[nn.Module, nn.Module] = {}
    for name, module in list(network.named_modules(remove_duplicate=False)):
        if isinstance(module, nn.Conv1d) and "weight" in module._parameters:
            new = written.setdefault(module, ConvolutionOfOneRow(module).eval())
            if not name:
                return new
            parent, _, attribute = name.rpartition(".")
            setattr(network.get_submodule(parent), attribute, new)
    return network
