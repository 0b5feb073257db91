import copy

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn
from torchvision.models import resnet18

from measures import NotApplicable
from measures.folding import folded
from tests.builders.models import random_network


def with_random_normalization(network, seed=0):
    """Running statistics, scales and shifts drawn at random, in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.running_mean.normal_(generator=generator)
                module.running_var.uniform_(0.5, 2, generator=generator)
                if module.affine:
                    module.weight.uniform_(-2, 2, generator=generator)
                    module.bias.normal_(generator=generator)
    return network.eval()


def assert_same_function_without_normalization(network, inputs):
    found = folded(network, inputs)
    assert not [module for module in found.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    with torch.no_grad():
        expected, logits = network(inputs), found(inputs)
    assert float((logits - expected).abs().max() / expected.abs().max()) < 1e-10


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_folding_leaves_the_function_as_it_is(seed):
    trained = random_network("convnet_bn", seed)
    network = with_random_normalization(copy.deepcopy(trained.model), seed)
    assert_same_function_without_normalization(network, trained.inputs)


def test_a_resnet_whose_convolutions_have_no_bias_is_folded():
    torch.manual_seed(0)
    network = with_random_normalization(resnet18(num_classes=5).double())
    inputs = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    assert_same_function_without_normalization(network, inputs)


@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_is_folded_with_its_normalization(bias):
    network = nn.Sequential(nn.Linear(4, 3, bias=bias), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))
    network = with_random_normalization(network.double())
    assert_same_function_without_normalization(network, torch.randn(5, 4, dtype=torch.float64))


def test_a_linear_layers_normalization_without_scale_and_shift_is_folded():
    network = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, affine=False), nn.ReLU(), nn.Linear(3, 2))
    network = with_random_normalization(network.double())
    assert_same_function_without_normalization(network, torch.randn(5, 4, dtype=torch.float64))


def test_a_normalization_without_scale_and_shift_is_folded():
    network = nn.Sequential(nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3, affine=False), nn.ReLU(), nn.Flatten())
    network = with_random_normalization(network.double())
    assert_same_function_without_normalization(network, torch.randn(5, 1, 4, 4, dtype=torch.float64))


def test_folding_follows_the_order_of_application():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.last, self.first = nn.BatchNorm1d(3), nn.Linear(3, 2), nn.Linear(4, 3)

        def forward(self, x):
            return self.last(self.norm(self.first(x)).relu())

    assert_same_function_without_normalization(
        with_random_normalization(Backwards().double()), torch.randn(5, 4, dtype=torch.float64)
    )


def test_the_callers_network_is_left_as_it_was():
    trained = random_network("convnet_bn", seed=2)
    network = trained.model.train()
    before = copy.deepcopy(network.state_dict())
    folded(network, trained.inputs)
    assert network.training and network[1].training and isinstance(network[1], nn.BatchNorm2d)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_network_without_normalization_is_copied():
    trained = random_network("mlp_2x5", seed=2)
    found = folded(trained.model, trained.inputs)
    with torch.no_grad():
        found[1].weight.zero_()
    assert trained.model[1].weight.any()


CONVOLUTION = nn.Conv2d(1, 2, 3)


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.norm = nn.Linear(3, 3), nn.BatchNorm1d(3)

    def forward(self, x):
        x = self.layer(x)
        return x + self.norm(x)


class Untraceable(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.norm = nn.Linear(3, 3), nn.BatchNorm1d(3)

    def forward(self, x):
        x = self.norm(self.layer(x))
        return x if x.sum() > 0 else -x


REFUSED = {
    "after a ReLU": (nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.BatchNorm2d(2)), (1, 5, 5)),
    "before the layer": (nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 3)), (3,)),
    "of a layer used elsewhere": (Branching(), (3,)),
    "of a layer applied twice": (
        nn.Sequential(CONVOLUTION, nn.BatchNorm2d(2), nn.Conv2d(2, 1, 1), CONVOLUTION),
        (1, 7, 7),
    ),
    "without statistics": (nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3, track_running_stats=False)), (3,)),
    "in a network that cannot be traced": (Untraceable(), (3,)),
}


@pytest.mark.parametrize("where", REFUSED)
def test_refuses_a_normalization(where):
    network, shape = REFUSED[where]
    with pytest.raises(NotApplicable, match="cannot be folded"):
        folded(network, torch.randn(4, *shape))


def test_a_folded_network_that_computes_something_else_is_refused(monkeypatch):
    network = with_random_normalization(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)))
    monkeypatch.setattr("measures.folding._fold", lambda layer, norm: None)
    with pytest.raises(NotApplicable, match="changes the logits"):
        folded(network, torch.randn(4, 3))
