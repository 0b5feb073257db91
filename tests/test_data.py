import dataclasses
import math
import statistics
from pathlib import Path

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from sklearn.datasets import load_digits

from harness.data import DataSet, centre_crop, data_set, each_standardised, mean_and_deviation, standardised
from harness.errors import HarnessError
from harness.recipe import Recipe
from harness.sources import as_floats, class_folders, digest_tensors, load_source
from tests.image_folders import COLOURS, write_cifar10, write_images


def digits(seed=0, **fields):
    recipe = Recipe(data_set="digits", network="mlp_1x8", learning_rate=0.1, seed=seed, **fields)
    return data_set(recipe, Path())


OF_EACH = {"standardisation": "each_image"}


@pytest.fixture
def as_drawn(monkeypatch):
    """The data before they are standardised."""
    monkeypatch.setattr("harness.data.standardised", lambda data, standardisation: data)


def raw_rows(inputs):
    """Each image as the 64 grey levels (0 to 16) that it must have been before it was standardised."""
    digits_images = load_digits().images.reshape(-1, 64)
    low, high = inputs.min(), inputs.max()  # every split has pixels of 0 and of 16
    levels = (inputs.flatten(1) - low) / (high - low) * 16
    assert digits_images.min() == 0 and digits_images.max() == 16
    return [tuple(row) for row in levels.round().int().tolist()]


# Digits


@pytest.mark.parametrize("seed", [0, 1])
def test_digits_are_1437_training_and_360_test_images_of_8_by_8(seed):
    data = digits(seed)
    assert data.train_inputs.shape == (1437, 1, 8, 8)
    assert data.test_inputs.shape == (360, 1, 8, 8)
    assert data.train_labels.shape == (1437,)
    assert data.test_labels.shape == (360,)
    assert data.num_classes == 10
    assert data.train_inputs.dtype == data.test_inputs.dtype == torch.float32
    assert data.train_labels.dtype == data.test_labels.dtype == torch.int64
    assert data.train_labels.unique().tolist() == data.test_labels.unique().tolist() == list(range(10))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_two_splits_of_digits_are_disjoint_and_complete(seed):
    data = digits(seed)
    drawn = [
        *zip(raw_rows(data.train_inputs), data.train_labels.tolist(), strict=True),
        *zip(raw_rows(data.test_inputs), data.test_labels.tolist(), strict=True),
    ]
    original = load_digits()
    rows = [tuple(row) for row in original.data.astype(int).tolist()]
    assert len(set(rows)) == 1797  # no two images alike, so this is about images and not about their values
    assert sorted(drawn) == sorted(zip(rows, original.target.tolist(), strict=True))


def test_each_seed_draws_a_split_of_its_own_and_draws_it_again():
    test_sets = [set(raw_rows(digits(seed).test_inputs)) for seed in range(5)]
    for i in range(5):
        assert set(raw_rows(digits(i).test_inputs)) == test_sets[i]
        for j in range(i):
            assert 30 < len(test_sets[i] & test_sets[j]) < 130  # of 360; 72 are expected


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 100), st.lists(st.integers(50, 1437), min_size=2, max_size=2))
def test_a_smaller_training_set_lies_inside_a_larger_one_and_the_test_set_is_the_same(seed, sizes):
    smaller, larger = (digits(seed, num_train=num_train) for num_train in sorted(sizes))
    n = min(sizes)
    assert len(smaller.train_labels) == n
    assert torch.equal(smaller.train_labels, larger.train_labels[:n])
    assert torch.equal(smaller.test_labels, larger.test_labels)
    assert raw_rows(smaller.train_inputs) == raw_rows(larger.train_inputs)[:n]
    assert raw_rows(smaller.test_inputs) == raw_rows(larger.test_inputs)


def test_more_training_images_than_there_are_is_refused():
    with pytest.raises(HarnessError, match="asks for 1438 training images; digits has 1437"):
        digits(num_train=1438)


# Attacks


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 100), st.integers(50, 700), st.integers(1, 700))
def test_an_attacked_network_is_handed_what_its_twin_is_bit_for_bit(seed, num_train, attack):
    alone, attacked = digits(seed, num_train=num_train), digits(seed, num_train=num_train, attack=attack)
    for name in ("train_inputs", "train_labels", "test_inputs", "test_labels"):
        assert torch.equal(getattr(attacked, name), getattr(alone, name))
    assert len(attacked.attack_inputs) == len(attacked.attack_labels) == attack
    assert alone.attack_inputs is alone.attack_labels is None


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 100), st.integers(50, 700), st.integers(1, 700))
def test_an_attack_is_the_images_that_follow_the_training_set_all_of_them_wrongly_labelled(seed, num_train, attack):
    data, larger = digits(seed, num_train=num_train, attack=attack), digits(seed, num_train=num_train + attack)
    shared, others = larger.train_inputs[:num_train], larger.train_inputs[num_train:]
    expected = (others - shared.mean()) / shared.std()  # in the standardisation of the shared images
    torch.testing.assert_close(data.attack_inputs, expected, rtol=1e-4, atol=1e-4)
    assert (data.attack_labels != larger.train_labels[num_train:]).all()
    assert 0 <= data.attack_labels.min() and data.attack_labels.max() < 10


@pytest.mark.parametrize("seed", [0, 1])
def test_training_attack_and_test_images_of_digits_are_disjoint(seed):
    data = digits(seed, num_train=700, attack=737)
    split = [set(raw_rows(inputs)) for inputs in (data.train_inputs, data.attack_inputs, data.test_inputs)]
    assert [len(rows) for rows in split] == [700, 737, 360]
    assert len(set.union(*split)) == 1797


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 100), st.lists(st.integers(1, 700), min_size=2, max_size=2))
def test_a_larger_attack_holds_a_smaller_one(seed, sizes):
    smaller, larger = (digits(seed, num_train=300, attack=attack) for attack in sorted(sizes))
    n = min(sizes)
    assert torch.equal(smaller.attack_inputs, larger.attack_inputs[:n])
    assert torch.equal(smaller.attack_labels, larger.attack_labels[:n])


def test_each_seed_draws_wrong_labels_of_its_own():
    shifts = set()
    for seed in range(5):
        data, larger = digits(seed, num_train=100, attack=50), digits(seed, num_train=150)
        shifts.add(tuple(((data.attack_labels - larger.train_labels[100:]) % 10).tolist()))
    assert len(shifts) == 5


def test_more_training_and_attack_images_than_there_are_is_refused():
    assert len(digits(num_train=1000, attack=437).attack_labels) == 437
    with pytest.raises(HarnessError, match="asks for 1438 training images; digits has 1437"):
        digits(num_train=1000, attack=438)


@pytest.mark.parametrize("condition", ["true_labels", "gaussian"])
def test_training_inputs_have_mean_0_and_deviation_1_and_test_inputs_go_through_the_same_map(condition):
    data = digits(condition=condition, num_train=300)
    assert data.train_inputs.mean().item() == pytest.approx(0, abs=1e-5)
    assert data.train_inputs.std().item() == pytest.approx(1, rel=1e-5)
    assert abs(data.test_inputs.mean().item()) > 1e-4  # statistics of its own would make it 0


@settings(deadline=None)
@given(st.integers(0, 1000), st.floats(-10, 10), st.floats(0.1, 10))
def test_standardisation_uses_one_mean_and_deviation_of_the_training_images(seed, mean, std):
    generator = torch.Generator().manual_seed(seed)
    train = torch.randn(20, 2, 3, 3, generator=generator, dtype=torch.float64) * std + mean
    test = torch.randn(10, 2, 3, 3, generator=generator, dtype=torch.float64)
    labels = torch.zeros(20, dtype=torch.int64)
    data = standardised(DataSet(train, labels, test, labels[:10], 1))
    torch.testing.assert_close(data.train_inputs, (train - train.mean()) / train.std())
    torch.testing.assert_close(data.test_inputs, (test - train.mean()) / train.std())


def test_a_source_is_read_once_and_not_changed_by_what_is_drawn_from_it():
    source = load_source("digits", Path())
    before = source.sha256
    for condition in ("random_labels", "random_pixels", "gaussian"):
        digits(condition=condition)
    assert load_source("digits", Path()) is source
    assert digest_tensors(source.images, source.labels) == before


# Official splits and pinned contents


def test_an_official_split_stays_and_a_seed_draws_only_which_training_images_it_takes(tmp_path):
    # One training image a class: the labels say which were drawn.
    write_images(tmp_path, {f"{split}/{i:02}/1": (i, 0, 255) for split in ("train", "test") for i in range(40)})

    def labels(seed, num_train=0):
        recipe = Recipe(data_set="class_folders", network="mlp_1x8", learning_rate=0.1, seed=seed, num_train=num_train)
        data = data_set(recipe, tmp_path)
        assert data.test_labels.tolist() == list(range(40))
        return data.train_labels.tolist()

    assert sorted(labels(0)) == list(range(40))
    few = labels(0, 10)
    assert few == labels(0, 10) == labels(0, 25)[:10]
    assert len(set(few)) == 10
    assert set(few) != set(labels(1, 10))


def test_an_attack_takes_its_images_from_the_official_training_split(tmp_path):
    # One image a class, of a red that only this class of this split has.
    colours = {
        f"{split}/{i:02}/1": (i + first, 0, 255) for split, first in (("train", 0), ("test", 40)) for i in range(40)
    }
    write_images(tmp_path, colours)
    recipe = Recipe(data_set="class_folders", network="mlp_1x8", learning_rate=0.1, seed=0, num_train=15)

    def reds(images):
        red, green, blue = images[:, :, 0, 0].T
        return ((red - green) / (blue - green) * 255).round().int().tolist()

    for attack in (1, 10, 25):
        data = data_set(dataclasses.replace(recipe, attack=attack), tmp_path)
        assert reds(data.train_inputs) == data.train_labels.tolist()
        attackers = reds(data.attack_inputs)
        assert len(set(attackers)) == attack
        assert set(attackers) <= set(range(40)) - set(data.train_labels.tolist())
        assert all(red != label for red, label in zip(attackers, data.attack_labels.tolist(), strict=True))
        assert reds(data.test_inputs) == list(range(40, 80))


def test_a_recipe_about_other_contents_is_refused(tmp_path):
    write_images(tmp_path, COLOURS)
    recipe = Recipe(
        data_set="class_folders", network="mlp_1x8", learning_rate=0.1, seed=0, data_sha256="0123456789abcdef"
    )
    with pytest.raises(HarnessError, match=r"sha256 0123456789ab, but .* now holds"):
        data_set(recipe, tmp_path)
    known = class_folders(tmp_path).sha256
    assert len(data_set(dataclasses.replace(recipe, data_sha256=known), tmp_path).train_labels) == 3


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


# Digests and threads


def test_bytes_are_taken_as_fractions_of_255(tmp_path, as_drawn):
    write_images(tmp_path, COLOURS)
    recipe = Recipe(data_set="class_folders", network="mlp_1x8", learning_rate=0.1, seed=0)
    data = data_set(recipe, tmp_path)
    assert data.train_inputs.dtype == torch.float32
    expected = [[red / 255, green / 255, blue / 255] for red, green, blue in COLOURS.values()][:3]
    assert data.train_inputs[:, :, 0, 0].tolist() == [pytest.approx(each) for each in expected]


@pytest.mark.parametrize("fields", [{}, {"standardisation": "each_image", "crop": 7}], ids=["data_set", "each_image"])
@pytest.mark.parametrize("condition", ["true_labels", "gaussian"])
def test_the_data_do_not_depend_on_the_number_of_threads(condition, fields, tmp_path: Path) -> None:
    recipe = Recipe(data_set="digits", network="mlp_1x8", learning_rate=0.1, seed=0, condition=condition, **fields)
    threads = torch.get_num_threads()
    digests = set()
    for number in (1, 2, 4):
        torch.set_num_threads(number)
        digests.add(digest_tensors(data_set(recipe, tmp_path).train_inputs))
    torch.set_num_threads(threads)
    assert len(digests) == 1


def test_mean_and_deviation_are_those_of_all_pixels() -> None:
    images = 3 + torch.randn(2500, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    mean, deviation = mean_and_deviation(images)
    assert mean == pytest.approx(images.double().mean().item(), rel=1e-12)
    assert deviation == pytest.approx(images.double().std().item(), rel=1e-12)
