"""How images come: in what order, to whom, with which labels, changed how."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import stats
from torch import Tensor

from harness.errors import HarnessError
from harness.paper.imagenet.image_stream import ImageStream, random_labels, to_inputs, training_batches
from harness.paper.imagenet.image_tree import ImageTree, read_tree
from tests.builders.image_training import NUM_TEST, NUM_TRAIN, SIZE, STEP, indices, make_tree

everything = torch.arange(NUM_TRAIN)


def stream(tree: ImageTree, **options: object) -> ImageStream:
    return ImageStream(tree, **{"image_size": SIZE, "seed": 0, **options})  # type: ignore[arg-type]


def labels_by_index(batches: object) -> dict[int, int]:
    pairs = [
        pair
        for images, labels in batches
        for pair in zip(indices(images), labels.tolist(), strict=True)  # type: ignore
    ]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def augmented_images(tree: ImageTree, epoch: int, **options: object) -> dict[int, Tensor]:
    """All training images of an epoch by their index, which the order of the batches tells."""
    options = {"rank": 0, "world_size": 1, "seed": 0, **options}
    share = training_batches(NUM_TRAIN, 6, options["seed"], epoch, options["rank"], options["world_size"])  # type: ignore
    batches = stream(tree, augmentation=True, **options).training(epoch, 6)
    return dict(zip(share.flatten().tolist(), torch.cat([images for images, _ in batches]), strict=True))


def refusal(tree: ImageTree, workers: int) -> str:
    """What is said of the first image that cannot be decoded; no traceback keeps the decoding processes alive."""
    try:
        list(stream(tree, workers=workers).training(0, 6))
    except HarnessError as problem:
        return str(problem)
    raise AssertionError("every image could be decoded")


# Order and shares


@given(
    num_images=st.integers(1, 60),
    share=st.integers(1, 5),
    world_size=st.integers(1, 4),
    seed=st.integers(0, 9),
    epoch=st.integers(0, 9),
)
def test_every_step_has_the_same_images_however_many_processes_share_them(
    num_images: int, share: int, world_size: int, seed: int, epoch: int
) -> None:
    batch_size = share * world_size
    alone = training_batches(num_images, batch_size, seed, epoch, 0, 1)
    shares = [training_batches(num_images, batch_size, seed, epoch, rank, world_size) for rank in range(world_size)]
    assert alone.shape == (num_images // batch_size, batch_size)
    assert all(each.shape == (num_images // batch_size, share) for each in shares)
    assert torch.equal(torch.cat(shares, dim=1), alone)
    assert len(set(alone.flatten().tolist())) == alone.numel()


def test_the_order_is_another_in_every_epoch_and_of_every_seed_and_the_same_when_asked_again() -> None:
    orders = [training_batches(18, 6, seed, epoch, 0, 1) for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(order.flatten().tolist()) for order in orders}) == 4
    assert torch.equal(training_batches(18, 6, 1, 1, 0, 1), orders[3])


def test_no_image_is_left_over_in_every_epoch() -> None:
    seen = torch.cat([training_batches(17, 6, 0, epoch, 0, 1).flatten() for epoch in range(20)])
    assert len(set(seen.tolist())) == 17


def test_batches_come_in_that_order_with_their_labels(tree: ImageTree) -> None:
    for epoch in (0, 1):
        batches = list(stream(tree).training(epoch, 6))
        expected = training_batches(NUM_TRAIN, 6, 0, epoch, 0, 1)
        assert [indices(images) for images, _ in batches] == expected.tolist()
        assert torch.equal(torch.stack([labels for _, labels in batches]), tree.train.labels[expected])


@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_images_that_are_measured_are_shared_out_each_to_one_process(tree: ImageTree, world_size: int) -> None:
    wanted = torch.tensor([0, 2, 3, 5, 8])
    shares = [
        [
            i
            for images, _ in stream(tree, rank=rank, world_size=world_size).plain("test", wanted, 2)
            for i in indices(images)
        ]
        for rank in range(world_size)
    ]
    assert sorted(i for share in shares for i in share) == wanted.tolist()
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


# Labels


def test_random_labels_are_the_same_in_every_epoch_for_every_rank_and_in_measuring(tree: ImageTree) -> None:
    first = labels_by_index(stream(tree, labels="random").training(0, 6))
    assert first == dict(enumerate(random_labels(NUM_TRAIN, 3, 0).tolist()))
    assert labels_by_index(stream(tree, labels="random").training(5, 6)) == first
    assert labels_by_index(stream(tree, labels="random").plain("train", everything, 7)) == first
    for rank in (0, 1):
        mine = labels_by_index(stream(tree, labels="random", rank=rank, world_size=2).training(3, 6))
        assert len(mine) == 9
        assert mine.items() <= first.items()


def test_test_labels_stay_clean(tree: ImageTree) -> None:
    of_test = stream(tree, labels="random").plain("test", torch.arange(NUM_TEST), 9)
    assert labels_by_index(of_test) == dict(enumerate(tree.test.labels.tolist()))


def test_random_labels_are_uniform_and_know_nothing_of_the_true_ones() -> None:
    drawn = random_labels(30_000, 10, seed=1)
    assert stats.chisquare(drawn.bincount(minlength=10).numpy()).pvalue > 1e-6
    true = torch.arange(30_000) % 10
    together = torch.bincount(10 * true + drawn, minlength=100).view(10, 10)
    assert stats.chi2_contingency(together.numpy()).pvalue > 1e-6
    assert torch.equal(random_labels(30_000, 10, seed=1), drawn)
    assert not torch.equal(random_labels(30_000, 10, seed=2), drawn)


# Pixels


def naive_central_crop(path: str, size: int) -> np.ndarray:
    """The shorter side to size / 0.875 pixels, then the middle."""
    image = Image.open(path).convert("RGB")
    short = round(size / 0.875)
    width, height = image.size
    scale = short / min(width, height)
    image = image.resize((int(width * scale), int(height * scale)), Image.Resampling.BILINEAR)
    left, top = round((image.width - size) / 2), round((image.height - size) / 2)
    return np.asarray(image.crop((left, top, left + size, top + size))).transpose(2, 0, 1)


@pytest.mark.parametrize("shape", [(40, 60), (60, 40), (16, 16), (7, 90), (300, 301)])
def test_without_augmentation_an_image_is_its_centre_every_time(shape: tuple[int, int], tmp_path: Path) -> None:
    make_tree(tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "train/n00/00.png")
    tree = read_tree(tmp_path)
    images = [next(stream(tree, seed=seed).plain("train", torch.tensor([0]), 1))[0][0] for seed in (0, 1)]
    order = training_batches(NUM_TRAIN, 6, 0, 4, 0, 1).flatten().tolist()
    images.append(torch.cat([batch for batch, _ in stream(tree).training(4, 6)])[order.index(0)])
    for image in images:
        assert image.dtype == torch.uint8
        assert np.array_equal(image.numpy(), naive_central_crop(tree.train.path(0), SIZE))


@pytest.mark.parametrize(("mode", "colour", "expected"), [("L", 77, 77), ("P", 0, 0), ("CMYK", (0, 0, 0, 255), 0)])
def test_images_that_are_not_in_rgb_are_made_so(mode: str, colour: object, expected: int, tmp_path: Path) -> None:
    make_tree(tmp_path)
    name = "00.tif" if mode == "CMYK" else "00.png"
    (tmp_path / "train/n00/00.png").unlink()
    Image.new(mode, (20, 20), colour).save(tmp_path / "train/n00" / name)  # type: ignore[arg-type]
    image = next(stream(read_tree(tmp_path)).plain("train", torch.tensor([0]), 1))[0]
    assert image.shape == (1, 3, SIZE, SIZE)
    assert image.unique().tolist() == [expected]


def test_inputs_lie_between_minus_one_and_one() -> None:
    inputs = to_inputs(torch.tensor([0, 51, 255], dtype=torch.uint8))
    assert inputs.dtype == torch.float32
    assert torch.allclose(inputs, torch.tensor([-1.0, -0.6, 1.0]))


def test_augmentation_draws_anew_for_every_epoch_image_and_seed(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    for path in (tmp_path / "train").rglob("*.png"):
        Image.fromarray(noise).save(path)
    tree = read_tree(tmp_path)
    drawn = [augmented_images(tree, epoch, seed=seed) for epoch, seed in ((0, 0), (1, 0), (0, 1))]
    images = {image.numpy().tobytes() for each in drawn for image in each.values()}
    assert len(images) == 3 * NUM_TRAIN


def test_augmentation_is_the_same_again_in_another_process_and_leaves_the_global_stream_alone(tree: ImageTree) -> None:
    first = augmented_images(tree, 2)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    again = augmented_images(tree, 2)
    assert torch.equal(torch.get_rng_state(), state)
    shared = augmented_images(tree, 2, rank=0, world_size=2) | augmented_images(tree, 2, rank=1, world_size=2)
    for index in range(NUM_TRAIN):
        assert torch.equal(again[index], first[index])
        assert torch.equal(shared[index], first[index])


def test_augmentation_mirrors_half_of_the_images(tmp_path: Path) -> None:
    make_tree(tmp_path)
    ramp = np.broadcast_to(np.linspace(20, 230, 64).astype(np.uint8)[None, :, None], (64, 64, 3))
    for path in (tmp_path / "train").rglob("*.png"):
        Image.fromarray(np.ascontiguousarray(ramp)).save(path)
    tree = read_tree(tmp_path)
    images = [image for epoch in range(15) for image in augmented_images(tree, epoch).values()]
    mirrored = [image[..., 0].float().mean() > image[..., -1].float().mean() for image in images]
    assert stats.binomtest(sum(map(bool, mirrored)), len(mirrored)).pvalue > 1e-4


def test_augmentation_makes_a_grey_lighter_or_darker_by_an_eighth_at_most(tree: ImageTree) -> None:
    """Contrast, saturation, hue and crop leave an image of one grey as it is."""
    ratios = [
        image.float().mean().item() / (STEP * index)
        for epoch in range(10)
        for index, image in augmented_images(tree, epoch).items()
        if STEP * index > 60
    ]
    limit = 32 / 255
    assert 1 - limit - 0.02 < min(ratios) < 1 - 0.8 * limit
    assert 1 + 0.8 * limit < max(ratios) < 1 + limit + 0.02


# Decoding processes


@pytest.mark.slow
def test_the_number_of_decoding_processes_changes_nothing(tree: ImageTree) -> None:
    def drawn(workers: int) -> list[Tensor]:
        source = stream(tree, augmentation=True, labels="random", workers=workers)
        passes = [*source.training(0, 6), *source.plain("test", torch.arange(NUM_TEST), 4), *source.training(1, 6)]
        return [tensor for batch in passes for tensor in batch]

    alone = drawn(0)
    for workers in (1, 2):
        assert all(torch.equal(*pair) for pair in zip(alone, drawn(workers), strict=True))


@pytest.mark.slow
def test_a_pass_that_was_left_early_does_not_disturb_the_next(tree: ImageTree) -> None:
    source = stream(tree, workers=2)
    next(source.training(0, 2))
    assert [indices(images) for images, _ in source.training(1, 6)] == training_batches(18, 6, 0, 1, 0, 1).tolist()


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("contents", [b"not an image", b"", "cut short"])
def test_a_broken_image_is_one_sentence_with_its_path(contents: bytes | str, workers: int, tmp_path: Path) -> None:
    broken = make_tree(tmp_path) / "train/n01/03.png"
    if isinstance(contents, str):
        noise = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
        Image.fromarray(noise).save(broken)
        contents = broken.read_bytes()[:3000]
    broken.write_bytes(contents)
    sentence = refusal(read_tree(tmp_path), workers)
    assert sentence.startswith(f"{broken} cannot be read as an image (")
    assert "\n" not in sentence
