"""The random convolutional net against loops written from its formula."""

import pytest
import torch
from torch import Tensor

from harness.paper.kernels.random_convolution import (
    CONTRAST,
    ZCA_EPSILON,
    RandomNet,
    Whitening,
    fit_whitening,
    patches,
    quadrant_sums,
    random_net,
)


def some_images(count: int = 3, channels: int = 3, size: int = 9, seed: int = 0) -> Tensor:
    return torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(seed))


def naive_features(image: Tensor, whitening: Whitening, directions: Tensor, threshold: float) -> Tensor:
    """(sides, quadrants, filters), a patch at a time."""
    places = image.shape[1] - 5
    sums = torch.zeros(2, 4, len(directions))
    for top in range(places):
        for left in range(places):
            patch = image[:, top : top + 6, left : left + 6].flatten()
            patch = (patch - patch.mean()) / (patch.var(correction=0) + CONTRAST).sqrt()
            z = directions @ (whitening.matrix @ (patch - whitening.mean))
            quadrant = 2 * (top >= places // 2) + (left >= places // 2)
            sums[0, quadrant] += (z - threshold).clamp_min(0)
            sums[1, quadrant] += (-z - threshold).clamp_min(0)
    return sums


@pytest.mark.usefixtures("few_patches")
@pytest.mark.parametrize("threshold", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("size", [9, 10])
def test_features_follow_their_formula(threshold: float, size: int) -> None:
    images = some_images(6, size=size)
    whitening = fit_whitening(images, torch.Generator().manual_seed(0))
    directions = torch.nn.functional.normalize(torch.randn(5, 108, generator=torch.Generator().manual_seed(1)), dim=1)
    net = RandomNet(directions @ whitening.matrix, directions @ whitening.matrix @ whitening.mean, threshold)
    expected = torch.stack([naive_features(image, whitening, directions, threshold).flatten() for image in images])
    torch.testing.assert_close(net(images), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("few_patches")
def test_features_in_bfloat16_are_near_those_in_float32() -> None:
    """To a fiftieth of their deviation, and not the same."""
    images = some_images(40)
    whitening = fit_whitening(images, torch.Generator().manual_seed(0))
    exact, rounded = (
        random_net(whitening, images, 20, torch.Generator().manual_seed(1), precision)(images)
        for precision in ("float32", "bfloat16")
    )
    error = (exact - rounded).std(dim=0) / exact.std(dim=0)
    assert 1e-5 < float(error.mean()) < 0.02


def test_filters_have_length_1_before_whitening() -> None:
    mean = torch.randn(108, generator=torch.Generator().manual_seed(0))
    nets = [
        random_net(Whitening(mean, 2 * torch.eye(108)), some_images(), 50, torch.Generator().manual_seed(1))
        for _ in range(2)
    ]
    torch.testing.assert_close(nets[0].filters.norm(dim=1), torch.full((50,), 2.0))
    torch.testing.assert_close(nets[0].offsets, nets[0].filters @ mean)
    assert torch.equal(nets[0].filters, nets[1].filters)


def test_filters_are_patches_of_the_images() -> None:
    """Without whitening, each filter is one of the 3 · 16 normalised patches, at length 1; most of them are drawn."""
    images = some_images()
    net = random_net(Whitening(torch.zeros(108), torch.eye(108)), images, 300, torch.Generator().manual_seed(0))
    all_patches = torch.nn.functional.normalize(patches(images).flatten(0, 1), dim=1)
    similarity = net.filters @ all_patches.T
    torch.testing.assert_close(similarity.amax(dim=1), torch.ones(300))
    assert len(similarity.argmax(dim=1).unique()) > 44


def test_a_patch_is_normalised_by_hand() -> None:
    """Half 0 and half 1: mean and deviation are ½, and 10/255² hardly counts. A flat patch becomes 0."""
    image = torch.zeros(1, 1, 6, 6)
    image[0, 0, :3] = 1.0
    (found,) = patches(image)[0]
    expected = 0.5 / (0.25 + 10 / 255**2) ** 0.5
    torch.testing.assert_close(found, torch.tensor([expected] * 18 + [-expected] * 18))
    assert torch.equal(patches(torch.full((1, 1, 6, 6), 0.7))[0, 0].round(decimals=4), torch.zeros(36))


def test_quadrants_share_out_all_places() -> None:
    """4 x 4 places in a 9 x 9 image; 5 x 5 in one of 10, of which the lower right gets 3 x 3."""
    sums = quadrant_sums(some_images(size=9))
    assert torch.equal(sums.sum(dim=0), torch.ones(16))
    assert torch.equal(sums.sum(dim=1), torch.full((4,), 4.0))
    assert quadrant_sums(some_images(size=10)).sum(dim=1).tolist() == [4.0, 6.0, 6.0, 9.0]
    assert sums[1].view(4, 4).nonzero().tolist() == [[0, 2], [0, 3], [1, 2], [1, 3]]


def test_whitening_divides_by_the_root_of_variance_and_epsilon() -> None:
    """The patches of noise have variance 1 in every direction but that of their mean, which has none."""
    whitening = fit_whitening(some_images(400, 1, 12), torch.Generator().manual_seed(0))
    values = torch.linalg.eigvalsh(whitening.matrix)
    assert float(values[-1]) == pytest.approx(ZCA_EPSILON**-0.5, rel=1e-3)
    torch.testing.assert_close(values[:-1], torch.full((35,), 1.1**-0.5), rtol=0.1, atol=0)
    torch.testing.assert_close(whitening.matrix, whitening.matrix.T)
    assert float(whitening.mean.abs().max()) < 0.1
