"""The slow and obvious way: a network built by training/networks.py as dense matrices, written from the definitions."""

import dataclasses
import itertools

import numpy as np
import torch
from torch import nn

from measures.trained_model import TrainedModel


@dataclasses.dataclass(frozen=True)
class Dense:
    """`matrix` (out, in) and `bias` (out,) of a layer; or, with `pools`, the 0/1 matrix of a max pooling."""

    matrix: np.ndarray
    bias: np.ndarray
    pools: bool = False


def unrolled_convolution(
    weight: torch.Tensor,
    input_shape: tuple[int, ...],
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> np.ndarray:
    """The matrix of a convolution, (out channels * height * width, in channels * height * width), entry by entry."""
    kernel = weight.detach().double().numpy()
    out_channels, group_channels, *window = kernel.shape
    channels, *sizes = input_shape
    out_sizes = [(sizes[a] + 2 * padding[a] - dilation[a] * (window[a] - 1) - 1) // stride[a] + 1 for a in range(2)]
    matrix = np.zeros((out_channels, *out_sizes, channels, *sizes))
    for out_channel in range(out_channels):
        first = out_channel // (out_channels // groups) * group_channels
        for y, x, dy, dx in itertools.product(*map(range, (*out_sizes, *window))):
            from_y = y * stride[0] - padding[0] + dy * dilation[0]
            from_x = x * stride[1] - padding[1] + dx * dilation[1]
            if 0 <= from_y < sizes[0] and 0 <= from_x < sizes[1]:
                inputs = slice(first, first + group_channels)
                matrix[out_channel, y, x, inputs, from_y, from_x] = kernel[out_channel, :, dy, dx]
    return matrix.reshape(out_channels * int(np.prod(out_sizes)), channels * int(np.prod(sizes)))


def dense_layers(network: nn.Sequential, input_shape: tuple[int, ...]) -> list[Dense]:
    """Linear, convolutional and max pooling layers in order; a normalization scales and shifts the rows before it."""
    layers: list[Dense] = []
    shape = input_shape
    for module in network:
        if isinstance(module, nn.Linear):
            layers.append(Dense(_array(module.weight), _array(module.bias)))
            shape = (module.out_features,)
        elif isinstance(module, nn.Conv2d):
            where = module.stride, module.padding, module.dilation, module.groups
            matrix = unrolled_convolution(module.weight, shape, *where)
            positions = len(matrix) // module.out_channels
            bias = np.zeros(module.out_channels) if module.bias is None else _array(module.bias)
            layers.append(Dense(matrix, np.repeat(bias, positions)))
            side = _output_sizes(module, shape)
            shape = (module.out_channels, *side)
        elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            deviation = np.sqrt(_array(module.running_var) + module.eps)
            positions = len(layers[-1].matrix) // module.num_features
            scale = np.repeat(_array(module.weight) / deviation, positions)
            mean, shift = np.repeat(_array(module.running_mean), positions), np.repeat(_array(module.bias), positions)
            before = layers.pop()
            layers.append(Dense(scale[:, None] * before.matrix, scale * (before.bias - mean) + shift))
        elif isinstance(module, nn.MaxPool2d):
            k = module.kernel_size
            window = torch.ones(shape[0], 1, k, k)
            matrix = unrolled_convolution(window, shape, stride=(k, k), groups=shape[0])
            layers.append(Dense(matrix, np.zeros(len(matrix)), pools=True))
            shape = (shape[0], shape[1] // k, shape[2] // k)
        else:
            assert isinstance(module, nn.ReLU | nn.Flatten | nn.Identity), module
    return layers


def matrices(network: nn.Sequential, input_shape: tuple[int, ...]) -> list[np.ndarray]:
    """The operators of the weight layers."""
    return [layer.matrix for layer in dense_layers(network, input_shape) if not layer.pools]


def logits(layers: list[Dense], x: np.ndarray) -> np.ndarray:
    """What a network of these layers computes for one flattened input, a ReLU between weight layers."""
    for i, layer in enumerate(layers):
        if layer.pools:
            x = np.where(layer.matrix > 0, x, -np.inf).max(axis=1)
        else:
            x = layer.matrix @ x + layer.bias
            x = x if i == len(layers) - 1 else np.maximum(x, 0)
    return x


def tenth_percentile_of_margins(trained: TrainedModel) -> float:
    """γ, from the margins taken one by one."""
    margins = []
    for row, label in zip(trained.model(trained.inputs).tolist(), trained.labels.tolist(), strict=True):
        margins.append(row[label] - max(row[:label] + row[label + 1 :]))
    return float(np.quantile(margins, 0.1))


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def _output_sizes(module: nn.Conv2d, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(module(torch.zeros(1, *shape, dtype=module.weight.dtype)).shape[2:])
