"""MLP-Mixer (Tolstikhin et al. 2021, arXiv:2105.01601): a small one.

An image is cut into patches; a linear function of each is a token. In each block a two-layer network with GELU mixes
the tokens, alike for every channel, and a second one mixes the channels, alike for every token; each is behind a layer
normalization and beside a skip connection. The tokens are normalized, and their mean goes to one linear layer.
"""

from torch import Tensor, nn

from harness.training.declaring import network
from harness.training.networks.dropout import dropped
from harness.training.networks.patches import tokens_of
from harness.training.networks.residual import Residual

DEPTH = 2
WIDTH = 64
EPSILON = 1e-6  # of layer normalization


@network(name="mixer_small_p{patch}")
def mixer_small(input_shape: tuple[int, ...], num_classes: int, patch: int, dropout: float = 0.0) -> nn.Module:
    """Patches of so many pixels each way (the paper's have 16 or 32, on 224x224), two blocks, tokens of 64 numbers.

    The networks that mix are twice as wide as what they mix.
    """
    return Mixer(input_shape, num_classes, patch, dropout)


class Mixer(nn.Module):
    """Patches, blocks, and a head on the mean token. `dropout` is that of the mixing networks' hidden units.

    HarnessError for images that cannot be cut into patches.
    """

    def __init__(self, input_shape: tuple[int, ...], num_classes: int, patch: int, dropout: float):
        super().__init__()
        channels, tokens = tokens_of(input_shape, patch, "mixer")
        self.patches = nn.Conv2d(channels, WIDTH, patch, stride=patch)
        self.blocks = nn.Sequential(*(part for _ in range(DEPTH) for part in _block(tokens, dropout)))
        self.norm = nn.LayerNorm(WIDTH, EPSILON)
        self.head = nn.Linear(WIDTH, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.blocks(self.patches(x).flatten(2).transpose(1, 2))
        logits: Tensor = self.head(self.norm(tokens).mean(dim=1))
        return logits


class Transposed(nn.Module):
    """A network that is applied to the channels' values at all tokens, in place of the tokens' channels."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.network(x.transpose(1, 2)).transpose(1, 2)
        return mixed


def _block(tokens: int, dropout: float) -> tuple[nn.Module, nn.Module]:
    over_tokens = nn.Sequential(nn.LayerNorm(WIDTH, EPSILON), Transposed(_mixing(tokens, dropout)))
    over_channels = nn.Sequential(nn.LayerNorm(WIDTH, EPSILON), _mixing(WIDTH, dropout))
    return Residual(over_tokens), Residual(over_channels)


def _mixing(size: int, dropout: float) -> nn.Module:
    return nn.Sequential(nn.Linear(size, 2 * size), nn.GELU(), *dropped(dropout), nn.Linear(2 * size, size))
