"""What training adds at random: crops are fair and seeded, dropout is seeded and leaves the global stream alone."""

import dataclasses

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from scipy import stats
from torch import Tensor

from harness.augmentation import dropout_seed, randomly_cropped
from harness.recipe import CONDITIONS, Recipe

DROPPED = Recipe(data_set="digits", network="mlp_1x8", learning_rate=0.1, seed=3, dropout=0.5)


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


def dropped(recipe: Recipe, reseed: int = 0) -> Tensor:
    with dropout_seed(recipe, reseed, torch.device("cpu")):
        return F.dropout(torch.ones(1000), recipe.dropout)


def test_dropout_draws_are_those_of_the_seed_whatever_was_drawn_before() -> None:
    torch.manual_seed(1)
    first = dropped(DROPPED)
    torch.manual_seed(2)
    assert torch.equal(dropped(DROPPED), first)


@pytest.mark.parametrize("condition", [each for each in CONDITIONS if each != "corrupted_labels"])
def test_twins_have_the_same_dropout_draws(condition) -> None:
    assert torch.equal(dropped(dataclasses.replace(DROPPED, condition=condition)), dropped(DROPPED))


def test_another_seed_and_a_reseed_give_other_dropout_draws() -> None:
    draws = [dropped(DROPPED), dropped(DROPPED, reseed=1), dropped(dataclasses.replace(DROPPED, seed=4))]
    assert len({tuple(each.tolist()) for each in draws}) == 3


def test_dropout_draws_are_none_that_another_purpose_makes() -> None:
    with dropout_seed(DROPPED, 0, torch.device("cpu")):
        drawn = torch.rand(5)
    for purpose in ("network0", "order0", "crop0", "attack", "labels"):
        assert not torch.equal(torch.rand(5, generator=DROPPED.generator(purpose)), drawn)


def test_the_global_random_state_is_as_it_was_after_dropout_also_after_an_error() -> None:
    state = torch.get_rng_state()
    dropped(DROPPED)
    assert torch.equal(torch.get_rng_state(), state)
    with pytest.raises(RuntimeError, match="broken"), dropout_seed(DROPPED, 0, torch.device("cpu")):
        torch.rand(3)
        raise RuntimeError("broken")
    assert torch.equal(torch.get_rng_state(), state)


def test_without_dropout_nothing_is_seeded() -> None:
    state = torch.get_rng_state()
    with dropout_seed(dataclasses.replace(DROPPED, dropout=0.0), 0, torch.device("cpu")):
        assert torch.equal(torch.get_rng_state(), state)
