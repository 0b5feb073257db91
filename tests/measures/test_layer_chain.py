import pytest
import torch
from torch import nn

from measures import NotApplicable
from measures.capacity.rademacher_bound import rademacher_bound
from measures.compression.layer_cushion_bound import layer_cushion_bound
from measures.layer_chain import INPUT, LOGITS, check_chain, sources
from measures.norms.unit_capacity import unit_capacity
from measures.spectral.pac_bayes_spectral import spectral_init_main, spectral_orig_main
from measures.spectral.spectral_complexity import spectral_complexity
from tests.builders.models import random_network, trained_model
from tests.networks.modern_networks import fitted

BOUNDS = (rademacher_bound, layer_cushion_bound, spectral_init_main, spectral_orig_main, spectral_complexity)


class Around(nn.Module):
    """Three linear layers; `skip` says around which of them the input of the second goes as well."""

    def __init__(self, skip):
        super().__init__()
        self.first, self.second, self.last, self.skip = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4), skip

    def forward(self, x):
        x = self.first(x).relu_()
        inner = self.second(x).relu() + (x if self.skip == "hidden" else 0)
        return self.last(inner) + (x if self.skip == "last" else 0)


def around(skip):
    torch.manual_seed(0)
    network = Around(skip)
    x = torch.randn(8, 4)
    return trained_model(network, x, network(x).argmax(dim=1))


def test_each_layer_names_what_it_is_computed_from():
    expected = {"first": (INPUT,), "second": ("first",), "last": ("second",), LOGITS: ("last",)}
    assert sources(around(None)) == expected
    assert sources(around("hidden")) == expected | {"last": ("first", "second")}
    assert sources(around("last")) == expected | {LOGITS: ("first", "last")}


@pytest.mark.parametrize("name", ["MLP", "convnet, batch norm", "all convolutional"])
def test_layers_one_after_the_other_are_a_chain(name):
    check_chain(fitted(name))


@pytest.mark.parametrize("measure", BOUNDS, ids=lambda measure: measure.name)
@pytest.mark.parametrize("name", ["residual network", "transformer", "transformer, torch's attention"])
def test_a_bound_by_the_norms_of_a_chain_is_refused_for_other_networks(name, measure):
    with pytest.raises(NotApplicable, match=r"^the layers are not a chain: what layer '.*' receives depends on layer"):
        measure(fitted(name))


@pytest.mark.parametrize("norm", [nn.LayerNorm(4), nn.GroupNorm(2, 4), nn.Softmax(dim=1)], ids=lambda norm: str(norm))
def test_a_bound_is_refused_where_something_without_a_lipschitz_constant_stands_between(norm):
    network = nn.Sequential(nn.Linear(4, 4), norm, nn.Linear(4, 2))
    x = torch.randn(8, 4)
    with pytest.raises(NotApplicable, match="without a Lipschitz constant"):
        rademacher_bound(trained_model(network, x, network(x).argmax(dim=1)))


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.register_buffer("matrix", torch.randn(4, 4))

    def forward(self, x):
        return self.function(x, self.matrix)


WITHOUT_CONSTANT = {
    "a matrix of its own": lambda x, matrix: x @ matrix,
    "a convolution of its own": lambda x, matrix: torch.conv1d(x[:, None], matrix[:, None, :1])[:, 0],
    "a matrix of the example": lambda x, matrix: (x[:, :, None] @ x[:, None])[:, 0],
    "a gate": lambda x, matrix: torch.nn.functional.glu(torch.cat([x, x], dim=1)),
    "an exponential": lambda x, matrix: x.exp(),
    "a root": lambda x, matrix: x.abs().sqrt(),
    "a variance": lambda x, matrix: x + x.var(dim=1, keepdim=True),
    "an instance normalization": lambda x, matrix: torch.nn.functional.instance_norm(x[:, None])[:, 0],
}


@pytest.mark.parametrize("name", WITHOUT_CONSTANT)
def test_a_bound_is_refused_where_a_function_of_no_layer_has_no_lipschitz_constant(name):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 4), Function(WITHOUT_CONSTANT[name]), nn.Linear(4, 2))
    x = torch.randn(8, 4)
    with pytest.raises(NotApplicable, match="without a Lipschitz constant"):
        spectral_complexity(trained_model(network, x, network(x).argmax(dim=1)))


def test_what_is_done_to_a_constant_is_no_step_of_a_chain():
    network = nn.Sequential(nn.Linear(4, 4), Function(lambda x, matrix: x + matrix[0] @ matrix), nn.Linear(4, 2))
    x = torch.randn(8, 4)
    check_chain(trained_model(network, x, network(x).argmax(dim=1)))


@pytest.mark.parametrize("skip, reason", [("hidden", "what layer 'last' receives"), ("last", "the logits depend")])
def test_unit_capacity_is_refused_with_a_connection_around_its_layers(skip, reason):
    with pytest.raises(NotApplicable, match=reason):
        unit_capacity(around(skip))


def test_unit_capacity_counts_skips_below_as_part_of_fixed_features():
    class Below(nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network, self.start = network, nn.Linear(36, 36).double()

        def forward(self, x):
            return self.network(x.flatten(1) + self.start(x.flatten(1)).relu())

    plain = random_network("mlp_1x5", 0)
    inputs = plain.inputs
    network, init = Below(plain.model), Below(plain.init)
    skipping = trained_model(network, inputs, plain.labels, init=init)
    with torch.no_grad():
        features = inputs.flatten(1) + network.start(inputs.flatten(1)).relu()
        labels = network(inputs).argmax(dim=1)
    on_features = trained_model(plain.model, features, labels, init=plain.init)
    skipping = trained_model(network, inputs, labels, init=init)
    assert unit_capacity(skipping) == pytest.approx(unit_capacity(on_features), rel=1e-10)


@pytest.mark.parametrize("factor", [lambda x: 10 * x, lambda x: x / 0.1, lambda x: x**3])
def test_a_factor_or_power_that_belongs_to_no_layer_is_no_step_of_a_chain(factor):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(4, 5), nn.Linear(5, 3)

        def forward(self, x):
            return factor(self.last(self.first(x).relu()))

    torch.manual_seed(0)
    network = Scaled().double()
    inputs = torch.randn(9, 4, dtype=torch.float64)
    trained = trained_model(network, inputs, network(inputs).argmax(dim=1), num_classes=3)
    with pytest.raises(NotApplicable, match="without a Lipschitz constant"):
        check_chain(trained)
    with pytest.raises(NotApplicable, match="the logits are not what the last linear layer returns"):
        unit_capacity(trained)
