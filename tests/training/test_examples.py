"""Which images a recipe trains and tests on, and which wrong labels an attack has."""

import dataclasses
from pathlib import Path

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from sklearn.datasets import load_digits

from harness.errors import HarnessError
from harness.files.sealed_tensors import digest_tensors
from harness.training.data_set import DataSet, standardised
from harness.training.examples import data_set
from harness.training.reading.raw_data import RawData, load_raw_data
from harness.training.recipe import Recipe
from tests.builders.digits_data import digits
from tests.builders.image_folders import COLOURS, class_folders, write_images


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


@pytest.mark.slow
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
    source = load_raw_data("digits", Path())
    before = source.sha256
    for condition in ("random_labels", "random_pixels", "gaussian"):
        digits(condition=condition)
    assert load_raw_data("digits", Path()) is source
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


@pytest.mark.parametrize("fields", [{}, {"standardisation": "each_image", "crop": 7, "num_train": 50}])
@pytest.mark.parametrize("condition", ["attack", "random_labels", "shuffled_pixels", "random_pixels", "gaussian"])
def test_without_a_test_set_the_rest_is_the_same(condition, fields, tmp_path):
    if condition == "attack":
        condition, fields = "true_labels", {**fields, "num_train": 50, "attack": 20}
    recipe = Recipe(data_set="digits", network="mlp_1x8", learning_rate=0.1, seed=0, condition=condition, **fields)
    whole, trained_on = data_set(recipe, tmp_path), data_set(recipe, tmp_path, tested=False)
    assert len(whole.test_labels) == 360 and len(trained_on.test_labels) == len(trained_on.test_inputs) == 0
    for name in ("train_inputs", "train_labels", "attack_inputs", "attack_labels"):
        one, other = getattr(whole, name), getattr(trained_on, name)
        assert (one is None and other is None) or torch.equal(one, other), name


# Digests and threads


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


def test_a_seed_whose_training_inputs_are_all_the_same_number_is_refused(tmp_path, monkeypatch):
    def reads(name, data_dir, cache_dir):
        inputs = torch.zeros(10, 2).index_fill_(0, torch.tensor([9]), 1.0)
        return RawData(inputs, torch.arange(10) % 2, 2, 8, "", "")

    monkeypatch.setattr("harness.training.examples.load_raw_data", reads)
    with pytest.raises(HarnessError, match="the inputs to train on are all the same number, so that nothing can be"):
        data_set(Recipe(data_set="digits", network="mlp_1x8", learning_rate=0.1, seed=0), tmp_path)
