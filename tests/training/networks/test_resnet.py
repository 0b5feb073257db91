"""Residual convolutional networks, beside torchvision's."""

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from harness.training.networks.building import build

STEM, KERNELS = 9 * 1 * 16, 9 * (2 * 16 * 16 + 16 * 32 + 32 * 32) + 16 * 32
SCALES_AND_SHIFTS = 2 * (16 + 2 * 16 + 2 * 32 + 32)


@pytest.mark.parametrize("name", ["resnet_small", "resnet_small_gn"])
@pytest.mark.parametrize(("size", "positions"), [(8, 16), (28, 196), (7, 16)])
def test_a_small_one_has_the_weights_of_its_layers(name, size, positions):
    head = (32 * positions + 1) * 10
    network = build(name, (1, size, size), 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == STEM + KERNELS + SCALES_AND_SHIFTS + head


def test_resnet18_has_the_published_number_of_parameters():
    network = build("resnet18", (3, 32, 32), 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == 11_173_962  # 11.17 million


def test_resnet18_is_torchvisions_after_another_first_convolution_and_without_its_pooling():
    ours, theirs = build("resnet18", (3, 16, 16), 10), resnet18(num_classes=10)
    theirs.conv1, theirs.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    matched = zip(theirs.state_dict().values(), _in_their_order(ours), strict=True)
    with torch.no_grad():
        for tensor, value in matched:
            tensor.copy_(value)
        images = torch.randn(2, 3, 16, 16)
        for training in (True, False):
            expected = theirs.train(training)(images)
            torch.testing.assert_close(ours.train(training)(images), expected, rtol=1e-4, atol=1e-5)


def _in_their_order(network: nn.Module) -> list[torch.Tensor]:
    """Ours: branch, then shortcut of every block, which is their order too."""
    return [*network.state_dict().values()]


@pytest.mark.parametrize(("name", "alone"), [("resnet_small", False), ("resnet_small_gn", True)])
def test_in_training_an_example_is_by_itself_under_group_normalization_alone(name, alone):
    network, images = build(name, (1, 8, 8), 10), torch.randn(4, 1, 8, 8)
    with torch.no_grad():
        assert torch.allclose(network(images)[:2], network(images[:2]), atol=1e-5) == alone


@pytest.mark.parametrize(
    ("name", "norm", "activation"),
    [("resnet_small", nn.BatchNorm2d, nn.ReLU), ("resnet_small_gn", nn.GroupNorm, nn.GELU)],
)
def test_a_normalization_follows_every_convolution(name, norm, activation):
    kinds = [type(module) for module in build(name, (1, 8, 8), 10).modules()]
    assert kinds.count(nn.Conv2d) == kinds.count(norm) == 6
    assert kinds.count(activation) == 5
    for place, kind in enumerate(kinds):
        assert kind is not nn.Conv2d or kinds[place + 1] is norm
