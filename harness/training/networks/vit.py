"""Vision transformers (Dosovitskiy et al. 2021, arXiv:2010.11929): a small one, and ViT-tiny for images of 32x32.

An image is cut into patches of 4x4 pixels; a linear function of each is a token, beside one token for the class. Blocks
of attention and of a two-layer network with GELU, each behind a layer normalization and beside a skip connection, work
on them. The class token's vector, normalized, goes to one linear layer.

Attention is written out in matrix products, whose second derivatives measures ask for; torch's own kernels have none.
"""

import torch
from torch import Tensor, nn

from harness.training.declaring import network
from harness.training.networks.dropout import dropped
from harness.training.networks.patches import tokens_of
from harness.training.networks.residual import Residual

PATCH = 4  # pixels each way, where the name does not say it; the paper's is 16, for images of 224x224
DEVIATION = 0.02  # of what the class token and the positions start from
EPSILON = 1e-6  # of layer normalization, as in the paper's code


@network
def vit_small(input_shape: tuple[int, ...], num_classes: int, dropout: float = 0.0) -> nn.Module:
    """Two blocks, tokens of 64 numbers, two heads; the two-layer networks are twice as wide as a token.

    It is for the digits, and much smaller than what is called ViT-S.
    """
    return _small(input_shape, num_classes, PATCH, dropout)


@network(name="vit_small_p{patch}")
def vit_patched(input_shape: tuple[int, ...], num_classes: int, patch: int, dropout: float = 0.0) -> nn.Module:
    """`vit_small` with patches of so many pixels each way: of 7, an image of 28x28 has 16 tokens in place of 49."""
    return _small(input_shape, num_classes, patch, dropout)


def _small(input_shape: tuple[int, ...], num_classes: int, patch: int, dropout: float) -> nn.Module:
    return VisionTransformer(
        input_shape, num_classes, depth=2, width=64, heads=2, expansion=2, dropout=dropout, patch=patch
    )


@network
def vit_tiny(input_shape: tuple[int, ...], num_classes: int, dropout: float = 0.0) -> nn.Module:
    """ViT-tiny of Touvron et al. 2021 (arXiv:2012.12877) but for its patches: 12 blocks, 192 numbers, 3 heads."""
    return VisionTransformer(input_shape, num_classes, depth=12, width=192, heads=3, expansion=4, dropout=dropout)


class VisionTransformer(nn.Module):
    """Patches, blocks, and a head on the class token. `dropout` is that of the two-layer networks' hidden units.

    HarnessError for images that cannot be cut into patches.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        depth: int,
        width: int,
        heads: int,
        expansion: int,
        dropout: float,
        patch: int = PATCH,
    ):
        super().__init__()
        channels, tokens = tokens_of(input_shape, patch, "vision transformer")
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        self.class_token = nn.Parameter(torch.randn(1, 1, width) * DEVIATION)
        self.positions = nn.Parameter(torch.randn(1, 1 + tokens, width) * DEVIATION)
        self.blocks = nn.Sequential(*(part for _ in range(depth) for part in _block(width, heads, expansion, dropout)))
        self.norm = nn.LayerNorm(width, EPSILON)
        self.head = nn.Linear(width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), tokens], dim=1)
        of_class = self.blocks(tokens + self.positions)[:, 0]
        logits: Tensor = self.head(self.norm(of_class))
        return logits


class Attention(nn.Module):
    """Each token's queries are compared with all tokens' keys, and it takes their values by the softmax of that."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.queries_keys_values, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        m, tokens, width = x.shape
        each = self.queries_keys_values(x).reshape(m, tokens, 3, self.heads, width // self.heads)
        queries, keys, values = each.permute(2, 0, 3, 1, 4).unbind(0)  # (m, heads, tokens, width // heads) each
        weights = (queries @ keys.transpose(-2, -1) * (width // self.heads) ** -0.5).softmax(dim=-1)
        mixed: Tensor = self.out((weights @ values).transpose(1, 2).reshape(m, tokens, width))
        return mixed


def _block(width: int, heads: int, expansion: int, dropout: float) -> tuple[nn.Module, nn.Module]:
    attention = nn.Sequential(nn.LayerNorm(width, EPSILON), Attention(width, heads))
    hidden = (nn.Linear(width, expansion * width), nn.GELU(), *dropped(dropout))
    network = nn.Sequential(nn.LayerNorm(width, EPSILON), *hidden, nn.Linear(expansion * width, width))
    return Residual(attention), Residual(network)
