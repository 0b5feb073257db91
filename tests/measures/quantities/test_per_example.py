import copy
import math

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from harness.training.networks.building import build
from measures.quantities import per_example, plain_layers
from measures.quantities.per_example import gradient_norms
from tests.builders.models import random_network


def naive_gradient_norms(model, inputs, labels):
    """One example after the other, one backward pass each."""
    norms = []
    for x, y in zip(inputs, labels, strict=True):
        loss = F.cross_entropy(model(x[None]), y[None])
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        norms.append(torch.cat([g.flatten() for g in gradients]).norm())
    return torch.stack(norms)


def assert_equals_naive(model, inputs, labels):
    torch.testing.assert_close(
        gradient_norms(model, inputs, labels), naive_gradient_norms(model, inputs, labels), rtol=1e-5, atol=1e-12
    )


class Twice(nn.Module):
    """Applies its layer two times."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(torch.relu(self.layer(x)))


class Skip(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return x + self.layer(x)


class Scale(nn.Module):
    """A weight that belongs to no known layer."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(0.7))

    def forward(self, x):
        return self.factor * x


def tied():
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    return nn.Sequential(first, nn.ReLU(), second)


def shaped(*modules):
    """From images (2, 6, 6) by the modules to three classes."""
    network = nn.Sequential(*modules, nn.Flatten(), nn.LazyLinear(3)).double()
    network(torch.zeros(2, 2, 6, 6, dtype=torch.float64))
    return network


UNUSUAL = {
    "no hidden layer": lambda: shaped(),
    "no biases": lambda: shaped(nn.Conv2d(2, 3, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(48, 5, bias=False)),
    "in-place relu": lambda: shaped(nn.Conv2d(2, 3, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(48, 5)),
    "stride, dilation, padding": lambda: shaped(nn.Conv2d(2, 3, (2, 3), stride=(1, 2), padding=(0, 2), dilation=2)),
    "padding by name": lambda: shaped(nn.Conv2d(2, 3, 3, padding="same")),
    "circular padding": lambda: shaped(nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular")),
    "groups": lambda: shaped(nn.Conv2d(2, 4, 3, groups=2), nn.ReLU()),
    "normalization without scale and shift": lambda: shaped(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, affine=False)),
    "normalization of vectors": lambda: shaped(nn.Flatten(), nn.Linear(72, 5), nn.BatchNorm1d(5), nn.ReLU()),
    "layer normalization": lambda: shaped(nn.LayerNorm(6), nn.Conv2d(2, 3, 3)),
    "linear along an axis": lambda: shaped(nn.Linear(6, 4), nn.ReLU()),
    "applied twice": lambda: shaped(Twice(nn.Conv2d(2, 2, 3, padding=1)), nn.Flatten(), Twice(nn.Linear(72, 72))),
    "tied weights": lambda: shaped(nn.Flatten(), nn.Linear(72, 4), tied()),
    "skip connection": lambda: shaped(Skip(nn.Conv2d(2, 2, 3, padding=1)), nn.ReLU()),
    "a weight of its own": lambda: shaped(nn.Conv2d(2, 3, 3), Scale()),
    "transposed convolution": lambda: shaped(nn.ConvTranspose2d(2, 3, 3), nn.ReLU()),
}


def test_of_a_linear_layer_on_zero_weights_is_the_inputs_norm_over_the_root_of_two():
    network = nn.Linear(2, 2, bias=False, dtype=torch.float64).eval()
    nn.init.zeros_(network.weight)
    # Both classes have probability 1/2, so what comes back is (-1/2, 1/2).
    norms = gradient_norms(network, torch.tensor([[3.0, 4.0], [0.0, 1.0]]).double(), torch.tensor([0, 1]))
    assert norms.tolist() == pytest.approx([5 / math.sqrt(2), 1 / math.sqrt(2)], rel=1e-12)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", ["mlp_1x16", "mlp_3x8", "convnet", "convnet_bn"])
def test_equals_a_loop_over_the_examples(name, seed):
    trained = random_network(name, seed)
    labels = torch.arange(20) % 3
    assert_equals_naive(trained.model, trained.inputs, labels)
    assert_equals_naive(trained.init, trained.inputs, labels)


@pytest.mark.parametrize("name", UNUSUAL)
def test_equals_a_loop_over_the_examples_for_layers_of_every_kind(name):
    torch.manual_seed(0)
    network = UNUSUAL[name]()
    inputs = torch.randn(9, 2, 6, 6, dtype=torch.float64)
    network(inputs)  # gives running statistics something to be
    assert_equals_naive(network.eval(), inputs, torch.arange(9) % 3)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.sampled_from(["mlp_2x5", "convnet_bn"]))
def test_the_mean_gradient_is_no_longer_than_the_mean_norm(seed, name):
    trained = random_network(name, seed)
    labels = torch.arange(20) % 3
    loss = F.cross_entropy(trained.model(trained.inputs), labels)
    gradients = torch.autograd.grad(loss, list(trained.model.parameters()))
    mean_gradient = torch.cat([g.flatten() for g in gradients]).norm()
    norms = gradient_norms(trained.model, trained.inputs, labels)
    assert mean_gradient <= norms.mean() * (1 + 1e-9)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.randoms(use_true_random=False))
def test_each_example_has_its_own_norm_in_any_company(seed, random):
    trained = random_network("convnet_bn", seed)
    some = torch.tensor(random.sample(range(20), 7))
    all_norms = gradient_norms(trained.model, trained.inputs, trained.labels)
    few_norms = gradient_norms(trained.model, trained.inputs[some], trained.labels[some])
    torch.testing.assert_close(few_norms, all_norms[some], rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("name", ["convnet_bn", "layer normalization"])
def test_the_size_of_the_chunks_does_not_matter(name, monkeypatch):
    torch.manual_seed(0)
    network = UNUSUAL[name]() if name in UNUSUAL else build(name, (2, 6, 6), 3).double()
    network.eval()
    inputs, labels = torch.randn(20, 2, 6, 6, dtype=torch.float64), torch.arange(20) % 3
    whole = gradient_norms(network, inputs, labels)
    monkeypatch.setattr(per_example, "CHUNK", 7)
    monkeypatch.setattr(plain_layers, "MAX_ENTRIES", 1)
    torch.testing.assert_close(gradient_norms(network, inputs, labels), whole, rtol=1e-9, atol=0)


class Largest(TorchDispatchMode):
    """Remembers how many numbers the largest tensor had that any operation returned."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in tree_flatten(result)[0]:
            if isinstance(tensor, torch.Tensor):
                self.numbers = max(self.numbers, tensor.numel())
        return result


@pytest.mark.parametrize("kind", ["convnet", "groups"])
def test_gradients_of_all_examples_are_never_held_at_once(kind, monkeypatch):
    monkeypatch.setattr(plain_layers, "MAX_ENTRIES", 20_000)
    torch.manual_seed(0)
    network = {
        "convnet": lambda: build("convnet", (2, 6, 6), 3),
        "groups": lambda: nn.Sequential(nn.Conv2d(2, 64, 6, groups=2), nn.Flatten(), nn.Linear(64, 3)),
    }[kind]().eval()
    inputs, labels = torch.randn(200, 2, 6, 6), torch.arange(200) % 3
    plain = Largest()
    with plain, torch.no_grad():
        network(inputs)
    largest = Largest()
    with largest:
        gradient_norms(network, inputs, labels)
    kernels = sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.Conv2d))
    assert largest.numbers <= 3 * max(20_000, plain.numbers) < 200 * kernels


def test_needs_neither_gradients_enabled_nor_weights_that_ask_for_them():
    trained = random_network("convnet_bn", seed=0)
    expected = gradient_norms(trained.model, trained.inputs, trained.labels)
    trained.model.requires_grad_(False)
    with torch.no_grad():
        assert torch.equal(gradient_norms(trained.model, trained.inputs, trained.labels), expected)


@pytest.mark.parametrize("module", [nn.BatchNorm2d(2), nn.Dropout(), nn.InstanceNorm2d(2)])
def test_a_layer_in_training_mode_is_refused_where_that_changes_the_function(module):
    network = shaped(module).eval()
    inputs, labels = torch.zeros(3, 2, 6, 6, dtype=torch.float64), torch.tensor([0, 1, 2])
    gradient_norms(network, inputs, labels)
    network[0].train()
    with pytest.raises(ValueError, match="evaluation mode"):
        gradient_norms(network, inputs, labels)


def test_a_layer_that_has_no_modes_may_say_that_it_is_training():
    network = shaped(nn.Identity()).eval()
    network[0].train()
    inputs = torch.ones(3, 2, 6, 6, dtype=torch.float64)
    assert_equals_naive(network, inputs, torch.tensor([0, 1, 2]))


@pytest.mark.parametrize("name", ["mlp_1x8", "convnet_bn"])
def test_the_network_and_the_global_random_state_are_left_as_they_were(name):
    trained = random_network(name, seed=0)
    before, state = copy.deepcopy(trained.model.state_dict()), torch.get_rng_state()
    gradient_norms(trained.model, trained.inputs, trained.labels)
    assert all(torch.equal(value, before[key]) for key, value in trained.model.state_dict().items())
    assert all(parameter.grad is None for parameter in trained.model.parameters())
    assert not any(module._forward_hooks for module in trained.model.modules())
    assert not trained.inputs.requires_grad
    assert torch.equal(torch.get_rng_state(), state)
