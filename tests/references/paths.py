"""Path norms by enumerating all paths."""

import math

import numpy as np
import torch
from torch import nn

from measures.norms.path_norm import path_norm
from tests.builders.models import trained_model


def linear(weights, biases=None):
    """A linear layer with these rows of weights."""
    layer = nn.Linear(len(weights[0]), len(weights), bias=biases is not None, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weights, dtype=torch.float64))
        if biases is not None:
            layer.bias.copy_(torch.tensor(biases, dtype=torch.float64))
    return layer


def norm_of(network, *input_shape, dtype=torch.float64, measure=path_norm):
    return measure(trained_model(network, torch.rand(2, *input_shape, dtype=dtype), torch.tensor([0, 0])))


def products_of_all_paths(layers, depth, unit):
    """The product of the weights of each path that ends at this unit of layer `depth`, one by one."""
    if depth < 0:
        yield 1.0
        return
    if layers[depth].bias[unit]:
        yield layers[depth].bias[unit]
    for source in np.flatnonzero(layers[depth].matrix[unit]):
        for product in products_of_all_paths(layers, depth - 1, source):
            yield product * layers[depth].matrix[unit, source]


def enumerated(layers, power=2):
    """(path norm, number of paths)"""
    outputs = range(len(layers[-1].matrix))
    products = [p for unit in outputs for p in products_of_all_paths(layers, len(layers) - 1, unit)]
    return math.fsum(abs(p) ** power for p in products) ** (1 / power), len(products)
