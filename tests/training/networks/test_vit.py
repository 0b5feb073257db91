"""Vision transformers, beside torchvision's."""

import pytest
import torch
from torchvision.models import VisionTransformer

from harness.errors import HarnessError
from harness.training.networks.building import build

SIZES = {
    "vit_small": {"num_layers": 2, "num_heads": 2, "hidden_dim": 64, "mlp_dim": 128},
    "vit_tiny": {"num_layers": 12, "num_heads": 3, "hidden_dim": 192, "mlp_dim": 768},
}


def torchvisions(name, size, num_classes=10):
    return VisionTransformer(image_size=size, patch_size=4, num_classes=num_classes, **SIZES[name])


@pytest.mark.parametrize("size", [8, 32])
def test_vit_small_has_the_weights_and_biases_of_its_layers(size):
    tokens = (size // 4) ** 2 + 1
    attention, mlp, norms = 64 * (3 * 64 + 64) + 3 * 64 + 64, 2 * 64 * 128 + 128 + 64, 2 * 2 * 64
    patches, rest = (16 * 3 + 1) * 64, 2 * 64 + (64 + 1) * 10
    expected = patches + 64 + tokens * 64 + 2 * (attention + mlp + norms) + rest
    assert sum(parameter.numel() for parameter in build("vit_small", (3, size, size), 10).parameters()) == expected


def test_vit_tiny_has_the_published_number_of_parameters_but_for_patches_positions_and_head():
    """5,717,416 with patches of 16x16, 197 positions and 1,000 classes (5.7 million in DeiT's paper)."""
    ours = sum(parameter.numel() for parameter in build("vit_tiny", (3, 32, 32), 10).parameters())
    patches, positions, head = 192 * 3 * (16**2 - 4**2), 192 * (197 - 65), 193 * (1000 - 10)
    assert ours + patches + positions + head == 5_717_416


@pytest.mark.parametrize(("name", "size"), [("vit_small", 8), ("vit_tiny", 32)])
def test_it_is_torchvisions_function_of_the_same_weights(name, size):
    """Their two-layer networks, and all else, have their weights in the order of ours but for the head of the file."""
    ours, theirs = build(name, (3, size, size), 10).eval(), torchvisions(name, size).eval()
    weights = dict(ours.named_parameters())
    first = {
        "class_token": weights.pop("class_token"),
        "conv_proj.weight": weights.pop("patches.weight"),
        "conv_proj.bias": weights.pop("patches.bias"),
        "encoder.pos_embedding": weights.pop("positions"),
    }
    others = [name for name, _ in theirs.named_parameters() if name not in first]
    state = first | dict(zip(others, weights.values(), strict=True))
    theirs.load_state_dict(state)
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-5)


def test_attention_sees_where_a_patch_is():
    network = build("vit_small", (1, 8, 8), 10).eval()
    images = torch.randn(3, 1, 8, 8)
    with torch.no_grad():
        assert not torch.allclose(network(images), network(images.roll(4, dims=2)), atol=1e-4)
        network.positions.zero_()
        assert torch.allclose(network(images), network(images.roll(4, dims=2)), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 7, 8), (3, 32, 30)])
def test_images_that_cannot_be_cut_into_patches_are_refused_with_what_to_do(shape):
    with pytest.raises(
        HarnessError, match=rf"images of {shape[1]}x{shape[2]} cannot be cut .* crop them to a multiple"
    ):
        build("vit_small", shape, 10)
