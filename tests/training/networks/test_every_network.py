"""What holds for every network of today's kinds: the small ones for the digits, and those for images of 32x32."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness.errors import HarnessError
from harness.training.networks.building import build, network_named
from harness.training.recipe import Recipe
from measures.networks.watched_call import runs_plainly

pytestmark = pytest.mark.slow

SMALL = ["residual_mlp_2x16", "resnet_small", "resnet_small_gn", "vit_small"]
SMALL += ["all_convolutional", "convnet_s2", "convnet_bn_s2", "resnet_small_s2", "resnet_small_gn_s2"]
SMALL += ["vit_small_p2", "mixer_small_p4"]
LARGE = ["resnet18", "vit_tiny"]
OF_IMAGES = ["convnet", "alexnet_small", "inception_small", "inception_v3", "resnet_small", "resnet18", "vit_small"]
OF_IMAGES += ["all_convolutional", "convnet_s2", "resnet_small_s2", "mixer_small_p4"]


def images(shape=(1, 8, 8), count=4):
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 8, 12)])
@pytest.mark.parametrize("num_classes", [2, 10])
def test_maps_a_batch_of_images_to_a_logit_for_each_class(name, shape, num_classes):
    network = build(name, shape, num_classes)
    assert network.training
    assert network(images(shape)).shape == (4, num_classes)


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32)])
def test_large_networks_take_small_images_too(name, shape):
    with torch.no_grad():
        assert build(name, shape, 10)(images(shape, 2)).shape == (2, 10)


@pytest.mark.parametrize("name", [*SMALL, *LARGE])
def test_weights_are_a_function_of_the_seed_and_the_global_random_state_is_left_as_it_was(name):
    state = torch.get_rng_state()
    first, again, other = (build(name, (1, 8, 8), 10, seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[key], again[key]) for key in first)
    drawn = [key for key, value in first.items() if value.is_floating_point() and value.unique().numel() > 1]
    assert drawn
    assert not any(torch.equal(first[key], other[key]) for key in drawn)


@pytest.mark.parametrize("name", [*SMALL, *LARGE])
def test_every_parameter_has_a_gradient(name):
    network = build(name, (1, 8, 8), 10)
    F.cross_entropy(network(images()), torch.arange(4)).backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().max() > 0, key


@pytest.mark.parametrize("name", SMALL)
def test_measures_can_use_it_as_it_is_and_differentiate_it_twice(name):
    network = build(name, (1, 8, 8), 10).eval()
    assert runs_plainly(network, images())
    inputs = images().requires_grad_()
    (gradient,) = torch.autograd.grad(network(inputs).square().sum(), inputs, create_graph=True)
    gradient.square().sum().backward()
    assert inputs.grad is not None and inputs.grad.isfinite().all() and inputs.grad.abs().max() > 0


@pytest.mark.parametrize("name", [*SMALL, *LARGE])
def test_dropout_drops_in_training_alone_and_leaves_the_weights_as_they_are(name):
    plain, network = build(name, (1, 8, 8), 10, 3), build(name, (1, 8, 8), 10, 3, dropout=0.5)
    assert network_named(name).takes_dropout
    assert not any(isinstance(module, nn.Dropout) for module in plain.modules())
    assert {module.p for module in network.modules() if isinstance(module, nn.Dropout)} == {0.5}
    pairs = zip(network.parameters(), plain.parameters(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
    with torch.no_grad():
        assert not torch.equal(network(images()), network(images()))
        assert torch.equal(copy.deepcopy(network).eval()(images()), network.eval()(images()))


@pytest.mark.parametrize("name", OF_IMAGES)
def test_a_table_is_refused_in_a_sentence_by_a_network_of_images(name):
    with pytest.raises(HarnessError, match=r"inputs of \(13,\) are not images \(channels, height, width\)"):
        build(name, (13,), 10)


def test_a_residual_mlp_takes_a_table():
    assert build("residual_mlp_1x16", (13,), 3)(torch.randn(4, 13)).shape == (4, 3)


def test_the_names_say_how_many_blocks_there_are_and_how_wide():
    assert network_named("residual_mlp_3x17").given == {"depth": 3, "width": 17}
    assert network_named("mlp_3x17").function is not network_named("residual_mlp_3x17").function


@pytest.mark.parametrize("name", SMALL)
def test_a_recipe_of_it_needs_no_digest_of_code(name):
    assert network_named(name).code == Recipe(data_set="digits", network=name, learning_rate=0.1, seed=0).network_code


@pytest.mark.parametrize("name", ["convnet", "convnet_bn", "resnet_small", "resnet_small_gn"])
def test_a_stride_of_one_is_the_network_without_a_stride_in_its_name(name):
    plain, strided = build(name, (1, 8, 8), 10, 3), build(f"{name}_s1", (1, 8, 8), 10, 3)
    assert torch.equal(plain(images()), strided(images()))


@pytest.mark.parametrize("name", ["convnet_s2", "convnet_bn_s2", "resnet_small_s2", "resnet_small_gn_s2"])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 27, 29)])
def test_a_stride_halves_the_first_convolutions_output_and_changes_nothing_else_of_it(name, shape):
    plain, strided = build(name.removesuffix("_s2"), shape, 10), build(name, shape, 10)
    first, other = (next(layer for layer in net.modules() if isinstance(layer, nn.Conv2d)) for net in (plain, strided))
    assert torch.equal(first.weight, other.weight)
    assert torch.equal(first(images(shape))[..., ::2, ::2], other(images(shape)))


@pytest.mark.parametrize(("name", "what"), [("vit_small_p7", "vision transformer"), ("mixer_small_p7", "mixer")])
def test_images_that_cannot_be_cut_into_patches_are_refused_in_a_sentence(name, what):
    with pytest.raises(HarnessError, match=rf"8x14 cannot be cut into patches of 7x7, which a {what} reads; crop them"):
        build(name, (1, 8, 14), 10)
