"""Random crops and colours are fair and seeded."""

import dataclasses
import math
from pathlib import Path

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from scipy import stats
from torch import Tensor

import harness.training.augmentation
import harness.training.train
from harness.errors import HarnessError
from harness.training.augmentation import _recoloured, augmented, randomly_cropped
from harness.training.batches import Examples
from harness.training.data_set import each_standardised
from harness.training.examples import data_set
from harness.training.reading.raw_data import as_floats
from harness.training.recipe import Recipe
from harness.training.stopping import loss_and_correct
from harness.training.train import fit, train
from tests.builders.image_folders import write_cifar10


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def naive_crop(image: Tensor, row: int, column: int, padding: int) -> Tensor:
    """The crop (channels, height, width) that begins at this row and column of the padded image, its edge repeated."""
    _, height, width = image.shape
    padded = F.pad(image[None], (padding,) * 4, mode="replicate")[0]
    return padded[:, row : row + height, column : column + width]


def places(image: Tensor, cropped: Tensor, padding: int) -> list[tuple[int, int]]:
    """Where in the padded image the crop may have begun."""
    offsets = range(2 * padding + 1)
    return [
        (row, column)
        for row in offsets
        for column in offsets
        if torch.equal(naive_crop(image, row, column, padding), cropped)
    ]


def centres(num_images: int, padding: int, seed: int) -> Tensor:
    """The number of each crop's offset, from 0 to (2 · padding + 1)² - 1: what the crop has at its centre."""
    side = 2 * padding + 1
    images = torch.arange(side * side).view(1, 1, side, side).expand(num_images, 1, side, side)
    return randomly_cropped(images, padding, seeded(seed))[:, 0, padding, padding]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6))
def test_a_crop_is_a_window_of_the_padded_image_with_its_channels_together(seed, padding, channels, height, width):
    images = torch.rand(4, channels, height, width, generator=seeded(seed))
    before = images.clone()
    cropped = randomly_cropped(images, padding, seeded(seed + 1))
    assert cropped.shape == images.shape
    for image, crop in zip(images, cropped, strict=True):
        assert places(image, crop, padding)
    assert torch.equal(images, before)


def test_no_padding_moves_nothing() -> None:
    images = torch.rand(5, 2, 4, 3, generator=seeded(0))
    assert torch.equal(randomly_cropped(images, 0, seeded(1)), images)


def test_a_step_down_and_right_shows_the_first_row_and_column_twice() -> None:
    image = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    assert naive_crop(image, 0, 0, 1).tolist() == [[[1, 1], [1, 1]]]
    assert naive_crop(image, 1, 0, 1).tolist() == [[[1, 1], [3, 3]]]
    crops = randomly_cropped(image.expand(500, 1, 2, 2), 1, seeded(0))
    shown = {tuple(crop.flatten().int().tolist()) for crop in crops}
    rows, columns = [(0, 0), (0, 1), (1, 1)], [(0, 0), (0, 1), (1, 1)]
    assert shown == {tuple(1 + 2 * r + c for r in row for c in column) for row in rows for column in columns}


@pytest.mark.parametrize("padding", [1, 2])
def test_all_offsets_are_equally_frequent(padding: int) -> None:
    counts = centres(20_000, padding, seed=0).bincount(minlength=(2 * padding + 1) ** 2)
    assert stats.chisquare(counts.numpy()).pvalue > 1e-6


def test_each_image_is_moved_independently_of_its_neighbour() -> None:
    drawn = centres(20_000, 1, seed=0)
    pairs = torch.bincount(9 * drawn[:-1] + drawn[1:], minlength=81).view(9, 9)
    assert stats.chi2_contingency(pairs.numpy()).pvalue > 1e-6


def test_crops_repeat_from_the_seed_and_go_on_with_the_generator() -> None:
    images = torch.rand(50, 1, 8, 8, generator=seeded(0))
    generator = seeded(1)
    first, second = (randomly_cropped(images, 1, generator) for _ in range(2))
    assert torch.equal(first, randomly_cropped(images, 1, seeded(1)))
    assert not torch.equal(first, second)
    assert not torch.equal(first, randomly_cropped(images, 1, seeded(2)))


def test_crops_leave_the_global_random_state_alone() -> None:
    state = torch.get_rng_state()
    randomly_cropped(torch.rand(5, 1, 4, 4, generator=seeded(0)), 1, seeded(1))
    assert torch.equal(torch.get_rng_state(), state)


# The paper's: a crop of its own for every image, mirrored and recoloured


def cropping(size: int, augmentation: str = "crop") -> Recipe:
    return Recipe(
        data_set="cifar10",
        network="mlp_1x16",
        learning_rate=0.01,
        seed=0,
        crop=size,
        standardisation="each_image",
        augmentation=augmentation,
    )


def bytes_of(seed: int, *shape: int) -> Tensor:
    return torch.randint(256, shape, generator=seeded(seed), dtype=torch.uint8)


def windows(image: Tensor, size: int) -> list[Tensor]:
    """All crops of the image (channels, height, width), row by row."""
    rows, columns = (range(length - size + 1) for length in image.shape[1:])
    return [image[:, row : row + size, column : column + size] for row in rows for column in columns]


@pytest.fixture
def raw(monkeypatch):
    """Crops and mirrorings alone: neither recoloured nor standardised."""
    monkeypatch.setattr(harness.training.augmentation, "_recoloured", lambda images, generator: images)
    monkeypatch.setattr(harness.training.augmentation, "each_standardised", lambda images: images)


def numbered(count: int, height: int, width: int) -> Tensor:
    """So many equal images, each pixel its own number as a float."""
    return torch.arange(height * width).float().view(1, 1, height, width).expand(count, 1, height, width)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.data())
def test_a_cropped_image_is_one_of_its_windows_standardised_with_its_colours(seed, channels, height, width, data):
    size = data.draw(st.integers(1, min(height, width)))
    images = bytes_of(seed, 4, channels, height, width)
    inputs = augmented(images, cropping(size), seeded(seed))
    assert inputs.shape == (4, channels, size, size)
    assert inputs.dtype == torch.float32
    for image, crop in zip(images, inputs, strict=True):
        candidates = each_standardised(as_floats(torch.stack(windows(image, size))))
        assert any(torch.equal(candidate, crop) for candidate in candidates)


def test_a_crop_of_the_whole_image_is_the_image_standardised():
    images = bytes_of(0, 5, 3, 6, 6)
    assert torch.equal(augmented(images, cropping(6), seeded(1)), each_standardised(as_floats(images)))


@pytest.mark.parametrize("augmentation", ["crop", "crop_flip_colour"])
def test_every_window_is_as_frequent_whether_mirrored_or_not(augmentation, raw):
    crops = augmented(numbered(20_000, 5, 6), cropping(3, augmentation), seeded(0))
    corners = crops[:, 0, 0].min(dim=1).values.int()  # row · 6 + column of its upper left pixel
    counts = [int((corners == 6 * row + column).sum()) for row in range(3) for column in range(4)]
    assert sum(counts) == 20_000
    assert stats.chisquare(counts).pvalue > 1e-6


def test_half_of_the_images_are_mirrored_left_to_right_whatever_their_window(raw):
    crops = augmented(numbered(20_000, 4, 4), cropping(3, "crop_flip_colour"), seeded(0))
    rightwards = crops[:, 0, 0, 1] > crops[:, 0, 0, 0]
    assert (crops[:, 0, 1] > crops[:, 0, 0]).all()  # none upside down
    corners = crops[:, 0, 0].min(dim=1).values.int()
    table = [[int((rightwards[corners == corner] == way).sum()) for way in (True, False)] for corner in (0, 1, 4, 5)]
    assert sum(map(sum, table)) == 20_000
    assert stats.binomtest(int(rightwards.sum()), 20_000).pvalue > 1e-6
    assert stats.chi2_contingency(table).pvalue > 1e-6
    for image in crops[:50]:
        assert any(
            torch.equal(image, each) or torch.equal(image, each.flip(2)) for each in windows(numbered(1, 4, 4)[0], 3)
        )


def test_crop_alone_mirrors_nothing(raw):
    crops = augmented(numbered(200, 4, 4), cropping(3), seeded(0))
    assert (crops[:, 0, :, 1:] > crops[:, 0, :, :-1]).all()


@pytest.mark.parametrize("augmentation", ["crop", "crop_flip_colour"])
def test_augmented_images_repeat_from_the_seed_and_draw_from_the_given_generator_only(augmentation):
    images, recipe = bytes_of(0, 40, 3, 6, 6), cropping(4, augmentation)
    before, state, generator = images.clone(), torch.get_rng_state(), seeded(1)
    first, second = (augmented(images, recipe, generator) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(images, before)
    assert torch.equal(first, augmented(images, recipe, seeded(1)))
    assert not torch.equal(first, second)
    assert not torch.equal(first, augmented(images, recipe, seeded(2)))


def test_recoloured_crops_are_standardised_each_by_itself():
    inputs = augmented(bytes_of(0, 50, 3, 9, 9), cropping(8, "crop_flip_colour"), seeded(1))
    torch.testing.assert_close(inputs.mean(dim=(1, 2, 3)), torch.zeros(50), rtol=0, atol=1e-5)
    assert (inputs.std(dim=(1, 2, 3), correction=0) <= 1 + 1e-5).all()
    assert not torch.equal(inputs, augmented(bytes_of(0, 50, 3, 9, 9), cropping(8), seeded(1)))


# Colours: distances and angles in the plane at right angles to the grey axis


def in_colour_plane(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Grey level, distance from the grey axis and hue in radians of every pixel of (n, 3, height, width)."""
    red, green, blue = images.double().unbind(dim=1)
    x, y = (2 * red - green - blue) / math.sqrt(6), (green - blue) / math.sqrt(2)
    return (red + green + blue) / 3, torch.hypot(x, y), torch.atan2(y, x)


def pure(hues: Tensor, distances: Tensor) -> Tensor:
    """Pixels of grey level 0.5 with these hues and distances (n, height, width): (n, 3, height, width)."""
    x, y = distances * hues.cos(), distances * hues.sin()
    red = x * math.sqrt(2 / 3)
    green, blue = -x / math.sqrt(6) + y / math.sqrt(2), -x / math.sqrt(6) - y / math.sqrt(2)
    return 0.5 + torch.stack([red, green, blue], dim=1)


def circles(count: int, seed: int) -> Tensor:
    """Images of which every pixel has its opposite: their mean colour is grey, so contrast only scales distances."""
    hues = 2 * math.pi * torch.rand(count, 3, 4, generator=seeded(seed), dtype=torch.float64)
    distances = 0.1 + torch.rand(count, 3, 4, generator=seeded(seed + 1), dtype=torch.float64)
    return pure(torch.cat([hues, hues + math.pi], dim=1), torch.cat([distances, distances], dim=1))


def turned_by(before: Tensor, after: Tensor) -> Tensor:
    """The angle between the hues, in [-pi, pi)."""
    return (in_colour_plane(after)[2] - in_colour_plane(before)[2] + math.pi) % (2 * math.pi) - math.pi


def test_the_colour_plane_of_the_tests_is_one():
    _, distances, hues = in_colour_plane(pure(torch.tensor([[[1.0]]]), torch.tensor([[[0.3]]])))
    assert (distances.item(), hues.item()) == (pytest.approx(0.3), pytest.approx(1.0))


def test_grey_images_stay_grey():
    grey = torch.rand(50, 1, 4, 5, generator=seeded(0)).expand(50, 3, 4, 5)
    changed = _recoloured(grey, seeded(1))
    torch.testing.assert_close(changed[:, :1].expand_as(changed), changed, rtol=0, atol=1e-6)
    assert (changed - grey).abs().max() > 0.1


def test_turning_the_hue_preserves_the_distances_from_the_grey_axis():
    images = circles(40, seed=0)
    changed = _recoloured(images, seeded(2))
    factors = in_colour_plane(changed)[1] / in_colour_plane(images)[1]
    torch.testing.assert_close(factors, factors[:, :1, :1].expand_as(factors), rtol=1e-6, atol=0)
    angles = turned_by(images, changed)
    torch.testing.assert_close(angles, angles[:, :1, :1].expand_as(angles), rtol=0, atol=1e-6)
    assert angles.abs().max() > 0.1


def assert_uniform(drawn: Tensor, low: float, high: float) -> None:
    assert stats.kstest(drawn.flatten().numpy(), stats.uniform(low, high - low).cdf).pvalue > 1e-6
    assert low - 1e-6 <= drawn.min() and drawn.max() <= high + 1e-6


def test_brightness_saturation_and_hue_are_drawn_for_each_image_over_their_whole_ranges():
    hues = 2 * math.pi * torch.rand(3000, 1, 1, generator=seeded(0), dtype=torch.float64)
    images = pure(hues, torch.full_like(hues, 0.2)).expand(3000, 3, 2, 2)  # of one colour each: contrast does nothing
    changed = _recoloured(images, seeded(1))
    (grey, distance, _), (grey_before, distance_before, _) = in_colour_plane(changed), in_colour_plane(images)
    brightness, saturation = (grey - grey_before)[:, 0, 0], (distance / distance_before)[:, 0, 0]
    hue = turned_by(images, changed)[:, 0, 0]
    assert_uniform(brightness, -0.25, 0.25)
    assert_uniform(saturation, 0.5, 1.5)
    assert_uniform(hue, -0.2, 0.2)
    correlations = torch.corrcoef(torch.stack([brightness, saturation, hue])) - torch.eye(3)
    assert correlations.abs().max() < 6 / 3000**0.5


@pytest.mark.parametrize("channels", [1, 3])
def test_contrast_is_drawn_for_each_image_and_keeps_its_mean_but_for_the_brightness(channels):
    images = torch.rand(3000, 1, 4, 4, generator=seeded(0), dtype=torch.float64).expand(3000, channels, 4, 4)
    changed = _recoloured(images, seeded(1))
    mean, mean_before = (each.mean(dim=(1, 2, 3)) for each in (changed, images))
    contrast = changed.std(dim=(1, 2, 3)) / images.std(dim=(1, 2, 3))
    assert_uniform(mean - mean_before, -0.25, 0.25)
    assert_uniform(contrast, 0.2, 1.8)
    expected = mean.view(-1, 1, 1, 1) + contrast.view(-1, 1, 1, 1) * (images - mean_before.view(-1, 1, 1, 1))
    torch.testing.assert_close(changed, expected)


# Training on augmented images


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    return write_cifar10(tmp_path_factory.mktemp("cifar10"), train=4, test=2, size=10)


@pytest.mark.parametrize("augmentation", ["crop", "crop_flip_colour"])
def test_training_sees_new_crops_in_every_step_and_the_centre_in_evaluation(augmentation, folders, monkeypatch):
    seen = {True: [], False: []}

    def build(*arguments):
        network = original(*arguments)
        network.register_forward_pre_hook(lambda module, args: seen[module.training].append(args[0]))
        return network

    original = harness.training.train.build_for
    monkeypatch.setattr(harness.training.train, "build_for", build)
    recipe = dataclasses.replace(cropping(8, augmentation), batch_size=40, max_epochs=5, stop_loss=0)
    _, outcome, data = train(recipe, folders)
    assert outcome.steps == outcome.epochs == len(seen[True]) == 5
    assert all(batch.shape == (40, 3, 8, 8) for batch in seen[True])
    for number, batch in enumerate(seen[True]):
        assert not any(torch.equal(batch.sort(dim=0).values, other.sort(dim=0).values) for other in seen[True][:number])
    assert all(len(batch) in (20, 40) for batch in seen[False])
    assert all(torch.equal(batch, data.train_inputs) for batch in seen[False] if len(batch) == 40)


@pytest.mark.parametrize("augmentation", ["crop", "crop_flip_colour"])
def test_a_network_trained_on_augmented_images_is_the_same_bit_for_bit_and_stops_at_the_loss_of_the_centres(
    augmentation, folders
):
    recipe = dataclasses.replace(cropping(8, augmentation), network="mlp_1x64", stop_loss=0.2, batch_size=10)
    (first, outcome, data), (again, _, _) = (train(recipe, folders) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.model.parameters(), again.model.parameters(), strict=True))
    assert outcome.fitted
    assert 0.2 * 0.999 <= outcome.train_loss <= 0.2
    assert outcome.train_loss == loss_and_correct(first.model, data.train_inputs, data.train_labels)[0]
    assert outcome.test_error < 0.5


def test_without_the_uncropped_images_an_augmented_recipe_is_refused(folders):
    recipe = cropping(8)
    data = data_set(recipe, folders)
    with pytest.raises(HarnessError, match=r"crop-seed0 cannot be trained on other examples: .* uncropped images"):
        fit(recipe, Examples(data.train_inputs, data.train_labels, data.num_classes))
