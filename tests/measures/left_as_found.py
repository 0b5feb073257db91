"""What a shared quantity must leave as it found it: the model and the global random state."""

import copy
from collections.abc import Callable

import torch

from measures.trained_model import TrainedModel


def assert_leaves_all_as_found(function: Callable[[TrainedModel], object], trained: TrainedModel) -> None:
    """Weights, running statistics, gradients, mode and the global random state are the same after the call."""
    parameters = list(trained.model.parameters())
    for number, parameter in enumerate(parameters):
        parameter.grad = torch.full_like(parameter, 0.5) if number % 2 else None
    weights = copy.deepcopy(trained.model.state_dict())
    random_state = torch.get_rng_state()
    function(trained)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in trained.model.state_dict().items())
    assert not any(module.training for module in trained.model.modules())
    for number, parameter in enumerate(parameters):
        assert parameter.requires_grad
        assert parameter.grad is None if number % 2 == 0 else bool((parameter.grad == 0.5).all())
