"""Networks that apply parameters by functions of torch beside the same networks of modules: they read alike."""

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from measures import NotApplicable
from measures.folding import folded
from measures.layer_chain import sources
from measures.layer_inputs import received_by_layers
from measures.networks.copying import copy_of
from measures.networks.functional_layers import FunctionsAsLayers, with_functions_as_layers
from measures.weight_layers import weight_layers
from tests.builders.models import trained_model

Apply = Callable[[Tensor, Tensor, Tensor], Tensor]

LINEAR: dict[str, Apply] = {
    "F.linear": lambda x, w, b: F.linear(x, w, b),
    "F.linear, named": lambda x, w, b: F.linear(input=x, weight=w, bias=b),
    "F.linear, bias added": lambda x, w, b: F.linear(x, w) + b,
    "a product with .T": lambda x, w, b: x @ w.T + b,
    "a product with .t()": lambda x, w, b: torch.matmul(x, w.t()) + b,
    "a product with transpose": lambda x, w, b: x.matmul(w.transpose(0, 1)) + b,
    "from the left": lambda x, w, b: (w @ x.mT).mT + b,
    "addmm": lambda x, w, b: torch.addmm(b, x, w.T),
}


class Functional(nn.Module):
    """A layer whose parameters are applied by a function, and a linear head."""

    def __init__(self, weight: Tensor, bias: Tensor, apply: Apply, head: nn.Module):
        super().__init__()
        self.matrix, self.shift = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())
        self.apply_it, self.head = apply, head

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.apply_it(x, self.matrix, self.shift))


def head(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers).double()


def assert_alike(functional: nn.Module, modules: nn.Module, x: Tensor) -> None:
    """Layers, what they receive, and from what they are computed, are those of the network of modules."""
    torch.testing.assert_close(functional(x), modules(x))
    ours, theirs = (
        trained_model(network, x, torch.zeros(len(x), dtype=torch.int64)) for network in (functional, modules)
    )
    for one, other in zip(ours.layers, theirs.layers, strict=True):
        torch.testing.assert_close((one.weight, one.init_weight), (other.weight, other.init_weight))
        assert (one.input_shape, one.output_shape) == (other.input_shape, other.output_shape)
        assert one.operator_norm == pytest.approx(other.operator_norm)
    for one, other in zip(ours.hidden_features, theirs.hidden_features, strict=True):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(ours.features, theirs.features)
    named = [{layer.name: str(number) for number, layer in enumerate(each.layers)} for each in (ours, theirs)]
    found = [
        [[names.get(name, name) for name in given] for given in sources(each).values()]
        for names, each in zip(named, (ours, theirs), strict=True)
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize("way", LINEAR)
def test_a_matrix_applied_by_a_function_is_a_linear_layer(way: str) -> None:
    torch.manual_seed(0)
    layer, last = nn.Linear(5, 4).double(), head(nn.ReLU(), nn.Linear(4, 3))
    functional = Functional(layer.weight.detach(), layer.bias.detach(), LINEAR[way], last)
    assert_alike(functional.eval(), nn.Sequential(layer, *last).eval(), torch.randn(6, 5, dtype=torch.float64))


def test_a_matrix_applied_without_transposing_it_is_the_transpose_of_a_layers_weight() -> None:
    torch.manual_seed(0)
    layer, last = nn.Linear(5, 5).double(), head(nn.ReLU(), nn.Linear(5, 3))  # square: shapes do not tell
    functional = Functional(layer.weight.detach().T.contiguous(), layer.bias.detach(), lambda x, w, b: x @ w + b, last)
    assert_alike(functional.eval(), nn.Sequential(layer, *last).eval(), torch.randn(6, 5, dtype=torch.float64))


def test_a_kernel_applied_by_a_function_is_a_convolution_into_which_batch_normalization_is_folded() -> None:
    torch.manual_seed(0)
    options = {"stride": 2, "padding": 1, "groups": 2}
    layer, norm = nn.Conv2d(4, 6, 3, **options).double(), nn.BatchNorm2d(6)
    norm.running_mean.normal_(), norm.running_var.uniform_(0.5, 2), nn.init.normal_(norm.weight)
    last = head(norm, nn.ReLU(), nn.Flatten(), nn.Linear(54, 3))
    functional = Functional(
        layer.weight.detach(), layer.bias.detach(), lambda x, w, b: F.conv2d(x, w, b, **options), last
    )
    assert_alike(functional.eval(), nn.Sequential(layer, *last).eval(), torch.randn(6, 4, 6, 6, dtype=torch.float64))


class ReadsItsLayer(nn.Module):
    """As attention in torchvision's Swin: the layer is there, and is not called."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(5, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.linear(x, self.layer.weight, self.layer.bias).relu())


def test_a_layer_whose_weight_is_read_and_which_is_not_called_is_a_layer() -> None:
    torch.manual_seed(0)
    network = ReadsItsLayer().double().eval()
    modules = nn.Sequential(network.layer, nn.ReLU(), network.head)
    x = torch.randn(6, 5, dtype=torch.float64)
    assert_alike(network, modules, x)
    assert len(received_by_layers(network, x, (nn.Linear,))) == 2


class Detaching(ReadsItsLayer):
    """Run plainly, since it detaches."""

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.linear(x, self.layer.weight, self.layer.bias).detach().relu())


def test_a_network_that_is_run_plainly_has_its_functional_layers_as_well() -> None:
    torch.manual_seed(0)
    network = Detaching().double().eval()
    modules = nn.Sequential(network.layer, nn.ReLU(), network.head)
    assert_alike(network, modules, torch.randn(6, 5, dtype=torch.float64))


class List(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList([torch.randn(4, 5), torch.randn(4, 4), torch.randn(3, 4)])

    def forward(self, x: Tensor) -> Tensor:
        for number, weight in enumerate(self.weights):
            x = F.linear(x if number == 0 else x.relu(), weight)
        return x


def test_a_list_of_matrices_is_a_list_of_layers_and_neither_the_network_nor_its_state_changes() -> None:
    torch.manual_seed(0)
    network, x = List().double().eval(), torch.randn(6, 5, dtype=torch.float64)
    before, state = {**network.weights.__dict__["_parameters"]}, copy.deepcopy(network.state_dict())
    layers = weight_layers(network, None, x)
    assert [layer.name for layer in layers] == ["weights.0_layer", "weights.1_layer", "weights.2_layer"]
    assert network.weights.__dict__["_parameters"] == before and type(network) is List
    torch.testing.assert_close(network.state_dict(), state)


def test_a_copy_computes_with_its_own_layers() -> None:
    torch.manual_seed(0)
    x = torch.randn(6, 5, dtype=torch.float64)
    network = with_functions_as_layers(List().double().eval(), x)
    assert isinstance(network, FunctionsAsLayers)
    other, expected = copy_of(network), network(x)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    torch.testing.assert_close(network(x), expected)
    assert not other(x).any()


def test_a_network_of_modules_stays_the_one_that_it_is() -> None:
    network = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)).eval()
    assert with_functions_as_layers(network, torch.randn(2, 5)) is network
    assert type(folded(network, torch.randn(2, 5))) is nn.Sequential


REFUSED: dict[str, Apply] = {
    "scaled first": lambda x, w, b: F.linear(x, w / 2, b),
    "used twice": lambda x, w, b: F.linear(x, w, b) + w.sum(),
    "both ways": lambda x, w, b: F.linear(x, w, b) @ w,
    "once more": lambda x, w, b: F.linear(F.linear(x, w, b).tanh(), w, b),
    "of one example at a time": lambda x, w, b: torch.func.vmap(lambda one: F.linear(one[None], w, b)[0])(x),
    "to a constant that multiplies": lambda x, w, b: x @ F.linear(torch.eye(5, dtype=x.dtype), w).T + b,
}


@pytest.mark.parametrize("way", REFUSED)
def test_a_matrix_that_is_used_in_any_other_way_is_not_a_layer(way: str) -> None:
    torch.manual_seed(0)
    network = Functional(torch.randn(5, 5), torch.randn(5), REFUSED[way], nn.Linear(5, 3)).double().eval()
    with pytest.raises(NotApplicable, match=r"'matrix|weights are shared"):
        weight_layers(network, None, torch.randn(2, 5, dtype=torch.float64))
