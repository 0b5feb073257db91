"""The random convolutional net: one layer of random filters on whitened patches, rectified on both sides, pooled.

    p̂ = W ((p − mean p) / √(var p + 10/255²) − μ)     p: a 6x6 patch; W, μ: ZCA whitening, ε = 0.1
    z = ⟨d, p̂⟩     max(0, z − t) and max(0, −z − t), summed over each quadrant of the image

Coates & Ng 2012 (Learning feature representations with k-means), as Zhang et al. 2017, section 5, use it: with filters
at random in place of learned ones. 32,000 filters make 256,000 features; these are made in parts (`feature_parts`) and
only summed into the kernel matrix.
"""

import dataclasses
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.seeding import seeded_generator

PATCH = 6
CONTRAST = 10 / 255**2
ZCA_EPSILON = 0.1
THRESHOLD = 1.0
WHITENING_PATCHES = 100_000
FILTERS_AT_ONCE = 500
IMAGES_AT_ONCE = 4
QUADRANTS, SIDES = 4, 2
SETTINGS = {
    "features": "random_convolution",
    "patch": PATCH,
    "contrast": CONTRAST,
    "zca_epsilon": ZCA_EPSILON,
    "threshold": THRESHOLD,
    "filters_at_once": FILTERS_AT_ONCE,
}


@dataclasses.dataclass(frozen=True, eq=False)
class Whitening:
    """ZCA whitening of contrast-normalised patches: `mean` (d,) and the symmetric `matrix` (d, d)."""

    mean: Tensor
    matrix: Tensor


@dataclasses.dataclass(frozen=True, eq=False)
class RandomNet:
    """Filters on contrast-normalised patches (filters, d), whitening included, and what is subtracted from their
    products (filters,)."""

    filters: Tensor
    offsets: Tensor
    threshold: float = THRESHOLD

    def __call__(self, images: Tensor) -> Tensor:
        """Features (n, sides · quadrants · filters) of images (n, channels, height, width) in [0, 1]."""
        features = torch.empty(len(images), SIDES * QUADRANTS * len(self.filters))
        for start in range(0, len(images), IMAGES_AT_ONCE):
            features[start : start + IMAGES_AT_ONCE] = self._features(images[start : start + IMAGES_AT_ONCE])
        return features

    def _features(self, images: Tensor) -> Tensor:
        found = patches(images)
        n, positions, length = found.shape
        z = torch.addmm(-self.offsets, found.reshape(-1, length), self.filters.T).view(n, positions, -1)
        quadrants = quadrant_sums(images).expand(n, -1, -1)
        shrunk = F.softshrink(z, self.threshold)  # max(0, z − t) − max(0, −z − t); its modulus is their sum
        difference = torch.bmm(quadrants, shrunk)
        total = torch.bmm(quadrants, shrunk.abs_())
        return torch.stack([total + difference, total - difference], dim=1).flatten(1) / 2


def random_net(whitening: Whitening, num_filters: int, generator: torch.Generator) -> RandomNet:
    """Filters of length 1 in directions that are uniform among whitened patches."""
    drawn = torch.randn(num_filters, len(whitening.mean), generator=generator)
    filters = F.normalize(drawn, dim=1) @ whitening.matrix
    return RandomNet(filters, filters @ whitening.mean)


def patches(images: Tensor) -> Tensor:
    """All patches (n, positions, channels · 36) of images (n, channels, height, width), contrast-normalised."""
    found = F.unfold(images, PATCH).transpose(1, 2)
    centred = found - found.mean(dim=2, keepdim=True)
    return centred.mul_((centred.square().mean(dim=2, keepdim=True) + CONTRAST).rsqrt_())


def fit_whitening(images: Tensor, generator: torch.Generator) -> Whitening:
    """From 100,000 patches at random places of the (training) images."""
    height, width = (size - PATCH + 1 for size in images.shape[2:])
    chosen = torch.randint(len(images), (WHITENING_PATCHES,), generator=generator)
    places = torch.randint(height * width, (WHITENING_PATCHES,), generator=generator)
    top, left = places // width, places % width
    within = torch.arange(PATCH)
    rows, columns = (top[:, None] + within)[:, :, None], (left[:, None] + within)[:, None, :]
    drawn = patches(images[chosen[:, None, None], :, rows, columns].permute(0, 3, 1, 2))[:, 0].double()
    mean = drawn.mean(dim=0)
    values, vectors = torch.linalg.eigh(torch.cov(drawn.T))
    matrix = (vectors * (values + ZCA_EPSILON).rsqrt()) @ vectors.T
    return Whitening(mean.float(), matrix.float())


def quadrant_sums(images: Tensor) -> Tensor:
    """(4, positions): 1 where a patch's position is in the quadrant."""
    height, width = (size - PATCH + 1 for size in images.shape[2:])
    lower, right = torch.arange(height) >= height // 2, torch.arange(width) >= width // 2
    quadrant = 2 * lower[:, None].long() + right.long()
    return F.one_hot(quadrant.flatten(), QUADRANTS).T.float()
