"""MLP-Mixer: its size, and what its parts see."""

import pytest
import torch

from harness.training.networks.building import build


@pytest.mark.parametrize(("size", "patch"), [(8, 4), (28, 7), (32, 4)])
def test_it_has_the_weights_and_biases_of_its_layers(size, patch):
    tokens = (size // patch) ** 2
    over_tokens = 2 * tokens * 2 * tokens + 3 * tokens
    over_channels = 2 * 64 * 2 * 64 + 3 * 64
    patches, norms, head = (3 * patch**2 + 1) * 64, (2 * 2 + 1) * 2 * 64, (64 + 1) * 10
    network = build(f"mixer_small_p{patch}", (3, size, size), 10)
    expected = patches + 2 * (over_tokens + over_channels) + norms + head
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_without_the_mixing_of_tokens_no_patch_sees_another_and_their_places_do_not_matter():
    network = build("mixer_small_p4", (1, 8, 8), 10).eval()
    images = torch.randn(3, 1, 8, 8)
    rolled = images.roll(4, dims=2)
    with torch.no_grad():
        assert not torch.allclose(network(images), network(rolled), atol=1e-4)
        for block in list(network.blocks)[::2]:
            for parameter in block.branch[1].parameters():
                parameter.zero_()
        torch.testing.assert_close(network(images), network(rolled))


def test_it_is_the_papers_function_of_the_same_weights():
    """Eqs. 1 of the paper, written for one image, one token and one channel at a time."""
    network = build("mixer_small_p4", (1, 8, 8), 10).double().eval()
    image = torch.randn(1, 8, 8, dtype=torch.float64)

    def normalized(layer, x):
        centred = x - x.mean(-1, keepdim=True)
        return centred / (centred.square().mean(-1, keepdim=True) + layer.eps).sqrt() * layer.weight + layer.bias

    def mixed(layers, x):
        hidden = layers[0].weight @ x + layers[0].bias
        return layers[2].weight @ torch.nn.functional.gelu(hidden) + layers[2].bias

    with torch.no_grad():
        patches = [image[:, i : i + 4, j : j + 4].flatten() for i in (0, 4) for j in (0, 4)]
        weight = network.patches.weight.flatten(1)
        x = torch.stack([weight @ patch + network.patches.bias for patch in patches])  # (tokens, channels)
        blocks = [block.branch for block in network.blocks]
        for tokens, channels in zip(blocks[::2], blocks[1::2], strict=True):
            seen = normalized(tokens[0], x)
            x = x + torch.stack([mixed(tokens[1].network, seen[:, c]) for c in range(x.shape[1])], dim=1)
            seen = normalized(channels[0], x)
            x = x + torch.stack([mixed(channels[1], token) for token in seen])
        expected = network.head.weight @ normalized(network.norm, x).mean(0) + network.head.bias
        torch.testing.assert_close(network(image[None])[0], expected)
