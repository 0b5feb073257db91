import copy
import dataclasses
import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import nn
from torchvision.models import resnet18

from harness.folding import folded
from measures import NotApplicable
from measures.norms.frobenius_norm import frobenius_norm
from measures.norms.path_norm import path_norm, path_norm_l1, path_norm_over_margin
from tests.equivalent import assert_sees_only
from tests.models import random_network, trained_model
from tests.naive import dense_layers, tenth_percentile_of_margins


def linear(weights, biases=None):
    """A linear layer with these rows of weights."""
    layer = nn.Linear(len(weights[0]), len(weights), bias=biases is not None, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weights, dtype=torch.float64))
        if biases is not None:
            layer.bias.copy_(torch.tensor(biases, dtype=torch.float64))
    return layer


def norm_of(network, *input_shape, dtype=torch.float64, measure=path_norm):
    return measure(trained_model(network, torch.rand(2, *input_shape, dtype=dtype), torch.tensor([0, 0])))


def products_of_all_paths(layers, depth, unit):
    """The product of the weights of each path that ends at this unit of layer `depth`, one by one."""
    if depth < 0:
        yield 1.0
        return
    if layers[depth].bias[unit]:
        yield layers[depth].bias[unit]
    for source in np.flatnonzero(layers[depth].matrix[unit]):
        for product in products_of_all_paths(layers, depth - 1, source):
            yield product * layers[depth].matrix[unit, source]


def enumerated(layers, power=2):
    """(path norm, number of paths)"""
    outputs = range(len(layers[-1].matrix))
    products = [p for unit in outputs for p in products_of_all_paths(layers, len(layers) - 1, unit)]
    return math.fsum(abs(p) ** power for p in products) ** (1 / power), len(products)


def test_of_one_linear_layer_is_its_frobenius_norm():
    assert norm_of(linear([[3.0, 0.0], [0.0, 4.0]]), 2) == 5


def test_of_two_layers_with_biases_worked_out_by_hand():
    network = nn.Sequential(linear([[1.0, 2.0]], [3.0]), nn.ReLU(), linear([[-2.0]], [5.0]))
    # From the inputs 1·(-2) and 2·(-2), from the first bias 3·(-2), from the last 5.
    assert norm_of(network, 2) == pytest.approx(math.sqrt(4 + 16 + 36 + 25), rel=1e-12)


def test_opposite_paths_do_not_cancel():
    assert norm_of(nn.Sequential(linear([[1.0], [1.0]]), nn.ReLU(), linear([[1.0, -1.0]])), 1) == math.sqrt(2)


def test_a_path_runs_through_every_input_of_a_max_pooling():
    network = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), linear([[3.0]]))
    assert norm_of(network, 1, 2, 2) == math.sqrt(4 * 9)


def test_an_average_pooling_has_weights_of_one_over_its_window():
    network = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), linear([[3.0]]))
    assert norm_of(network, 1, 2, 2) == math.sqrt(4 * (3 / 4) ** 2)


class Skip(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return x + self.layer(x)


def test_a_skip_connection_is_a_path_of_its_own():
    assert norm_of(Skip(linear([[3.0]])), 1) == math.sqrt(9 + 1)


@pytest.mark.parametrize(
    "name, paths", [("mlp_1x4", 36 * 4 * 3 + 4 * 3 + 3), ("mlp_3x4", 36 * 192 + 4 * 4 * 4 * 3 + 4 * 4 * 3 + 4 * 3 + 3)]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_of_an_mlp_is_the_sum_over_all_of_its_paths(name, paths, seed):
    trained = random_network(name, seed)
    expected, number = enumerated(dense_layers(trained.model, (1, 6, 6)))
    assert number == paths
    assert path_norm(trained) == pytest.approx(expected, rel=1e-10)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**20), st.integers(1, 2), st.integers(0, 1))
def test_of_a_convnet_is_the_sum_over_all_paths_of_its_dense_matrices(seed, stride, padding):
    torch.manual_seed(seed)
    network = nn.Sequential(
        *(nn.Conv2d(1, 2, 2, stride, padding), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(2, 2, 2, 1, 1, groups=2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2)),
    ).double()
    network(torch.zeros(1, 1, 4, 4, dtype=torch.float64))
    expected, number = enumerated(dense_layers(network, (1, 4, 4)))
    assert number > 20
    assert norm_of(network, 1, 4, 4) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", ["convnet", "convnet_bn"])
@pytest.mark.parametrize("seed", [0, 1])
def test_of_the_harness_convnets_is_that_of_their_squared_dense_matrices(name, seed):
    trained = random_network(name, seed)
    into = np.ones(36)
    for layer in dense_layers(trained.model, (1, 6, 6)):
        into = layer.matrix**2 @ into + layer.bias**2
    assert path_norm(trained) == pytest.approx(math.sqrt(into.sum()), rel=1e-10)


def test_of_a_resnet_is_that_of_its_copy_with_squared_weights():
    torch.manual_seed(0)
    network = resnet18(num_classes=5)
    network(torch.randn(8, 3, 32, 32))  # gives the running statistics something to be
    inputs = torch.randn(2, 3, 32, 32)
    squared = folded(network, inputs).double()
    with torch.no_grad():
        for parameter in squared.parameters():
            parameter.square_()
        squared.maxpool = nn.AvgPool2d(3, stride=2, padding=1, divisor_override=1)
        squared.avgpool = nn.Flatten(1)  # its windows are the 1x1 images that are left
        expected = squared(torch.ones(1, 3, 32, 32, dtype=torch.float64)).sum().sqrt().item()
    assert path_norm(trained_model(network, inputs, torch.tensor([0, 0]))) == pytest.approx(expected, rel=1e-5)


@st.composite
def poolings(draw):
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    places = {
        "kernel_size": kernel,
        "stride": draw(st.integers(1, 3)),
        "padding": (draw(st.integers(0, kernel[0] // 2)), draw(st.integers(0, kernel[1] // 2))),
        "ceil_mode": draw(st.booleans()),
    }
    divisors = {"count_include_pad": draw(st.booleans()), "divisor_override": draw(st.sampled_from([None, 1, 5]))}
    sides = draw(st.sampled_from([(1, 1), (2, 5), (1, None)]))
    return draw(
        st.sampled_from([nn.MaxPool2d(**places), nn.AvgPool2d(**places, **divisors), nn.AdaptiveAvgPool2d(sides)])
    )


@settings(deadline=None, max_examples=60)
@given(poolings(), st.integers(0, 2**20))
def test_a_pooling_counts_by_the_squares_of_what_it_does_to_one_pixel(pool, seed):
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(1, 2, 1), pool, nn.Flatten(), nn.LazyLinear(2)).double()
    network(torch.zeros(1, 1, 4, 5, dtype=torch.float64))
    # A max pooling answers a single 1 with 1 wherever its window covers it, an average pooling with its weight.
    pixels = torch.eye(20, dtype=torch.float64).view(20, 1, 4, 5)
    edges = pool(pixels).square().sum(dim=0, keepdim=True)  # (1, 1, height, width): over paths from pixels of weight 1
    first = network[0].weight.detach()[:, 0].square() + network[0].bias.detach()[:, None, None].square()
    expected = ((first * edges).flatten() * network[3].weight.square()).sum() + network[3].bias.square().sum()
    assert norm_of(network, 1, 4, 5) == pytest.approx(expected.sqrt().item(), rel=1e-10)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_without_biases_is_at_most_the_product_of_frobenius_norms(seed):
    trained = random_network("mlp_3x4", seed)
    with torch.no_grad():
        for name, parameter in trained.model.named_parameters():
            parameter.mul_(0 if name.endswith("bias") else 1)
    assert math.log(path_norm(trained)) <= frobenius_norm(trained)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(-100, 100).filter(lambda w: abs(w) > 1e-3), min_size=1, max_size=6))
def test_of_a_single_path_is_the_absolute_product_of_its_weights(weights):
    network = nn.Sequential(*(module for w in weights for module in (linear([[w]]), nn.ReLU())))
    assert norm_of(network, 1) == pytest.approx(abs(math.prod(weights)), rel=1e-12)


def test_a_float32_networks_paths_are_summed_in_float64():
    network = nn.Sequential(*(linear([[1e25]]) for _ in range(4))).float()
    assert norm_of(network, 1, dtype=torch.float32) == pytest.approx(1e100, rel=1e-6)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_sees_only_the_last_bias_among_changes_that_leave_the_predictions_as_they_are(seed):
    assert_sees_only(path_norm, {"logit_shift"}, seed)


def test_the_network_is_left_as_it_was():
    trained = random_network("convnet_bn", seed=1)
    before = copy.deepcopy(trained.model.state_dict())
    path_norm(trained)
    assert all(torch.equal(value, before[name]) for name, value in trained.model.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in trained.model.parameters())


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
    ],
)
def test_functions_that_leave_numbers_above_0_as_they_are_do_not_count(function):
    network = Functional(function).double()
    assert norm_of(network, 4) == pytest.approx(norm_of(network.layer, 4), rel=1e-12)


@pytest.mark.parametrize(
    "function, what",
    [
        (lambda self, x: F.gelu(x), "function"),
        (lambda self, x: x * self.scale, "scale"),
        (lambda self, x: F.linear(x, self.scale[None]), "scale"),
        (lambda self, x: x * x, "function"),
        (lambda self, x: x + 1, "function"),
        (lambda self, x: torch.add(x, x, alpha=2), "function"),
        (lambda self, x: x.softmax(dim=1), "method 'softmax'"),
        (lambda self, x: F.max_pool2d(x.view(-1, 1, 2, 2), 2).flatten(1), "function"),
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
        nn.AdaptiveMaxPool2d(2),
        nn.AdaptiveAvgPool2d(3),
        nn.MaxPool2d(2, dilation=2),
        nn.LPPool2d(2, 2),
        nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"),
        nn.ConvTranspose2d(1, 1, 2),
    ],
    ids=lambda module: type(module).__name__,
)
def test_modules_through_which_paths_are_unknown_are_refused_by_name(module):
    with pytest.raises(NotApplicable, match=type(module).__name__):
        norm_of(nn.Sequential(module, nn.Flatten()).double(), 1, 4, 4)


def test_l1_of_one_linear_layer_is_the_sum_of_its_absolute_weights():
    assert norm_of(linear([[3.0, 0.0], [0.0, -4.0]]), 2, measure=path_norm_l1) == 7


def test_l1_of_two_layers_with_biases_worked_out_by_hand():
    network = nn.Sequential(linear([[1.0, -2.0]], [3.0]), nn.ReLU(), linear([[-2.0]], [-5.0]))
    assert norm_of(network, 2, measure=path_norm_l1) == 2 + 4 + 6 + 5


def test_l1_counts_every_input_of_a_max_pooling_and_averages_those_of_an_average_pooling():
    head = (nn.Flatten(), linear([[-3.0]]))
    assert norm_of(nn.Sequential(nn.MaxPool2d(2), *head), 1, 2, 2, measure=path_norm_l1) == 4 * 3
    assert norm_of(nn.Sequential(nn.AvgPool2d(2), *head), 1, 2, 2, measure=path_norm_l1) == 3
    assert norm_of(nn.Sequential(nn.AdaptiveAvgPool2d(1), *head), 1, 2, 2, measure=path_norm_l1) == 3


@pytest.mark.parametrize("name", ["mlp_1x4", "mlp_2x4"])
def test_l1_of_an_mlp_is_the_sum_over_all_of_its_paths(name):
    trained = random_network(name, seed=1, size=4)
    expected, _ = enumerated(dense_layers(trained.model, (1, 4, 4)), power=1)
    assert path_norm_l1(trained) == pytest.approx(expected, rel=1e-10)


@settings(deadline=None, max_examples=3)
@given(st.integers(0, 2**20))
def test_l1_of_a_convnet_is_the_sum_over_all_paths_of_its_dense_matrices(seed):
    torch.manual_seed(seed)
    network = nn.Sequential(
        *(nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 2)),
    ).double()
    network(torch.randn(8, 1, 3, 3, dtype=torch.float64))  # gives the running statistics something to be
    expected, number = enumerated(dense_layers(network, (1, 3, 3)), power=1)
    assert number == 2 * (2 * 4 * 5 + 1)
    assert norm_of(network, 1, 3, 3, measure=path_norm_l1) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", ["convnet", "convnet_bn"])
def test_l1_of_the_harness_convnets_is_that_of_their_absolute_dense_matrices(name):
    trained = random_network(name, seed=1, size=4)
    into = np.ones(16)
    for layer in dense_layers(trained.model, (1, 4, 4)):
        into = abs(layer.matrix) @ into + abs(layer.bias)
    assert path_norm_l1(trained) == pytest.approx(into.sum(), rel=1e-10)


@settings(deadline=None, max_examples=3)
@given(st.integers(0, 1000))
def test_l1_is_at_least_the_path_norm_and_at_least_every_logit_of_inputs_up_to_1(seed):
    trained = random_network("mlp_2x4", seed, size=4)
    bounded = dataclasses.replace(trained, inputs=trained.inputs.clamp(-1, 1))
    assert path_norm_l1(trained) >= path_norm(trained)
    assert path_norm_l1(trained) >= bounded.logits.abs().sum(dim=1).max()


def test_over_a_margin_of_6_a_path_norm_of_10_is_10_over_6():
    network = nn.Sequential(linear([[8.0], [6.0]]))
    trained = trained_model(network, torch.full((1, 1), 3.0, dtype=torch.float64), torch.tensor([0]))
    assert path_norm_over_margin(trained) == pytest.approx(10 / 6, rel=1e-12)


@pytest.mark.parametrize("name", ["mlp_2x4", "convnet_bn"])
def test_over_margin_divides_by_the_naive_margin(name):
    trained = random_network(name, seed=1, size=4)
    expected = path_norm(trained) / tenth_percentile_of_margins(trained)
    assert path_norm_over_margin(trained) == pytest.approx(expected, rel=1e-9)


def test_over_margin_is_not_applicable_to_a_network_that_does_not_fit():
    trained = random_network("mlp_2x4", seed=1)
    with pytest.raises(NotApplicable, match="not above 0"):
        path_norm_over_margin(dataclasses.replace(trained, labels=(trained.labels + 1) % 3))


@settings(deadline=None, max_examples=3)
@given(st.sampled_from([path_norm_l1, path_norm_over_margin]), st.integers(0, 1000))
def test_variants_see_only_the_last_bias_among_changes_that_leave_the_predictions_as_they_are(measure, seed):
    assert_sees_only(measure, {"logit_shift"}, seed)


def test_the_squares_do_not_take_the_place_of_the_absolute_values_once_they_are_computed():
    trained = random_network("mlp_2x4", seed=1)
    first = path_norm(trained), path_norm_l1(trained)
    again = dataclasses.replace(trained)
    assert (path_norm_l1(again), path_norm(again)) == first[::-1]
