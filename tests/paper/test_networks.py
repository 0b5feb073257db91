"""The paper's networks: its numbers of parameters, its map sizes, and whatever is asked of them at other sizes."""

import copy

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.training.networks.alexnet_small import LocalResponseNorm
from harness.training.networks.building import build
from measures.folding import BATCH_NORMS, folded
from measures.weight_layers import weight_layers

pytestmark = pytest.mark.slow

PARAMETERS = {  # at 28x28x3 and ten classes
    "inception_small": 1_649_402,
    "inception_small_no_bn": 1_649_402,
    "alexnet_small": 1_387_786,
    "mlp_3x512": 1_735_178,
    "mlp_1x512": 1_209_866,
}
CONVOLUTIONAL = ("inception_small", "inception_small_no_bn", "alexnet_small")
INCEPTIONS = CONVOLUTIONAL[:2]


def images(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


@pytest.mark.parametrize("name", PARAMETERS)
def test_has_exactly_the_papers_number_of_parameters(name):
    assert sum(parameter.numel() for parameter in build(name, (3, 28, 28), 10).parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 8, 8), (3, 9, 7), (2, 1, 1)], ids=str)
@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_at_any_size_outputs_are_finite_and_every_parameter_has_a_gradient(name, shape):
    network = build(name, shape, 7)
    outputs = network(images(3, *shape))
    assert outputs.shape == (3, 7)
    assert outputs.isfinite().all()
    F.cross_entropy(outputs, torch.arange(3)).backward()
    for parameter in network.parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all()
    assert sum(bool(parameter.grad.any()) for parameter in network.parameters()) > 5
    if shape[1] >= 8:  # a map of one pixel, normalized over three images, may leave a unit dead
        assert all(parameter.grad.any() for parameter in network.parameters())


def map_sizes(name: str, size: int) -> list[tuple[int, ...]]:
    """What every module of the network gives for an image of that size, (channels, height, width), in order."""
    shapes = []
    network = build(name, (3, size, size), 10)
    for module in network:
        module.register_forward_hook(lambda module, args, output: shapes.append(tuple(output.shape[1:])))
    network(images(2, 3, size, size))
    return shapes


def test_the_maps_of_the_inceptions_halve_from_28_to_14_to_7():
    channels = [(96, 28), (64, 28), (80, 28), (160, 14), (160, 14), (160, 14), (160, 14), (144, 14), (240, 7), (336, 7)]
    expected = [(number, size, size) for number, size in [*channels, (336, 7), (336, 1)]]
    for name in INCEPTIONS:
        assert map_sizes(name, 28) == [*expected, (336,), (10,)]


def test_the_maps_of_the_alexnet_halve_from_28_to_14_to_7():
    convolution_relu_pool_norm = [(64, 28, 28), (64, 28, 28), (64, 14, 14), (64, 14, 14)]
    again = [(64, 14, 14), (64, 14, 14), (64, 7, 7), (64, 7, 7)]
    linear = [(3136,), (384,), (384,), (192,), (192,), (10,)]
    assert map_sizes("alexnet_small", 28) == [*convolution_relu_pool_norm, *again, *linear]


def test_the_alexnet_pools_before_it_normalizes():
    twice = [nn.Conv2d, nn.ReLU, nn.MaxPool2d, LocalResponseNorm] * 2
    linear = [nn.Flatten, nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    assert [type(module) for module in build_small("alexnet_small")] == [*twice, *linear]


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_poolings_take_the_largest_of_three_by_three_every_second_pixel(name):
    pools = [module for module in build_small(name).modules() if isinstance(module, nn.MaxPool2d)]
    assert len(pools) == 2
    x = images(2, 3, 8, 5)
    expected = torch.empty(2, 3, 4, 3)
    for row in range(4):
        for column in range(3):
            window = x[:, :, max(0, 2 * row - 1) : 2 * row + 2, max(0, 2 * column - 1) : 2 * column + 2]
            expected[:, :, row, column] = window.amax(dim=(2, 3))
    for pool in pools:
        assert torch.equal(pool(x), expected)


def test_filters_are_those_of_the_papers_figure():
    sizes = [(each.out_channels, each.kernel_size[0], each.stride[0]) for each in convolutions(build_small())]
    modules = [(32, 32), (32, 48), 80, (112, 48), (96, 64), (80, 80), (48, 96), 96, (176, 160), (176, 160)]
    expected = [(96, 3, 1)]
    for module in modules:
        expected += [(module, 3, 2)] if isinstance(module, int) else [(module[0], 1, 1), (module[1], 3, 1)]
    assert sizes == expected


def build_small(name: str = "inception_small", seed: int = 0) -> nn.Module:
    return build(name, (1, 8, 8), 4, seed)


def test_batch_normalization_has_a_shift_and_no_scale_and_takes_the_place_of_the_biases():
    norms = [module for module in build_small().modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == len(convolutions(build_small())) == 19
    assert all([name for name, _ in norm.named_parameters()] == ["bias"] for norm in norms)
    assert all(each.bias is None for each in convolutions(build_small()))
    without = build_small("inception_small_no_bn")
    assert not any(isinstance(module, BATCH_NORMS) for module in without.modules())
    assert all(each.bias is not None for each in convolutions(without))


def test_a_convolution_of_the_inception_is_normalized_then_rectified():
    network = build_small()
    first, x = network[0], images(5, 1, 8, 8)
    maps = F.conv2d(x, first.convolution.weight, padding=1)
    mean, variance = maps.mean(dim=(0, 2, 3), keepdim=True), maps.var(dim=(0, 2, 3), keepdim=True, correction=0)
    with torch.no_grad():
        first.normalization.bias.copy_(torch.linspace(-1, 1, 96))
    expected = ((maps - mean) / (variance + 1e-5).sqrt() + torch.linspace(-1, 1, 96)[:, None, None]).clamp_min(0)
    torch.testing.assert_close(first(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", INCEPTIONS)
def test_a_signal_comes_through_the_inception_neither_lost_nor_swollen(name):
    outputs = build(name, (3, 28, 28), 10)(images(8, 3, 28, 28))
    assert 0.02 < outputs.std().item() < 20
    for each in convolutions(build_small(name)):
        deviation = (2 / each.weight[0].numel()) ** 0.5
        assert each.weight.std().item() == pytest.approx(deviation, rel=0.2)
        assert each.bias is None or not each.bias.any()


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_the_weights_are_a_function_of_the_seed_and_the_global_random_state_is_left_alone(name):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = build_small(name, 5).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    again, other = build_small(name, 5).state_dict(), build_small(name, 6).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    weights = [key for key in first if key.endswith("weight")]
    assert len(weights) == (5 if name == "alexnet_small" else 20)
    assert not any(torch.equal(first[key], other[key]) for key in weights)


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_dropout_acts_on_what_enters_a_linear_layer_and_leaves_the_weights_as_they_are(name):
    plain, network = build_small(name), build(name, (1, 8, 8), 4, 0, dropout=0.5)
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), network.parameters(), strict=True))
    x = images(3, 1, 8, 8)
    assert torch.equal(plain.eval()(x), network.eval()(x))
    kinds = [type(module) for module in network]
    followers = [kinds[i + 1] for i, kind in enumerate(kinds) if kind is nn.Dropout]
    assert followers == [nn.Linear] * (2 if name == "alexnet_small" else 1)


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_curvature_can_be_taken_through_it(name):
    network = build_small(name).eval()
    parameters = list(network.parameters())
    loss = F.cross_entropy(network(images(3, 1, 8, 8)), torch.arange(3))
    gradients = torch.autograd.grad(loss, parameters, create_graph=True)
    curvature = torch.autograd.grad(sum(each.sum() for each in gradients), parameters)
    assert all(each.isfinite().all() for each in curvature)
    assert any(each.any() for each in curvature)


# Local response normalization


def naive_local_response(x: Tensor) -> Tensor:
    """Krizhevsky et al. 2012, section 3.3, channel by channel."""
    result = torch.empty_like(x)
    for channel in range(x.shape[1]):
        total = torch.zeros_like(x[:, 0])
        for other in range(max(0, channel - 4), min(x.shape[1], channel + 5)):
            total += x[:, other] ** 2
        result[:, channel] = x[:, channel] / (1 + 0.001 / 9 * total) ** 0.75
    return result


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.integers(1, 30), st.integers(1, 3), st.floats(-1, 3))
def test_local_response_normalization_is_a_plain_loop_and_torchs_own(seed, channels, size, scale):
    generator = torch.Generator().manual_seed(seed)
    x = 10**scale * torch.randn(2, channels, size, size, generator=generator, dtype=torch.float64)
    ours = LocalResponseNorm(channels)(x)
    torch.testing.assert_close(ours, naive_local_response(x))
    torch.testing.assert_close(ours, nn.LocalResponseNorm(9, alpha=0.001, beta=0.75, k=1)(x))


def test_local_response_normalization_has_torchs_gradient_and_no_parameters():
    ours, theirs = LocalResponseNorm(12), nn.LocalResponseNorm(9, alpha=0.001, beta=0.75, k=1)
    x = (30 * images(2, 12, 3, 3)).requires_grad_()
    gradients = [torch.autograd.grad(module(x).square().sum(), x)[0] for module in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-3)
    assert not list(ours.parameters()) and not ours.state_dict()


# What measures do with them


def after_some_steps(name: str) -> tuple[nn.Module, nn.Module, Tensor]:
    """The network after a few passes that give its running statistics something to be, its start, and images."""
    network, x = build_small(name), images(12, 1, 8, 8)
    init = copy.deepcopy(network).eval()
    for step in range(3):
        network(x + step)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.01 * images(*parameter.shape))
    return network.eval(), init, x


def test_batch_normalization_of_the_inception_folds_into_its_convolutions():
    network, _, x = after_some_steps("inception_small")
    without = folded(network, x)
    assert not any(isinstance(module, BATCH_NORMS) for module in without.modules())
    assert len(convolutions(without)) == 19
    assert all(each.bias is not None for each in convolutions(without))
    with torch.no_grad():
        torch.testing.assert_close(without(x), network(x), rtol=1e-3, atol=1e-4)
    first = network[0]
    scale = (first.normalization.running_var + 1e-5).rsqrt()
    torch.testing.assert_close(convolutions(without)[0].weight, first.convolution.weight * scale[:, None, None, None])


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_its_weight_layers_are_found_in_the_order_in_which_they_are_applied(name):
    network, init, x = after_some_steps(name)
    layers = weight_layers(network, init, x)
    fan_outs = [layer.weight.shape[0] for layer in layers]
    if name == "alexnet_small":
        assert fan_outs == [64, 64, 384, 192, 4]
        assert [layer.output_shape for layer in layers[:2]] == [(64, 8, 8), (64, 4, 4)]
    else:
        expected = [96, 32, 32, 32, 48, 80, 112, 48, 96, 64, 80, 80, 48, 96, 96, 176, 160, 176, 160, 4]
        assert fan_outs == expected
        assert [layer.output_shape[1] for layer in layers[:-1]] == [8] * 5 + [4] * 9 + [2] * 5
    for layer in layers:
        assert layer.init_weight.shape == layer.weight.shape
        assert not torch.equal(layer.init_weight, layer.weight)


# ImageNet's


@pytest.mark.parametrize("shape", [(3, 74, 75), (3, 75, 74), (1, 75, 75), (3, 32, 32)])
def test_inception_v3_refuses_images_that_it_cannot_take_in_a_sentence(shape):
    with pytest.raises(
        HarnessError, match=r"inception_v3 cannot take images of \(\d, \d\d, \d\d\) .*3 channels and 75"
    ):
        build("inception_v3", shape, 5)


@pytest.mark.slow
def test_inception_v3_takes_images_of_75_pixels_and_has_one_output():
    network = build("inception_v3", (3, 75, 75), 5, dropout=0.25)
    for mode in (True, False):
        outputs = network.train(mode)(images(2, 3, 75, 75))
        assert outputs.shape == (2, 5)
        assert outputs.isfinite().all()
    assert [module.p for module in network.modules() if isinstance(module, nn.Dropout)] == [0.25]
    assert not any(name.startswith("AuxLogits") for name, _ in network.named_parameters())
    assert build("inception_v3", (3, 299, 299), 5).fc.weight.shape == (5, 2048)
