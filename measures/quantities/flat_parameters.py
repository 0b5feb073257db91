"""A network at any point of its parameter space: all parameters as one flat vector, and the outputs with another.

The vector holds all that `model.parameters()` lists, in that order, the scale and shift of batch normalization among
them. Running statistics are not parameters: they stay as they are and do not follow the vector.
"""

import torch
from torch import Tensor, nn

from measures.errors import NotApplicable
from measures.networks.copying import first_line, run_with
from measures.networks.plain_network import require_parameters
from measures.trained_model import TrainedModel


def flat_parameters(network: nn.Module) -> Tensor:
    """The network's parameters as one vector (p,), a copy without gradient. NotApplicable if it has none."""
    require_parameters(network)
    parameters = [parameter.detach().flatten() for parameter in network.parameters()]
    if not parameters:
        raise NotApplicable("the network has no parameters")
    return torch.cat(parameters)


def initial_parameters(trained: TrainedModel) -> Tensor:
    """The parameters before the first step, in the order of those of the trained network, (p,).

    Raises NotApplicable where the two networks have different numbers of parameters.
    """
    start = flat_parameters(trained.init)
    if len(start) != (count := sum(parameter.numel() for parameter in trained.model.parameters())):
        raise NotApplicable(f"the network has {count} parameters and had {len(start)} before training: no distance")
    named, now = dict(trained.init.named_parameters()), dict(trained.model.named_parameters())
    if named.keys() == now.keys():  # in another order after prune.remove or remove_parametrizations
        start = torch.cat([named[name].detach().flatten() for name in now])
    return start


def logits_at(network: nn.Module, parameters: Tensor, inputs: Tensor) -> Tensor:
    """The network's outputs (m, num_classes) with the flat vector (p,) in place of its parameters.

    Differentiable with respect to the vector. The network is not changed, its gradients included.
    """
    own = dict(network.named_parameters())
    pieces = torch.split(parameters, [parameter.numel() for parameter in own.values()])
    named = {name: piece.view_as(own[name]) for name, piece in zip(own, pieces, strict=True)}
    return run_with(network, named, inputs)


def second_derivative(gradient: Tensor, theta: Tensor, vector: Tensor) -> Tensor:
    """The derivative of ⟨gradient, vector⟩ with respect to theta; NotApplicable where the network has none."""
    if gradient.grad_fn is None:  # linear in all its parameters, the loss included
        return torch.zeros_like(theta)
    try:
        return torch.autograd.grad(gradient, theta, vector, retain_graph=True, materialize_grads=True)[0]
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as cause:
        raise NotApplicable(f"the network has no second derivative: {first_line(cause)}") from cause
