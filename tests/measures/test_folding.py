import copy

import hypothesis.strategies as st
import pytest
import torch
import torchvision
from hypothesis import given, settings
from torch import nn
from torchvision.models import resnet18

from measures import NotApplicable
from measures.folding import folded
from tests.builders.models import random_network
from tests.builders.odd_networks.plain import pre_activation_network


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


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.norm = nn.Linear(3, 3), nn.BatchNorm1d(3)

    def forward(self, x):
        x = self.layer(x)
        return x + self.norm(x)


class Halved(nn.Module):
    def forward(self, x):
        return x[:, :2]


class Untraceable(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.norm = nn.Linear(3, 3), nn.BatchNorm1d(3)

    def forward(self, x):
        x = self.norm(self.layer(x))
        return x if x.sum() > 0 else -x


REFUSED = {
    "after a ReLU": (nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.BatchNorm2d(2)), (1, 5, 5)),
    "before an addition": (Branching(), (3,)),
    "before another normalization": (nn.Sequential(nn.BatchNorm1d(3), nn.BatchNorm1d(3), nn.Linear(3, 3)), (3,)),
    "before a layer of another width": (nn.Sequential(nn.BatchNorm1d(3), Halved(), nn.Linear(2, 3)), (3,)),
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


# Before its layers


@pytest.mark.parametrize("seed", range(3))
def test_a_network_of_pre_activation_is_folded(seed):
    torch.manual_seed(seed)
    network = pre_activation_network(3).double().eval()
    assert_same_function_without_normalization(network, torch.randn(4, 3, 8, 8, dtype=torch.float64))


def test_a_normalization_after_a_layer_that_is_applied_twice_is_folded_into_the_next_one():
    twice = nn.Conv2d(1, 2, 3)
    network = nn.Sequential(twice, nn.BatchNorm2d(2), nn.Conv2d(2, 1, 1), twice, nn.Flatten()).double()
    network = with_random_normalization(network)
    assert_same_function_without_normalization(network, torch.randn(4, 1, 7, 7, dtype=torch.float64))


def test_a_densenet_is_folded():
    torch.manual_seed(0)
    network = torchvision.models.DenseNet(4, (2, 2), 8, bn_size=2, num_classes=3).double()
    network = with_random_normalization(network)
    assert_same_function_without_normalization(network, torch.randn(2, 3, 32, 32, dtype=torch.float64))


def test_the_scale_of_a_normalization_before_its_layer_is_the_layers_by_hand():
    norm, layer = nn.BatchNorm1d(2, eps=0.0), nn.Linear(2, 1)
    with torch.no_grad():
        norm.running_mean.copy_(torch.tensor([1.0, 0.0]))
        norm.running_var.copy_(torch.tensor([4.0, 0.25]))
        norm.weight.copy_(torch.tensor([3.0, -1.0]))  # s = 3 / 2, -1 / (1 / 2)
        norm.bias.copy_(torch.tensor([0.5, 2.0]))  # t = 0.5 - 1.5, 2
        layer.weight.copy_(torch.tensor([[2.0, 5.0]]))
    found = folded(nn.Sequential(norm, nn.ReLU(), layer).eval().double(), torch.randn(4, 2).double())
    (only,) = [module for module in found.modules() if isinstance(module, nn.Linear)]
    assert only.weight.tolist() == [[3.0, 10.0]]
    constants = dict(found.named_buffers())
    assert constants["_0_sign"].tolist() == [1, -1] and constants["_0_shift"].tolist() == [-1 / 1.5, 1.0]


def test_a_scale_that_moves_from_a_normalization_to_its_layers_changes_no_folded_weight():
    """A channel's scale is doubled, and what the layers multiply it by is halved: the function stays as it is."""
    torch.manual_seed(0)
    network = pre_activation_network(3).double().eval()
    other = copy.deepcopy(network)
    with torch.no_grad():
        other[2].norm1.weight[3] *= 2
        other[2].norm1.bias[3] *= 2
        for layer in (other[2].conv1, other[2].skip):
            layer.weight[:, 3] /= 2
    inputs = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    ours, theirs = (dict(folded(each, inputs).named_parameters()) for each in (network, other))
    assert ours.keys() == theirs.keys()
    assert all(torch.allclose(ours[name], theirs[name], rtol=1e-10) for name in ours)


def test_an_activation_that_passes_no_factor_on_is_refused():
    network = with_random_normalization(nn.Sequential(nn.BatchNorm1d(3), nn.GELU(), nn.Linear(3, 3)).double())
    with pytest.raises(
        NotApplicable, match="'0' into the layers after it, past an activation that passes no factor on"
    ):
        folded(network, torch.randn(4, 3, dtype=torch.float64))


def test_a_channel_of_scale_zero_before_its_layer_is_refused():
    network = nn.Sequential(nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 3)).eval()
    with torch.no_grad():
        network[0].weight[1] = 0
    with pytest.raises(NotApplicable, match="'0' has a channel of scale 0, so it cannot be folded"):
        folded(network, torch.randn(4, 3))


# Of several vectors an example


class Tokens(nn.Module):
    """A linear layer on each of `tokens` vectors, and a normalization that has these for its channels."""

    def __init__(self, tokens, width, head):
        super().__init__()
        self.rows, self.norm, self.head = nn.Linear(5, width), nn.BatchNorm1d(tokens), head

    def forward(self, x):
        return self.head(self.norm(self.rows(x)).relu().flatten(1))


@pytest.mark.parametrize("width", [3, 4])
def test_a_normalization_of_vectors_is_not_folded_into_the_units_of_the_layer_before_it(width):
    network = with_random_normalization(Tokens(4, width, nn.Linear(4 * width, 3)).double())
    inputs = torch.randn(6, 4, 5, dtype=torch.float64)
    assert_same_function_without_normalization(network, inputs)
    assert torch.equal(folded(network, inputs).get_submodule("rows").weight, network.rows.weight)


# Factors after a layer


class Factor(nn.Module):
    """Multiplies what `layers` return by a parameter, or does something else with it."""

    def __init__(self, layers, factor, multiply):
        super().__init__()
        self.layers, self.factor, self.multiply = layers, nn.Parameter(factor), multiply
        self.head = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))

    def forward(self, x):
        return self.head(self.multiply(self.layers(x), self.factor))


FACTORS = {
    "layer scale": (nn.Linear(4, 5), torch.randn(5), lambda x, factor: x * factor),
    "layer scale, the factor first": (nn.Linear(4, 5), torch.randn(5), lambda x, factor: factor * x),
    "in place": (nn.Linear(4, 5, bias=False), torch.randn(5), lambda x, factor: x.mul_(factor)),
    "a factor for all": (nn.Linear(4, 5), torch.tensor(0.3), lambda x, factor: x * factor),
    "a temperature": (nn.Linear(4, 5), torch.tensor(0.3), lambda x, factor: x / factor),
    "a logarithm of one": (nn.Linear(4, 5), torch.tensor(0.3), lambda x, factor: factor.exp() * x),
    "of channels": (nn.Conv2d(1, 5, 3), torch.randn(5, 1, 1), lambda x, factor: x * factor),
    "of channels that are moved": (
        nn.Conv2d(1, 5, 3),
        torch.randn(5),
        lambda x, factor: (x.permute(0, 2, 3, 1) * factor).permute(0, 3, 1, 2),
    ),
    "after a normalization": (
        with_random_normalization(nn.Sequential(nn.Conv2d(1, 5, 3), nn.BatchNorm2d(5))),
        torch.randn(1, 5, 1, 1),
        lambda x, factor: x * factor,
    ),
    "two in a row": (nn.Linear(4, 5), torch.randn(5), lambda x, factor: x * factor * factor.sigmoid()),
    "of 0": (nn.Linear(4, 5), torch.zeros(5), lambda x, factor: x * factor),
}


def with_factor(name, cases):
    layers, factor, multiply = cases[name]
    x = torch.randn(6, 4, dtype=torch.float64) if isinstance(layers, nn.Linear) else torch.randn(6, 1, 6, 6).double()
    network = Factor(copy.deepcopy(layers), factor.clone(), multiply).double().eval()
    network(x)
    return network, x


@pytest.mark.parametrize("name", FACTORS)
def test_a_factor_after_a_layer_is_in_its_weights(name):
    network, x = with_factor(name, FACTORS)
    before = copy.deepcopy(network.state_dict())
    found = folded(network, x)
    torch.testing.assert_close(found(x), network(x))
    assert not [name for name, _ in found.named_parameters() if "factor" in name]
    layers = [module for module in found.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    with torch.no_grad():
        scaled = network.multiply(network.layers(x), network.factor)
        torch.testing.assert_close(layers[0](x), scaled)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


NO_FACTORS = {
    "past an activation": (nn.Linear(4, 5), torch.randn(5) - 2, lambda x, factor: x.tanh() * factor),
    "past an activation, a tiny one": (
        nn.Linear(4, 5),
        torch.full((5,), 1e-6),
        lambda x, factor: 1 + x.tanh() * factor,
    ),
    "of the examples": (nn.Linear(4, 5), torch.randn(6, 1), lambda x, factor: x * factor),
    "of positions": (nn.Conv2d(1, 4, 3), torch.randn(4), lambda x, factor: x * factor),
    "beside a sum": (nn.Linear(4, 5), torch.randn(5), lambda x, factor: x + x * factor),
    "of what is divided": (nn.Linear(4, 5), torch.ones(5), lambda x, factor: factor / (1 + x.exp())),
}


@pytest.mark.parametrize("name", NO_FACTORS)
def test_a_factor_of_anything_else_stays_where_it_is(name):
    network, x = with_factor(name, NO_FACTORS)
    found = folded(network, x)
    assert torch.equal(found.layers.weight, network.layers.weight) and torch.equal(found.factor, network.factor)


def test_a_normalization_of_buffers_is_in_the_layer_before_it():
    norm = torchvision.ops.FrozenBatchNorm2d(4)
    for buffer in norm.buffers():
        buffer.uniform_(0.5, 2)
    network, x = nn.Sequential(nn.Conv2d(1, 4, 3), norm, nn.ReLU()).eval(), torch.randn(5, 1, 6, 6)
    usual = nn.Sequential(copy.deepcopy(network[0]), nn.BatchNorm2d(4), nn.ReLU()).eval()
    usual[1].load_state_dict(norm.state_dict(), strict=False)
    torch.testing.assert_close(usual(x), network(x))
    pair = (folded(each, x).get_submodule("0").weight for each in (network, usual))
    torch.testing.assert_close(*pair)
