"""Gabor features: wavelets by hand and from their formula, and what a grating excites."""

import cmath
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.paper.kernels.gabor import (
    FREQUENCY,
    ORIENTATIONS,
    SCALES,
    STRIDE,
    gabor_features,
    modulus,
    pooled,
    wavelets,
)


def naive_wavelet(scale: float, angle: float) -> list[list[complex]]:
    """From the formula, a pixel at a time."""
    radius = math.ceil(3 * scale)
    places = range(-radius, radius + 1)
    envelope, wave = {}, {}
    for y in places:
        for x in places:
            u, v = x * math.cos(angle) + y * math.sin(angle), -x * math.sin(angle) + y * math.cos(angle)
            envelope[y, x] = math.exp(-(u**2 + (v / 2) ** 2) / (2 * scale**2))
            wave[y, x] = cmath.exp(1j * FREQUENCY * u / scale)
    constant = sum(envelope[p] * wave[p] for p in envelope) / sum(envelope.values())
    values = {p: envelope[p] * (wave[p] - constant) for p in envelope}
    length = math.sqrt(sum(abs(value) ** 2 for value in values.values()))
    return [[values[y, x] / length for x in places] for y in places]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("orientation", [0, 1, 5])
def test_wavelets_follow_their_formula(scale: float, orientation: int) -> None:
    expected = torch.tensor(naive_wavelet(scale, math.pi * orientation / ORIENTATIONS))
    torch.testing.assert_close(wavelets(scale)[orientation], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", SCALES)
def test_wavelets_ignore_brightness_and_have_length_1(scale: float) -> None:
    found = wavelets(scale)
    assert float(found.sum(dim=(1, 2)).abs().max()) < 1e-5
    torch.testing.assert_close(found.abs().square().sum(dim=(1, 2)), torch.ones(ORIENTATIONS))


@pytest.mark.parametrize("orientation", range(ORIENTATIONS))
def test_a_grating_excites_its_own_orientation_most(orientation: int) -> None:
    angle = math.pi * orientation / ORIENTATIONS
    y, x = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    grating = torch.cos(FREQUENCY / 2 * (x * math.cos(angle) + y * math.sin(angle)))
    inside = modulus(grating[None, None], wavelets(2.0))[0, :, 8:20, 8:20].mean(dim=(1, 2))
    assert int(inside.argmax()) == orientation


def test_the_modulus_at_a_point_is_that_of_the_sum_over_its_window() -> None:
    image = torch.rand(1, 1, 13, 13, generator=torch.Generator().manual_seed(0))
    wavelet = wavelets(2.0)  # 13 x 13, as large as the image
    expected = (image[0] * wavelet).sum(dim=(1, 2)).abs()
    torch.testing.assert_close(modulus(image, wavelet)[0, :, 6, 6], expected)


@given(st.floats(0.1, 5))
@settings(max_examples=20)
def test_contrast_scales_the_features(factor: float) -> None:
    image = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(gabor_features(factor * image), factor * gabor_features(image), rtol=1e-3, atol=1e-4)


def test_pooling_is_a_weighted_mean_around_every_third_pixel() -> None:
    """Of a single bright pixel at (4, 6) its weight is left: e^-½ from one pixel away, over the weights' sum."""
    maps = torch.zeros(1, 2, 10, 10)
    maps[0, 1, 4, 6] = 1.0
    found = pooled(maps)
    total = 1 + 2 * math.exp(-0.5) + 2 * math.exp(-2)
    assert found.shape == (1, 2, 4, 4)  # pixels 0, 3, 6, 9
    assert float(found[0, 1, 1, 2]) == pytest.approx(math.exp(-0.5) / total**2)
    assert float(found[0, 1, 2, 2]) == pytest.approx(math.exp(-2) / total**2)
    assert float(found[0, 0].abs().max()) == 0.0


def test_mnist_has_1600_features_and_every_image_its_own() -> None:
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(2))
    found = gabor_features(images)
    assert found.shape == (3, len(SCALES) * ORIENTATIONS * math.ceil(28 / STRIDE) ** 2)
    assert found.shape[1] == 1600
    torch.testing.assert_close(found[1:2], gabor_features(images[1:2]))


def test_every_channel_counts() -> None:
    images = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(3))
    found = gabor_features(images)
    separate = torch.cat([gabor_features(images[:, i : i + 1]) for i in range(3)], dim=1)
    torch.testing.assert_close(found, separate)
