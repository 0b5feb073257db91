"""Path norms of networks with functions, methods and poolings of many kinds after a linear layer."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import fx, nn

from measures import NotApplicable
from measures.norms._powers_of_weights import PowersOfWeights
from tests.references.paths import linear, norm_of


def test_weights_of_minus_2_and_3_on_the_way_of_1_and_a_bias_make_cubes_of_8_and_27():
    network = nn.Sequential(linear([[-2.0]]), nn.ReLU(), linear([[3.0]], [-1.0]))
    ones = torch.ones(1, 1, dtype=torch.float64)
    assert PowersOfWeights(network, fx.symbolic_trace(network).graph, 3).run(ones).item() == 8 * 27 + 1
    assert network(ones).item() == -1


class Functional(nn.Module):
    """Applies a function after a linear layer."""

    def __init__(self, function):
        super().__init__()
        self.layer, self.function, self.scale = nn.Linear(4, 4), function, nn.Parameter(torch.ones(4))

    def forward(self, x):
        return self.function(self, self.layer(x))


@pytest.mark.parametrize(
    "function",
    [
        lambda self, x: F.relu(x),
        lambda self, x: torch.relu(x),
        lambda self, x: x.relu(),
        lambda self, x: torch.flatten(x, 1),
        lambda self, x: x.view(x.size(0), -1),
        lambda self, x: x.reshape(-1, 4).flatten(1),
        lambda self, x: x.float().to(torch.float16).double(),
        lambda self, x: sum(part for part in [x]),
    ],
)
def test_functions_that_leave_numbers_above_0_as_they_are_do_not_count(function):
    network = Functional(function).double()
    assert norm_of(network, 4) == pytest.approx(norm_of(network.layer, 4), rel=1e-12)


LINEAR = {
    "squeeze": lambda self, x: x[:, None].squeeze(1).unsqueeze(2).squeeze(2),
    "mean over positions": lambda self, x: x.view(-1, 2, 1, 2).mean(dim=(2, 3)),
    "mean of all": lambda self, x: x.mean(1, keepdim=True),
    "torch.mean": lambda self, x: torch.mean(x.view(-1, 2, 2), dim=2),
    "sum": lambda self, x: x.view(-1, 2, 2).sum(dim=1),
    "torch.sum": lambda self, x: torch.sum(x, dim=1, keepdim=True),
    "permute": lambda self, x: x.view(-1, 2, 2).permute(0, 2, 1).reshape(x.shape[0], -1),
    "transpose": lambda self, x: torch.transpose(x.unflatten(1, (2, 2)), 1, 2).flatten(1),
    "chunk and stack": lambda self, x: torch.stack(x.chunk(2, dim=1), dim=2).sum(dim=2),
    "split and cat": lambda self, x: torch.cat([torch.split(x, 2, dim=1)[1], x], dim=1),
    "part": lambda self, x: x[:, 1:3],
    "sizes": lambda self, x: x.view(x.shape[0], x.size(1) // 2, -1).mean(dim=-1),
    "skip": lambda self, x: x + 0.5 * torch.relu(x) - x.mean(dim=1, keepdim=True),
    "method add": lambda self, x: x.add(x.sum(dim=1, keepdim=True)) / -4,
    "max pooling": lambda self, x: F.max_pool2d(x.view(-1, 1, 2, 2), 1).flatten(1),
    "average pooling": lambda self, x: F.avg_pool2d(x.view(-1, 1, 2, 2), 2).flatten(1),
    "adaptive pooling": lambda self, x: F.adaptive_avg_pool2d(x.view(-1, 1, 2, 2), (1, 2)).flatten(1),
    "dropout": lambda self, x: F.dropout(x, 0.5, self.training),
}


@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_function_counts_by_the_squares_of_its_matrix(name):
    torch.manual_seed(0)
    network = Functional(LINEAR[name]).double().eval()
    # For positive numbers each function is linear and its matrix that of its derivatives. `skip` adds paths side by
    # side, so their squares add up: (x, x/2, the mean) and not the square of their sum.
    parts = {"skip": [lambda s, x: x, lambda s, x: x / 2, lambda s, x: x.mean(dim=1, keepdim=True).expand(-1, 4)]}
    parts["method add"] = [lambda s, x: x / 4, lambda s, x: x.sum(dim=1, keepdim=True).expand(-1, 4) / 4]
    point = torch.rand(4, dtype=torch.float64)
    into = network.layer.weight.detach().square().sum(dim=1) + network.layer.bias.detach().square()
    total = 0.0
    for part in parts.get(name, [LINEAR[name]]):
        matrix = torch.autograd.functional.jacobian(lambda x, part=part: part(network, x[None]).flatten(), point)
        total += float(matrix.square().sum(dim=0) @ into)
    assert norm_of(network, 4) == pytest.approx(math.sqrt(total), rel=1e-12)


def test_a_parameter_that_is_multiplied_by_is_a_layer_of_one_weight_each():
    torch.manual_seed(0)
    network = Functional(lambda self, x: x * self.scale).double()
    with torch.no_grad():
        network.scale.normal_()
    into = network.layer.weight.detach().square().sum(dim=1) + network.layer.bias.detach().square()
    expected = math.sqrt(float(network.scale.detach().square() @ into))
    assert norm_of(network, 4) == pytest.approx(expected, rel=1e-12)


def test_paths_through_a_normalization_before_its_layer_by_hand():
    """s = (3/2, -2), t = (-1, 2) and weights (2, 5): (3² + 10²) from inputs, (2² + 10²) from the shifts."""
    norm, layer = nn.BatchNorm1d(2, eps=0.0), nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        norm.running_mean.copy_(torch.tensor([1.0, 0.0]))
        norm.running_var.copy_(torch.tensor([4.0, 0.25]))
        norm.weight.copy_(torch.tensor([3.0, -1.0]))
        norm.bias.copy_(torch.tensor([0.5, 2.0]))
        layer.weight.copy_(torch.tensor([[2.0, 5.0]]))
    assert norm_of(nn.Sequential(norm, nn.ReLU(), layer).eval().double(), 2) == pytest.approx(math.sqrt(213))


@pytest.mark.parametrize(
    "function",
    [
        lambda self, x: x + self.scale,
        lambda self, x: torch.cat([self.scale[None].expand(x.shape[0], -1), x], dim=1),
        lambda self, x: torch.stack([x, self.scale.unsqueeze(0).expand(x.shape[0], -1)], dim=2).flatten(1),
        lambda self, x: x.sub(self.scale.view(1, 4)[:, :4]),
    ],
)
def test_a_parameter_that_is_added_or_concatenated_counts_like_a_bias(function):
    torch.manual_seed(0)
    network = Functional(function).double()
    with torch.no_grad():
        network.scale.normal_()
    expected = math.hypot(norm_of(network.layer, 4), float(network.scale.detach().norm()))
    assert norm_of(network, 4) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("function", [lambda self, x: x * (1 + self.scale), lambda self, x: (1 + self.scale) * x])
def test_a_factor_for_each_unit_is_one_of_the_layers_weights(function):
    torch.manual_seed(0)
    network = Functional(function).double()
    with torch.no_grad():
        network.scale.normal_()
        alone = copy.deepcopy(network.layer)
        alone.weight *= (1 + network.scale)[:, None]
        alone.bias *= 1 + network.scale
    assert norm_of(network, 4) == pytest.approx(norm_of(alone, 4), rel=1e-12)


@pytest.mark.parametrize(
    "function, what",
    [
        (lambda self, x: F.gelu(x), "function"),
        (lambda self, x: F.linear(x, self.scale[None]), "scale"),
        (lambda self, x: x + torch.relu(self.scale), "'scale' are unknown: it is neither a layer nor added"),
        (lambda self, x: x + self.scale.sum(), "scale"),
        (lambda self, x: x + (self.scale + self.scale), "scale"),
        (lambda self, x: x * x, "function"),
        (lambda self, x: x + 1, "function"),
        (lambda self, x: torch.add(x, x, alpha=2), "function"),
        (lambda self, x: x.softmax(dim=1), "method 'softmax'"),
        (lambda self, x: torch.matmul(x[:, :, None], x[:, None]).flatten(1), "function matmul"),
        (lambda self, x: F.dropout(x, 0.5, training=True), "other outputs when it is called again"),
        (lambda self, x: F.layer_norm(x, (4,)), "function layer_norm"),
        (lambda self, x: x.softmax(dim=1) @ x.T, "when others are beside it"),
        (lambda self, x: x.amax(dim=1, keepdim=True), "method 'amax'"),
        (lambda self, x: x if x.sum() > 0 else -x, "cannot trace"),
    ],
)
def test_functions_that_are_neither_linear_nor_relu_are_refused(function, what):
    with pytest.raises(NotApplicable, match=what) as refusal:
        norm_of(Functional(function).double(), 4)
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize(
    "module",
    [
        nn.LeakyReLU(),
        nn.GELU(),
        nn.Sigmoid(),
        nn.Softmax(dim=1),
        nn.LayerNorm(4),
        nn.MaxPool2d(2, dilation=2),
        nn.LPPool2d(2, 2),
        nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"),
        nn.ConvTranspose2d(1, 1, 2),
    ],
    ids=lambda module: type(module).__name__,
)
def test_modules_through_which_paths_are_unknown_are_refused_by_name(module):
    with pytest.raises(NotApplicable, match=rf"^paths through the \w+ ('0', )?{type(module).__name__}\("):
        norm_of(nn.Sequential(module, nn.Flatten()).double(), 1, 4, 4)


def doubled_by_a_hook(module):
    module.register_forward_hook(lambda layer, received, returned: returned * 2)
    return module


def doubled_by_a_hook_before(module):
    module.register_forward_pre_hook(lambda layer, received: (received[0] * 2,))
    return module


def doubled_by_its_forward(module):
    module.forward = lambda x: type(module).forward(module, x) * 2
    return module


@pytest.mark.parametrize("change", [doubled_by_a_hook, doubled_by_a_hook_before, doubled_by_its_forward])
@pytest.mark.parametrize("make", [nn.ReLU, nn.Identity, lambda: nn.Dropout(0.5), lambda: nn.MaxPool2d(1)])
def test_a_module_counts_by_what_it_does_not_by_its_class(make, change):
    head = nn.Flatten(), linear([[3.0]])
    network = nn.Sequential(linear([[2.0]]), change(make()), *head).eval()
    assert norm_of(network, 1, 1, 1) == pytest.approx(2 * 2 * 3)


class NamedIn(nn.ModuleDict):
    def forward(self, x):
        return self["in"](x)


def test_paths_run_through_a_module_whose_name_is_a_word_of_python():
    assert norm_of(NamedIn({"in": linear([[2.0]])}), 1) == 2
