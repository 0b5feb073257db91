"""The slow and obvious way around a loss surface: loss, gradient and exact Hessian at any parameters."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from measures.trained_model import TrainedModel


def naive_loss(trained: TrainedModel, parameters: Tensor) -> Tensor:
    """Mean training cross-entropy of a copy of the network with these parameters written into it."""
    model = copy.deepcopy(trained.model)
    vector_to_parameters(parameters, model.parameters())
    return F.cross_entropy(model(trained.inputs), trained.labels)


def naive_gradient(trained: TrainedModel, parameters: Tensor) -> Tensor:
    """Its gradient, by way of `backward` on such a copy."""
    model = copy.deepcopy(trained.model)
    vector_to_parameters(parameters, model.parameters())
    F.cross_entropy(model(trained.inputs), trained.labels).backward()
    return parameters_to_vector([parameter.grad for parameter in model.parameters()])


def exact_hessian(trained: TrainedModel) -> Tensor:
    """The (p, p) matrix of second derivatives of the mean training cross-entropy, p below 2,000."""
    names, values = zip(*trained.model.named_parameters(), strict=True)

    def loss(*parameters: Tensor) -> Tensor:
        replaced = dict(zip(names, parameters, strict=True))
        return F.cross_entropy(torch.func.functional_call(trained.model, replaced, trained.inputs), trained.labels)

    blocks = torch.autograd.functional.hessian(loss, tuple(value.detach() for value in values))
    sizes = [value.numel() for value in values]
    rows = [torch.cat([block.reshape(sizes[i], -1) for block in row], dim=1) for i, row in enumerate(blocks)]
    return torch.cat(rows)
