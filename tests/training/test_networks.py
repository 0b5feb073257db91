import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from harness.errors import HarnessError
from harness.training.networks.building import build

NAMES = ["mlp_1x8", "mlp_3x5", "convnet", "convnet_bn"]
SHAPES = [(1, 8, 8), (3, 32, 32), (1, 28, 28), (1, 7, 9), (2, 2, 3)]


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("num_classes", [2, 10])
def test_maps_a_batch_of_images_to_a_logit_for_each_class(name, shape, num_classes):
    network = build(name, shape, num_classes)
    assert network.training
    assert network(torch.rand(4, *shape)).shape == (4, num_classes)


@settings(deadline=None, max_examples=20)
@given(
    st.integers(1, 4), st.integers(1, 30), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.integers(2, 12)
)
def test_an_mlp_has_the_weights_and_biases_of_its_layers(depth, width, channels, height, numbers, classes):
    size = channels * height * numbers
    expected = (size + 1) * width + (depth - 1) * (width + 1) * width + (width + 1) * classes
    network = build(f"mlp_{depth}x{width}", (channels, height, numbers), classes)
    assert num_parameters(network) == expected


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 3), st.integers(2, 12), st.integers(2, 12), st.integers(2, 12))
def test_a_convnet_has_the_weights_and_biases_of_its_layers(channels, height, width, classes):
    convolutions = (9 * channels + 1) * 16 + (9 * 16 + 1) * 32
    head = (32 * (height // 2) * (width // 2) + 1) * 128 + (128 + 1) * classes
    assert num_parameters(build("convnet", (channels, height, width), classes)) == convolutions + head
    scales_and_shifts = 2 * (16 + 32)
    with_bn = build("convnet_bn", (channels, height, width), classes)
    assert num_parameters(with_bn) == convolutions + scales_and_shifts + head


def test_the_digits_networks_have_the_sizes_that_were_measured():
    sizes = {name: num_parameters(build(name, (1, 8, 8), 10)) for name in ("mlp_1x512", "mlp_3x256", "convnet")}
    assert sizes == {"mlp_1x512": 38_410, "mlp_3x256": 150_794, "convnet": 71_754}


def test_an_mlp_has_as_many_hidden_layers_as_its_name_says_each_followed_by_relu():
    kinds = [type(module) for module in build("mlp_2x7", (1, 8, 8), 10)]
    assert kinds == [nn.Flatten, nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]


def test_batch_normalization_follows_each_convolution():
    kinds = [type(module) for module in build("convnet_bn", (1, 8, 8), 10)]
    for place, kind in enumerate(kinds):
        if kind is nn.Conv2d:
            assert kinds[place + 1 : place + 3] == [nn.BatchNorm2d, nn.ReLU]
    assert kinds.count(nn.BatchNorm2d) == 2


def test_dropout_follows_the_hidden_linear_layers_and_nothing_else():
    mlp = build("mlp_2x7", (1, 8, 8), 10, dropout=0.3)
    hidden = [nn.Linear, nn.ReLU, nn.Dropout]
    assert [type(module) for module in mlp] == [nn.Flatten, *hidden, *hidden, nn.Linear]
    for name in ("convnet", "convnet_bn"):
        network = build(name, (1, 8, 8), 10, dropout=0.3)
        plain = [type(module) for module in build(name, (1, 8, 8), 10)]
        assert plain[-3:] == [nn.Linear, nn.ReLU, nn.Linear]
        assert [type(module) for module in network] == [*plain[:-1], nn.Dropout, nn.Linear]
    assert {module.p for module in mlp if isinstance(module, nn.Dropout)} == {0.3}


@pytest.mark.parametrize("name", NAMES)
def test_without_dropout_there_is_no_such_layer(name):
    assert not any(isinstance(module, nn.Dropout) for module in build(name, (1, 8, 8), 10))


@pytest.mark.parametrize("name", NAMES)
def test_dropout_leaves_the_weights_and_the_function_outside_of_training_as_they_are(name):
    plain, network = build(name, (1, 8, 8), 10, 3), build(name, (1, 8, 8), 10, 3, dropout=0.5)
    for ours, theirs in zip(network.parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    images = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network.eval()(images), plain.eval()(images))


@settings(deadline=None, max_examples=10)
@given(st.sampled_from(NAMES), st.integers(0, 2**63 - 1))
def test_the_weights_are_a_function_of_the_seed(name, seed):
    torch.manual_seed(1)
    first = build(name, (1, 8, 8), 10, seed).state_dict()
    torch.manual_seed(2)
    again = build(name, (1, 8, 8), 10, seed).state_dict()
    other = build(name, (1, 8, 8), 10, seed ^ 1).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not any(torch.equal(first[key], other[key]) for key in first if key.endswith("0.weight"))


def test_initial_weights_are_within_one_over_the_root_of_the_fan_in():
    for module in build("convnet", (3, 8, 8), 10, 5):
        if isinstance(module, nn.Conv2d | nn.Linear):
            limit = module.weight[0].numel() ** -0.5
            assert 0.9 * limit < module.weight.abs().max() <= limit * (1 + 1e-6)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("name", NAMES)
def test_the_global_random_state_is_left_as_it_was(name, dropout):
    state = torch.get_rng_state()
    build(name, (1, 8, 8), 10, 7, dropout)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    "name",
    ["resnet", "mlp", "mlp_3", "mlp_x5", "mlp_1x512x", "xmlp_1x5", "convnet_", "CONVNET", "inception", "alexnet", ""],
)
def test_an_unknown_name_is_refused_with_the_known_ones(name):
    with pytest.raises(HarnessError, match=rf"unknown network '{name}'; known: ") as refusal:
        build(name, (1, 8, 8), 10)
    for known in ("mlp_<depth>x<width>", "convnet_bn", "alexnet_small", "inception_small_no_bn", "inception_v3"):
        assert f" {known}" in str(refusal.value)
