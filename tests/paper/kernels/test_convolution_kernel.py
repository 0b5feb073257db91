"""The random convolutional net's kernel: whole, in parts and resumed."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

import harness.paper.kernels.convolution_kernel
from harness.paper.kernels.convolution_kernel import convolution_kernel, standardised
from harness.paper.kernels.data import SEED, Images
from harness.paper.kernels.random_convolution import fit_whitening, random_net
from harness.training.precision import fastest
from measures.seeding import seeded_generator

pytestmark = pytest.mark.usefixtures("few_patches")


def some_images(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, 9, 9, generator=torch.Generator().manual_seed(seed))


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
            whitening,
            images.train_images,
            min(part, filters - start),
            seeded_generator(SEED, f"filters {start}"),
            fastest("cpu"),
        )
        for start in range(0, filters, part)
    ]
    train = torch.cat([net(images.train_images) for net in nets], dim=1).double()
    test = torch.cat([net(images.test_images) for net in nets], dim=1).double()
    mean, deviation = train.mean(dim=0), (train.var(dim=0) + 0.01).sqrt()
    train, test = (((each - mean) / deviation * 16).round().clamp(-127, 127) / 16 for each in (train, test))
    return train @ train.T / train.shape[1] + 1, test @ train.T / train.shape[1] + 1


def test_the_kernel_is_that_of_all_features_at_once(
    images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness.paper.kernels.convolution_kernel, "FILTERS_AT_ONCE", 4)
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
    monkeypatch.setattr(harness.paper.kernels.convolution_kernel, "FILTERS_AT_ONCE", 4)
    monkeypatch.setattr(harness.paper.kernels.convolution_kernel, "SECONDS_BETWEEN_SAVES", 0.0)
    whole = convolution_kernel(images, 10, tmp_path / "whole")
    add, added = harness.paper.kernels.convolution_kernel._add_part, []

    def once(images: Images, start: int, stop: int, *sums: object) -> None:
        if len(added) == 2:
            raise KeyboardInterrupt
        added.append(start)
        add(images, start, stop, *sums)  # type: ignore[arg-type]

    monkeypatch.setattr(harness.paper.kernels.convolution_kernel, "_add_part", once)
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


@pytest.mark.parametrize("which", ["train-000.safetensors", "test-000.safetensors"])
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
