"""Images are cropped and standardised as the recipe says."""

import dataclasses
import math
import statistics

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given

from harness.errors import HarnessError
from harness.training.data_set import centre_crop, each_standardised, mean_and_deviation
from harness.training.examples import data_set
from harness.training.reading.raw_data import as_floats
from harness.training.recipe import Recipe
from tests.builders.digits_data import OF_EACH, digits
from tests.builders.image_folders import COLOURS, write_cifar10, write_images

# Crops


def test_the_centre_of_four_by_five_pixels_is_found_by_hand():
    image = torch.arange(20).view(1, 1, 4, 5)
    assert centre_crop(image, 2).tolist() == [[[[6, 7], [11, 12]]]]
    assert centre_crop(image, 3).tolist() == [[[[1, 2, 3], [6, 7, 8], [11, 12, 13]]]]
    assert centre_crop(image, 4).tolist() == [[[[0, 1, 2, 3], [5, 6, 7, 8], [10, 11, 12, 13], [15, 16, 17, 18]]]]


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.data())
def test_a_centre_crop_has_as_much_around_it_on_either_side_or_one_more_after(channels, height, width, data):
    size = data.draw(st.integers(1, min(height, width)))
    images = torch.arange(2 * channels * height * width).view(2, channels, height, width)
    cropped = centre_crop(images, size)
    assert cropped.shape == (2, channels, size, size)
    top, left = divmod(int(cropped[0, 0, 0, 0]), width)
    assert torch.equal(cropped, images[:, :, top : top + size, left : left + size])
    assert height - size - top - top in (0, 1)
    assert width - size - left - left in (0, 1)


def test_size_0_crops_nothing():
    images = torch.rand(2, 1, 3, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(centre_crop(images, 0), images)


def test_a_crop_larger_than_the_images_is_refused(tmp_path):
    with pytest.raises(HarnessError, match="images of 8x8 pixels have no crop of 9x9; ask for a smaller one"):
        digits(crop=9)
    with pytest.raises(HarnessError, match="images of 3x4 pixels have no crop of 4x4"):
        centre_crop(torch.rand(1, 1, 3, 4), 4)


def test_training_test_and_attack_images_are_cropped_alike(as_drawn):
    whole, cropped = (digits(num_train=50, attack=20, crop=crop) for crop in (0, 4))
    for name in ("train_inputs", "test_inputs", "attack_inputs"):
        assert getattr(cropped, name).shape[1:] == (1, 4, 4)
        assert torch.equal(getattr(cropped, name), centre_crop(getattr(whole, name), 4))
    assert torch.equal(cropped.train_labels, whole.train_labels)


def test_random_pixels_are_those_of_the_crop_in_another_order(as_drawn):
    natural, random = digits(crop=4), digits(crop=4, condition="random_pixels")
    assert random.train_inputs.shape == natural.train_inputs.shape == (1437, 1, 4, 4)
    for name in ("train_inputs", "test_inputs"):
        ours, theirs = getattr(random, name).flatten(1), getattr(natural, name).flatten(1)
        assert torch.equal(ours.sort(dim=1).values, theirs.sort(dim=1).values)
        assert not torch.equal(ours, theirs)


def test_gaussian_images_have_the_crops_size_mean_and_deviation(as_drawn):
    whole, natural, gaussian = digits(), digits(crop=4), digits(crop=4, condition="gaussian")
    assert gaussian.train_inputs.shape == (1437, 1, 4, 4)
    assert gaussian.test_inputs.shape == (360, 1, 4, 4)
    of_crop, of_whole = natural.train_inputs.mean().item(), whole.train_inputs.mean().item()
    assert of_crop > of_whole + 0.1  # digits are bright in the middle
    assert gaussian.train_inputs.mean().item() == pytest.approx(of_crop, abs=0.02)
    assert gaussian.train_inputs.std().item() == pytest.approx(natural.train_inputs.std().item(), abs=0.02)


def test_one_permutation_shuffles_the_pixels_of_all_crops(as_drawn):
    natural, shuffled = digits(crop=4), digits(crop=4, condition="shuffled_pixels")
    ours, theirs = shuffled.train_inputs.flatten(1).T, natural.train_inputs.flatten(1).T
    columns = [[i for i in range(16) if torch.equal(mine, theirs[i])] for mine in ours]
    assert sorted(i for (i,) in columns) == list(range(16))


# Each image standardised


def test_each_image_is_standardised_by_hand():
    images = torch.tensor([[0.0, 4.0], [10.0, 10.5], [7.0, 7.0]]).view(3, 1, 1, 2)
    root = math.sqrt(2)  # the floor is 1/root: a deviation of 0.25 is below it
    expected = [[-1, 1], [-0.25 * root, 0.25 * root], [0, 0]]
    torch.testing.assert_close(each_standardised(images).flatten(1), torch.tensor(expected))


@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.floats(-3, 1))
def test_each_standardisation_is_that_of_plain_floats(seed, channels, height, width, scale):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(3, channels, height, width, generator=generator) * 10**scale + torch.rand(
        1, generator=generator
    )
    for image, ours in zip(images, each_standardised(images), strict=True):
        values = image.flatten().tolist()
        deviation = max(statistics.pstdev(values), 1 / math.sqrt(len(values)))
        expected = [(value - statistics.fmean(values)) / deviation for value in values]
        assert ours.flatten().tolist() == pytest.approx(expected, rel=1e-7, abs=1e-12)


def test_an_image_of_one_colour_becomes_zeros():
    assert not each_standardised(torch.full((2, 3, 28, 28), 0.1)).any()


def test_an_images_standardisation_does_not_depend_on_the_others():
    images = torch.rand(2500, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    together = each_standardised(images)
    assert together.dtype == torch.float32
    for i in (0, 999, 1000, 2499):
        assert torch.equal(each_standardised(images[i : i + 1])[0], together[i])


@pytest.mark.parametrize("condition", ["true_labels", "random_pixels", "gaussian"])
def test_images_of_a_recipe_each_have_mean_0_and_deviation_1(condition):
    data = digits(num_train=100, attack=0 if condition != "true_labels" else 50, condition=condition, **OF_EACH)
    for images in (data.train_inputs, data.test_inputs, data.attack_inputs):
        if images is not None:
            torch.testing.assert_close(images.mean(dim=(1, 2, 3)), torch.zeros(len(images)), rtol=0, atol=1e-5)
            deviations = images.std(dim=(1, 2, 3), correction=0)
            torch.testing.assert_close(deviations, torch.ones(len(images)), rtol=1e-5, atol=0)


# Uncropped, for an augmentation


@pytest.mark.parametrize("labels", ["true_labels", "random_labels"])
def test_what_an_augmentation_starts_from_is_the_training_images_as_on_disk(labels, tmp_path):
    write_cifar10(tmp_path, train=3, test=1, size=7)
    recipe = Recipe(data_set="cifar10", network="mlp_1x8", learning_rate=0.1, seed=0, num_train=12, crop=5, **OF_EACH)
    recipe = dataclasses.replace(recipe, condition=labels)
    plain, data = data_set(recipe, tmp_path), data_set(dataclasses.replace(recipe, augmentation="crop"), tmp_path)
    assert plain.uncropped is None
    assert data.uncropped.shape == (12, 3, 7, 7)
    assert data.uncropped.dtype == torch.uint8
    assert torch.equal(each_standardised(as_floats(centre_crop(data.uncropped, 5))), data.train_inputs)
    for name in ("train_inputs", "train_labels", "test_inputs", "test_labels"):
        assert torch.equal(getattr(plain, name), getattr(data, name))


# Bytes and sums


def test_bytes_are_taken_as_fractions_of_255(tmp_path, as_drawn):
    write_images(tmp_path, COLOURS)
    recipe = Recipe(data_set="class_folders", network="mlp_1x8", learning_rate=0.1, seed=0)
    data = data_set(recipe, tmp_path)
    assert data.train_inputs.dtype == torch.float32
    expected = [[red / 255, green / 255, blue / 255] for red, green, blue in COLOURS.values()][:3]
    assert data.train_inputs[:, :, 0, 0].tolist() == [pytest.approx(each) for each in expected]


def test_mean_and_deviation_are_those_of_all_pixels() -> None:
    images = 3 + torch.randn(2500, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    mean, deviation = mean_and_deviation(images)
    assert mean == pytest.approx(images.double().mean().item(), rel=1e-12)
    assert deviation == pytest.approx(images.double().std().item(), rel=1e-12)
