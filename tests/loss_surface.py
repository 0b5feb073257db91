"""The slow and obvious way around a loss surface: small networks, their exact Hessian, and what must not change."""

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from harness.trained_model import TrainedModel
from tests.models import random_network, trained_model


def linear_model(
    weight: list[list[float]], inputs: list[list[float]], labels: list[int], seed: int = 0
) -> TrainedModel:
    """Logits are `weight` times the input, without bias; float64."""
    network = nn.Linear(len(weight[0]), len(weight), bias=False).double()
    with torch.no_grad():
        network.weight.copy_(torch.tensor(weight))
    return trained_model(network, torch.tensor(inputs, dtype=torch.float64), torch.tensor(labels), seed=seed)


def random_linear_model(
    seed: int, num_train: int = 20, size: int = 5, num_classes: int = 2, fitted: bool = False
) -> TrainedModel:
    """A linear model with random weights and inputs; its labels are random, or what it predicts if `fitted`."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(num_classes, size, generator=generator)
    inputs = torch.randn(num_train, size, generator=generator)
    labels = torch.randint(num_classes, (num_train,), generator=generator)
    trained = linear_model(weight.tolist(), inputs.tolist(), labels.tolist(), seed)
    if fitted:
        labels.copy_(trained.logits.argmax(dim=1))
        return linear_model(weight.tolist(), inputs.tolist(), labels.tolist(), seed)
    return trained


def small_network(kind: str, seed: int) -> TrainedModel:
    """`mlp`, `convnet` or `convnet_bn` with a few hundred weights, its labels random; float64."""
    if kind == "mlp":
        like = random_network("mlp_2x8", seed, size=4)
        model = like.model
    else:
        like = random_network("mlp_1x1", seed, size=6)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = nn.Sequential(
                nn.Conv2d(1, 3, 3, padding=1),
                *([nn.BatchNorm2d(3)] if kind == "convnet_bn" else []),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Conv2d(3, 4, 3),
                *([nn.BatchNorm2d(4)] if kind == "convnet_bn" else []),
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(4, 3),
            ).double()
            for _ in range(5):  # gives the running statistics something to be
                model(like.inputs + torch.randn_like(like.inputs))
    labels = torch.randint(3, (len(like.labels),), generator=torch.Generator().manual_seed(seed))
    return trained_model(model, like.inputs, labels, seed=seed)


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
