"""Gabor wavelet features of an image: how much of each scale and orientation there is, place by place.

    ψ(x) = exp(−(u² + (v/2)²) / 2σ²) · (exp(iωu/σ) − constant)     (u, v): x turned by the orientation
    feature = (|image ∗ ψ| ∗ Gaussian of std 1 pixel), every third pixel

The constant makes ψ sum to 0, and |ψ|² sums to 1. Zhang et al. 2017, section 5, say "Gabor wavelet transform" and no
more. What follows was chosen on MNIST's training images alone, 5,000 to interpolate and 5,000 others to test on: σ = 1
and 2, eight orientations, ω = 2, the modulus, 1,600 features in all had 1.1 to 1.3% errors there, at kernel widths from
half to twice the median heuristic's, and pixels 3.5%. Scales of 4, or both rectified halves of the real and imaginary
parts in place of the modulus, pooling over 2 or 3 pixels, ω = 1.5 or 3 and square roots were no better (1.2 to 1.7%).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

SCALES = (1.0, 2.0)
ORIENTATIONS = 8
FREQUENCY = 2.0  # radians a σ
POOLING_STD = 1.0
STRIDE = 3
AT_ONCE = 500
SETTINGS = {
    "features": "gabor",
    "scales": list(SCALES),
    "orientations": ORIENTATIONS,
    "frequency": FREQUENCY,
    "pooling_std": POOLING_STD,
    "stride": STRIDE,
}


def gabor_features(images: Tensor) -> Tensor:
    """Of images (n, channels, height, width) in [0, 1]: (n, channels · scales · orientations · places), float32."""
    return torch.cat([_features(part) for part in images.split(AT_ONCE)])


def _features(images: Tensor) -> Tensor:
    planes = images.flatten(0, 1)[:, None]  # every channel by itself
    found = [pooled(modulus(planes, wavelets(scale))).flatten(1) for scale in SCALES]
    return torch.cat(found, dim=1).reshape(len(images), -1)


def wavelets(scale: float) -> Tensor:
    """The wavelets of one scale (in pixels), complex, (orientations, size, size)."""
    radius = math.ceil(3 * scale)
    pixels = torch.arange(-radius, radius + 1, dtype=torch.float32)
    y, x = torch.meshgrid(pixels, pixels, indexing="ij")
    angles = torch.arange(ORIENTATIONS)[:, None, None] * (math.pi / ORIENTATIONS)
    u, v = x * angles.cos() + y * angles.sin(), y * angles.cos() - x * angles.sin()
    envelope = torch.exp(-(u.square() + (v / 2).square()) / (2 * scale**2))
    wave = torch.exp(1j * FREQUENCY / scale * u)
    constant = (envelope * wave).sum(dim=(1, 2), keepdim=True) / envelope.sum(dim=(1, 2), keepdim=True)
    wavelet = envelope * (wave - constant)
    return wavelet / wavelet.abs().square().sum(dim=(1, 2), keepdim=True).sqrt()


def modulus(planes: Tensor, wavelet: Tensor) -> Tensor:
    """|plane ∗ ψ| of planes (n, 1, height, width) by wavelets (orientations, size, size), zeros around the image."""
    filters = torch.cat([wavelet.real, wavelet.imag])[:, None].contiguous()
    real, imaginary = F.conv2d(planes, filters, padding=wavelet.shape[-1] // 2).chunk(2, dim=1)
    return torch.hypot(real, imaginary)


def pooled(maps: Tensor) -> Tensor:
    """A Gaussian-weighted mean around every third pixel of every map, (n, maps, height, width)."""
    radius = math.ceil(2 * POOLING_STD)
    weights = torch.exp(-torch.arange(-radius, radius + 1, dtype=torch.float32).square() / (2 * POOLING_STD**2))
    weights = weights / weights.sum()
    channels = maps.shape[1]
    column, row = weights.view(-1, 1).expand(channels, 1, -1, 1), weights.view(1, -1).expand(channels, 1, 1, -1)
    maps = F.conv2d(maps, column, padding=(radius, 0), groups=channels, stride=(STRIDE, 1))
    return F.conv2d(maps, row, padding=(0, radius), groups=channels, stride=(1, STRIDE))
