import copy
import itertools
import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn
from torchvision.models import resnet18

from measures.folding import folded
from measures.norms.frobenius_norm import frobenius_norm
from measures.norms.path_norm import path_norm, path_norm_l1
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.networks.modern_networks import fitted
from tests.references.dense_networks import dense_layers, unrolled_convolution
from tests.references.paths import enumerated, linear, norm_of


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
    sides = draw(st.sampled_from([(1, 1), (2, 5), (1, None), (3, 2), (4, 3)]))
    pools = nn.MaxPool2d(**places), nn.AvgPool2d(**places, **divisors)
    return draw(st.sampled_from([*pools, nn.AdaptiveAvgPool2d(sides), nn.AdaptiveMaxPool2d(sides)]))


@pytest.mark.slow
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


@pytest.mark.slow
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


class TwoSkips(nn.Module):
    """Linear layers a, b, c with skip connections around b, and around b and c together."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = (nn.Linear(3, 3, bias=False, dtype=torch.float64) for _ in range(3))

    def forward(self, x):
        x = torch.relu(self.a(x))
        y = x + torch.relu(self.b(x))
        return self.c(y) + x


def test_of_a_residual_network_is_the_sum_over_all_paths_one_by_one():
    torch.manual_seed(0)
    network = TwoSkips()
    a, b, c = (layer.weight.tolist() for layer in (network.a, network.b, network.c))
    paths = []
    for i, j, k, m in itertools.product(range(3), repeat=4):  # input i, units j and k, output m
        paths.append(c[m][k] * b[k][j] * a[j][i])
        if k == j:
            paths.append(c[m][k] * a[j][i])  # around b
            if m == k:
                paths.append(a[j][i])  # around b and c
    assert len(paths) == 81 + 27 + 9
    assert norm_of(network, 3) == pytest.approx(math.sqrt(math.fsum(p * p for p in paths)), rel=1e-12)
    assert norm_of(network, 3, measure=path_norm_l1) == pytest.approx(math.fsum(map(abs, paths)), rel=1e-12)


def test_of_a_residual_convnet_with_batch_norm_is_that_of_its_squared_dense_matrices():
    trained = fitted("residual network")
    network, x = folded(trained.model, trained.inputs).double(), torch.ones(64, dtype=torch.float64)

    def apply(layer, x, *shape):
        dense = unrolled_convolution(layer.weight, shape, layer.stride, layer.padding)
        positions = len(dense) // layer.out_channels
        return torch.from_numpy(dense**2) @ x + layer.bias.detach().square().repeat_interleave(positions)

    with torch.no_grad():
        x = apply(network.stem, x, 1, 8, 8)
        for block, shape in zip(network.blocks.children(), [(8, 8, 8), (16, 4, 4)], strict=True):
            inner = apply(block.first, x, *shape)
            halved = (block.first.out_channels, shape[1] // 2, shape[2] // 2)
            x = apply(block.project, x, *shape) + apply(block.second, inner, *halved)
        x = x.view(64, 4).sum(dim=1) / 16
        total = (network.head.weight.square() @ x + network.head.bias.square()).sum()
    assert path_norm(trained) == pytest.approx(float(total.sqrt()), rel=1e-6)
