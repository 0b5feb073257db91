"""A step of a stack of networks is a step of each."""

import copy

import pytest
import torch
import torch.nn.functional as F

from harness.training.network_stack import NetworkStack, detach_from_stack
from harness.training.networks.building import build
from harness.training.precision import forward
from tests.builders.group_recipes import recipes
from tests.builders.operands import Operands


def stack_of(network, size=3, **changes):
    """A stack, a batch of random images for each network, and labels."""
    networks = [build(network, (1, 8, 8), 10, seed) for seed in range(size)]
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(size, 16, 1, 8, 8, generator=generator)
    labels = torch.randint(10, (size, 16), generator=generator)
    return NetworkStack(networks, recipes(network, **changes)[0]), images, labels


@pytest.mark.parametrize("network", ["mlp_1x64", "convnet", "convnet_bn"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_every_product_has_the_recipes_precision(network, precision):
    stack, images, labels = stack_of(network, precision=precision)
    with Operands() as operands:
        stack.step(images, labels, 0.1)
    assert set(operands.types) == {getattr(torch, precision)}


@pytest.mark.parametrize("network", ["mlp_1x64", "convnet"])
def test_bfloat16_logits_are_those_of_autocast_to_the_last_bit_or_two(network):
    stack, images, _ = stack_of(network, precision="bfloat16")
    expected = torch.stack([forward(each, x, "bfloat16") for each, x in zip(stack.networks, images, strict=True)])
    ours = torch.func.vmap(stack._logits)(stack.weights, stack.buffers, images)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, expected, rtol=2**-6, atol=2**-7 * expected.abs().max().item())


@pytest.mark.parametrize("network", ["mlp_1x64", "convnet_bn"])
def test_a_step_does_not_wait_for_the_device(network):
    stack, images, labels = stack_of(network)
    with Operands() as operands:
        for _ in range(3):
            stack.step(images, labels, 0.1)
    assert sum(operands.types.values()) > 0
    assert operands.waits == 0


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_smaller_stack_goes_on_as_if_the_others_had_stayed(momentum):
    stack, images, labels = stack_of("convnet_bn", momentum=momentum)
    networks = stack.networks
    stack.step(images, labels, 0.1)
    whole = copy.deepcopy(networks)
    reference = NetworkStack(whole, stack.recipe)
    for ours, theirs in zip(stack.weights.values(), reference.weights.values(), strict=True):
        if momentum:
            reference.optimizer.state[theirs]["momentum_buffer"] = stack.optimizer.state[ours]["momentum_buffer"]
    detach_from_stack(networks[1])
    left = copy.deepcopy(networks[1].state_dict())
    stack.keep([0, 2])
    assert stack.networks == [networks[0], networks[2]]
    for _ in range(2):
        stack.step(images[[0, 2]], labels[[0, 2]], 0.1)
        reference.step(images, labels, 0.1)
    for row in (0, 2):
        for name, tensor in whole[row].state_dict().items():
            torch.testing.assert_close(networks[row].state_dict()[name], tensor, rtol=1e-4, atol=1e-6)
    assert all(torch.equal(tensor, left[name]) for name, tensor in networks[1].state_dict().items())


def test_networks_are_views_of_the_stack_until_they_leave():
    stack, images, labels = stack_of("convnet_bn")
    network = stack.networks[1]
    with torch.no_grad():
        network[0].weight.fill_(7)
        network[1].running_mean.fill_(5)
    assert torch.equal(stack.weights["0.weight"][1], network[0].weight)
    assert torch.equal(stack.buffers["1.running_mean"][1], network[1].running_mean)
    detach_from_stack(network)
    before = copy.deepcopy(network.state_dict())
    stack.step(images, labels, 0.1)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert network[0].weight.untyped_storage().nbytes() == network[0].weight.nbytes


def test_the_first_losses_are_the_networks_own():
    stack, images, labels = stack_of("convnet")
    expected = [F.cross_entropy(each(x), y) for each, x, y in zip(stack.networks, images, labels, strict=True)]
    right = [each(x).argmax(dim=1) == y for each, x, y in zip(stack.networks, images, labels, strict=True)]
    losses, correct = stack.step(images, labels, 0.1)
    torch.testing.assert_close(losses, torch.stack(expected).detach())
    assert torch.equal(correct, torch.stack(right))
