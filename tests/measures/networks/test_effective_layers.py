"""Layers whose class does not say what they do; what they do is taken from the dense Jacobian of the layer."""

import copy
import functools
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.nn.utils import spectral_norm as old_spectral_norm
from torch.nn.utils import weight_norm as old_weight_norm

from harness.calling.call import read
from harness.evaluation.measure_lookup import find_measures
from measures import Measure, NotApplicable
from measures.folding import folded
from measures.layers import operator_matrix
from measures.networks.copying import copy_of
from measures.networks.effective_layers import is_plain
from measures.weight_layers import weight_layers
from tests.builders.models import trained_model


class Scaled(nn.Linear):
    """An equalized learning rate: the weight is divided by the root of its inputs."""

    def forward(self, x):
        return F.linear(x, self.weight / self.in_features**0.5, self.bias)


class Standardised(nn.Conv2d):
    def forward(self, x):
        spread, mean = torch.std_mean(self.weight, dim=(1, 2, 3), keepdim=True)
        return self._conv_forward(x, (self.weight - mean) / spread, self.bias)


class SameInAnotherWay(nn.Linear):
    def forward(self, x):
        return x @ self.weight.T + self.bias


class OnlyInitialisedOtherwise(nn.Conv2d):
    def reset_parameters(self):
        nn.init.ones_(self.weight)


def hooked(layer, hook):
    layer.register_forward_hook(hook)
    return layer


def hooked_before(layer):
    layer.register_forward_pre_hook(lambda layer, arguments: (3 * arguments[0],))
    return layer


def patched(layer):
    layer.forward = lambda x: 2 * nn.Linear.forward(layer, x)
    return layer


def halve(layer, arguments, returned):
    return returned / 2


def strided(kind=nn.Conv2d, **options):
    return kind(4, 6, (3, 2), **({"stride": (2, 3), "padding": (1, 2), "dilation": (2, 1), "groups": 2} | options))


LAYERS = {
    "scaled Linear": lambda: Scaled(5, 3),
    "another forward": lambda: SameInAnotherWay(5, 3),
    "weight-standardised convolution": lambda: strided(Standardised),
    "weight-standardised convolution, same padding": lambda: strided(
        Standardised, stride=1, padding="same", dilation=2
    ),
    "a convolution that starts otherwise": lambda: strided(OnlyInitialisedOtherwise),
    "parametrized weight_norm": lambda: parametrizations.weight_norm(nn.Linear(5, 3)),
    "parametrized spectral_norm": lambda: parametrizations.spectral_norm(strided()),
    "parametrized orthogonal": lambda: parametrizations.orthogonal(nn.Linear(5, 3)),
    "weight_norm": lambda: _without_warning(old_weight_norm, strided()),
    "spectral_norm": lambda: _without_warning(old_spectral_norm, nn.Linear(5, 3)),
    "pruned Linear": lambda: prune.random_unstructured(nn.Linear(5, 3), "weight", 0.5),
    "pruned convolution": lambda: prune.ln_structured(strided(), "weight", 0.5, n=2, dim=0),
    "a hook that halves": lambda: hooked(nn.Linear(5, 3), halve),
    "a hook that halves a convolution": lambda: hooked(strided(groups=1, bias=False), halve),
    "a hook that adds": lambda: hooked(nn.Linear(5, 3, bias=False), lambda layer, given, returned: returned + 1),
    "a hook before": lambda: hooked_before(nn.Linear(5, 3)),
    "a patched forward": lambda: patched(nn.Linear(5, 3)),
}


def _without_warning(function, layer):
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        return function(layer)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_layers_operator_and_bias_are_those_of_its_jacobian(name, dtype):
    torch.manual_seed(0)
    layer = LAYERS[name]()
    shape = (5,) if isinstance(layer, nn.Linear) else (4, 7, 6)
    network = nn.Sequential(layer.to(dtype), nn.Flatten()).eval()
    x = torch.randn(2, *shape, dtype=dtype)
    expected = torch.autograd.functional.jacobian(lambda one: network(one[None])[0].flatten(), x[0]).flatten(1)
    before = copy.deepcopy({key: value.detach() for key, value in network.state_dict().items()})
    state = torch.get_rng_state()
    (found,) = weight_layers(network, network, x)
    assert torch.equal(torch.get_rng_state(), state)
    tolerance = {"rtol": 1e-9, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 2e-5, "atol": 2e-6}
    torch.testing.assert_close(operator_matrix(found, found.weight), expected.double(), **tolerance)
    torch.testing.assert_close(operator_matrix(found, found.init_weight), expected.double(), **tolerance)
    bias = network(torch.zeros_like(x[:1]))
    if found.bias is None:
        assert not bias.any()
    else:
        own = found.bias.view(-1, *[1] * (len(found.output_shape) - 1)).expand(found.output_shape)
        torch.testing.assert_close(own.flatten(), bias[0], **tolerance)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    torch.testing.assert_close(folded(network, x)(x), network(x), rtol=1e-5, atol=1e-6)


class Sigmoid(nn.Linear):
    def forward(self, x):
        return super().forward(x).sigmoid()


class Clipped(nn.Linear):
    """Linear for small inputs only."""

    def forward(self, x):
        return super().forward(x).clamp(-4, 4)


class ByPosition(nn.Linear):
    """Another multiple of the weight at each of three positions."""

    def forward(self, x):
        return super().forward(x) * torch.arange(1, 4, dtype=x.dtype)[:, None]


class Dropping(nn.Linear):
    def forward(self, x):
        return F.dropout(super().forward(x), 0.5, training=True)


@pytest.mark.parametrize("kind, shape", [(Sigmoid, (3,)), (Clipped, (3,)), (Dropping, (3,)), (ByPosition, (3, 3))])
def test_a_layer_that_is_not_linear_is_refused_by_name_and_kind(kind, shape):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Identity(), kind(3, 3)).eval()
    with (
        torch.random.fork_rng(),
        pytest.raises(NotApplicable, match=f"^layer '1', a {kind.__name__}, returns something"),
    ):
        weight_layers(network, network, torch.randn(2, *shape))


class Conditioned(nn.Linear):
    def forward(self, x, scale):
        return scale * super().forward(x)


class Conditioning(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = Conditioned(3, 3)

    def forward(self, x):
        return self.layer(x, x.mean())


def test_a_layer_that_asks_for_more_than_its_input_is_refused():
    network = Conditioning()
    with pytest.raises(NotApplicable, match="layer 'layer', a Conditioned, is called with more than its input"):
        weight_layers(network, network, torch.randn(2, 3))


def test_a_normalization_is_folded_into_a_layer_with_a_weight_of_its_own_making():
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(6)
    network = nn.Sequential(strided(Standardised, bias=False), norm, nn.Flatten()).double()
    for _ in range(20):
        network(torch.randn(8, 4, 7, 6, dtype=torch.float64))
    network.eval()
    x = torch.randn(3, 4, 7, 6, dtype=torch.float64)
    (layer,) = weight_layers(network, network, x)
    expected = torch.autograd.functional.jacobian(lambda one: network(one[None])[0], x[0]).flatten(1)
    torch.testing.assert_close(operator_matrix(layer, layer.weight), expected)


@pytest.mark.parametrize("name", ["weight_norm", "pruned Linear"])
def test_a_layer_whose_weight_is_computed_can_be_copied(name):
    torch.manual_seed(0)
    layer = LAYERS[name]()
    x = torch.randn(2, 5) if isinstance(layer, nn.Linear) else torch.randn(2, 4, 7, 6)
    found = copy_of(layer)
    assert torch.equal(found(x), layer(x)) and found.weight is not layer.weight


def test_plain_layers_are_known_as_such():
    assert is_plain(nn.Linear(2, 2)) and is_plain(nn.Conv2d(1, 1, 1, bias=False))
    assert not any(is_plain(make()) for make in LAYERS.values())


def test_layers_that_are_plain_keep_their_weights_to_the_bit():
    network = nn.Sequential(nn.Linear(3, 3))
    (layer,) = weight_layers(network, network, torch.randn(2, 3))
    assert torch.equal(layer.weight, network[0].weight)


BY_FUNCTION_AND_EFFECTIVE_WEIGHTS = ("capacity", "margins", "norms", "representation", "spectral")
OF_PARAMETERS = {"distance_from_init", "l2_norm"}


@functools.cache
def layer_measures() -> list[Measure]:
    """The fast ones that see no parameters but those of effective layers."""
    found = [measure for measure in find_measures(["all"]) if measure.cost == "fast"]
    families = [m for m in found if m.origin.split(".")[1] in BY_FUNCTION_AND_EFFECTIVE_WEIGHTS]
    return [measure for measure in families if measure.name not in OF_PARAMETERS]


@pytest.mark.parametrize(
    "make", [name for name in LAYERS if isinstance(LAYERS[name](), nn.Linear)], ids=lambda name: name.replace(" ", "_")
)
def test_measures_of_layers_are_those_of_the_network_of_plain_layers_that_computes_the_same(make):
    torch.manual_seed(0)
    odd = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), LAYERS[make](), nn.ReLU(), nn.Linear(3, 3)).double().eval()
    start = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), LAYERS[make](), nn.ReLU(), nn.Linear(3, 3)).double().eval()
    inputs = torch.randn(30, 6, dtype=torch.float64)
    plain = folded(odd, inputs), folded(start, inputs)
    assert all(is_plain(layer) for layer in plain[0] if isinstance(layer, nn.Linear))
    with torch.no_grad():
        labels = odd(inputs).argmax(dim=1)
    found, expected = (
        trained_model(model, inputs, labels, init=init, num_classes=3) for model, init in ((odd, start), plain)
    )
    assert len(layer_measures()) > 50
    for measure in layer_measures():
        one, other = read(measure, found), read(measure, expected)
        assert (one.status, one.reason) == (other.status, other.reason), measure.name
        if one.value is not None:
            assert one.value == pytest.approx(other.value, rel=1e-6), measure.name


class WithFactor(nn.Linear):
    def forward(self, x, factor=1.0):
        return super().forward(x) * factor


class Calling(nn.Module):
    def __init__(self, *arguments, **named):
        super().__init__()
        self.layer, self.arguments, self.named = WithFactor(5, 3), arguments, named

    def forward(self, x):
        return self.layer(x, *self.arguments, **self.named)


@pytest.mark.parametrize("network", [Calling(3.0), Calling(factor=3.0)], ids=["by place", "by name"])
def test_a_layer_that_is_called_with_more_than_its_input_is_refused(network):
    with pytest.raises(NotApplicable, match="layer 'layer', a WithFactor, is called with more than its input"):
        folded(network, torch.randn(4, 5))


def test_a_layer_whose_option_is_left_out_has_its_weights():
    network, x = Calling(), torch.randn(4, 5)
    torch.testing.assert_close(folded(network, x)(x), network(x))
