"""The random convolutional net against loops written from its formula; its kernel, whole, in parts and resumed."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from harness.paper import convolution_kernel as kernels
from harness.paper.convolution_kernel import convolution_kernel, standardised
from harness.paper.kernel_data import SEED, Images
from harness.paper.random_convolution import (
    CONTRAST,
    ZCA_EPSILON,
    RandomNet,
    Whitening,
    fit_whitening,
    patches,
    quadrant_sums,
    random_net,
)
from harness.seeding import seeded_generator


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


@pytest.mark.parametrize("threshold", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("size", [9, 10])
def test_features_follow_their_formula(threshold: float, size: int) -> None:
    images = some_images(6, size=size)
    whitening = fit_whitening(images, torch.Generator().manual_seed(0))
    directions = torch.nn.functional.normalize(torch.randn(5, 108, generator=torch.Generator().manual_seed(1)), dim=1)
    net = RandomNet(directions @ whitening.matrix, directions @ whitening.matrix @ whitening.mean, threshold)
    expected = torch.stack([naive_features(image, whitening, directions, threshold).flatten() for image in images])
    torch.testing.assert_close(net(images), expected, rtol=1e-3, atol=1e-3)


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


@pytest.fixture
def images() -> Images:
    return Images(
        some_images(14), torch.arange(14) % 3, some_images(5, seed=1), torch.arange(5) % 3, 3, {"name": "noise"}
    )


def naive_kernel(images: Images, filters: int, part: int) -> tuple[Tensor, Tensor]:
    """All features at once: of the filters that each part draws."""
    whitening = fit_whitening(images.train_images, seeded_generator(SEED, "whitening"))
    nets = [
        random_net(
            whitening, images.train_images, min(part, filters - start), seeded_generator(SEED, f"filters {start}")
        )
        for start in range(0, filters, part)
    ]
    train = torch.cat([net(images.train_images) for net in nets], dim=1).double()
    test = torch.cat([net(images.test_images) for net in nets], dim=1).double()
    mean, deviation = train.mean(dim=0), (train.var(dim=0) + 0.01).sqrt()
    train, test = (train - mean) / deviation, (test - mean) / deviation
    return train @ train.T / train.shape[1] + 1, test @ train.T / train.shape[1] + 1


def test_the_kernel_is_that_of_all_features_at_once(
    images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "FILTERS_AT_ONCE", 4)
    found = convolution_kernel(images, 10, tmp_path)
    train, test = naive_kernel(images, 10, 4)
    torch.testing.assert_close(found(slice(0, 14)).tril(), train.tril().float(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found(slice(5, 9)), found(slice(0, 14))[5:9, :9])
    torch.testing.assert_close(found.test, test.float(), rtol=1e-4, atol=1e-4)


def test_the_test_set_has_no_part_in_the_standardisation(images: Images) -> None:
    whitening = fit_whitening(images.train_images, seeded_generator(0, "w"))
    net = random_net(whitening, images.train_images, 4, seeded_generator(0, "f"))
    train, test = standardised(net, images.train_images, images.test_images)
    again, brighter = standardised(net, images.train_images, images.test_images.flip(0))
    assert torch.equal(train, again)
    torch.testing.assert_close(test, brighter.flip(0))
    torch.testing.assert_close(train.mean(dim=0), torch.zeros(32), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_an_interrupted_sum_goes_on_where_it_was(
    images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "FILTERS_AT_ONCE", 4)
    monkeypatch.setattr(kernels, "SECONDS_BETWEEN_SAVES", 0.0)
    whole = convolution_kernel(images, 10, tmp_path / "whole")
    add, added = kernels._add_part, []

    def once(images: Images, start: int, stop: int, *sums: object) -> None:
        if len(added) == 2:
            raise KeyboardInterrupt
        added.append(start)
        add(images, start, stop, *sums)  # type: ignore[arg-type]

    monkeypatch.setattr(kernels, "_add_part", once)
    with pytest.raises(KeyboardInterrupt):
        convolution_kernel(images, 10, tmp_path / "cut")
    added.remove(0)
    resumed = convolution_kernel(images, 10, tmp_path / "cut")
    assert added == [4, 8]
    assert torch.equal(resumed(slice(0, 14)), whole(slice(0, 14)))
    assert torch.equal(resumed.test, whole.test)
    from_the_files = convolution_kernel(images, 10, tmp_path / "cut")
    assert torch.equal(from_the_files.test, whole.test)
    assert from_the_files.seconds == resumed.seconds > 0
    assert added == [4, 8]


@pytest.mark.parametrize("which", ["train-000.safetensors", "test-000.safetensors", "about.json"])
def test_a_damaged_sum_is_made_again(
    images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    first = convolution_kernel(images, 3, tmp_path)
    (folder,) = (tmp_path / "kernel_matrices").iterdir()
    contents = (folder / which).read_bytes()
    (folder / which).write_bytes(contents[:-3] + b"\x07" + contents[-2:])
    again = convolution_kernel(images, 3, tmp_path)
    assert torch.equal(again(slice(0, 14)), first(slice(0, 14)))
    assert torch.equal(again.test, first.test)


@pytest.mark.slow
def test_other_filters_or_images_are_another_sum(images: Images, tmp_path: Path) -> None:
    for filters, count in ((3, 14), (4, 14), (3, 13)):
        part = Images(
            images.train_images[:count], images.train_labels[:count], images.test_images, images.test_labels, 3, {}
        )
        convolution_kernel(part, filters, tmp_path)
    assert len(list((tmp_path / "kernel_matrices").iterdir())) == 3
