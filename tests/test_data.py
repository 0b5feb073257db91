import dataclasses
import os
import tarfile
import urllib.error
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from PIL import Image
from sklearn.datasets import load_digits

from harness.data import DataSet, class_folders, data_set, digest_tensors, load_source, mean_and_deviation, standardised
from harness.errors import HarnessError
from harness.recipe import Recipe

REAL_DATA = Path(
    os.environ.get("SHATTERPROOF_TEST_DATA", str(Path(__file__).resolve().parents[1] / ".." / "shared" / "data"))
)


def digits(seed=0, **fields):
    recipe = Recipe(data_set="digits", network="mlp_1x8", learning_rate=0.1, seed=seed, **fields)
    return data_set(recipe, Path())


def raw_rows(inputs):
    """Each image as the 64 grey levels (0 to 16) that it must have been before it was standardised."""
    digits_images = load_digits().images.reshape(-1, 64)
    low, high = inputs.min(), inputs.max()  # every split has pixels of 0 and of 16
    levels = (inputs.flatten(1) - low) / (high - low) * 16
    assert digits_images.min() == 0 and digits_images.max() == 16
    return [tuple(row) for row in levels.round().int().tolist()]


def write_images(root, colours, size=(4, 3), suffix="png"):
    """`colours` maps 'split/class/name' to an RGB colour; images of one colour each."""
    for place, colour in colours.items():
        path = root / f"{place}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, colour).save(path)
    return root


COLOURS = {
    "train/cat/1": (255, 0, 0),
    "train/cat/2": (254, 1, 0),
    "train/dog/1": (0, 51, 0),
    "test/cat/1": (253, 0, 2),
    "test/dog/7": (0, 102, 0),
}


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


@pytest.mark.parametrize(
    "other",
    [
        (torch.zeros(2, 3),),
        (torch.zeros(3, 2), torch.zeros(1)),
        (torch.zeros(3, 2, dtype=torch.float64),),
        (torch.zeros(6),),
        (torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 1e-30]]),),
    ],
)
def test_a_digest_tells_shapes_types_and_values_apart(other):
    assert digest_tensors(torch.zeros(3, 2)) == digest_tensors(torch.zeros(2, 3).T)
    assert digest_tensors(*other) != digest_tensors(torch.zeros(3, 2))


def test_an_unknown_data_set_is_refused_with_the_known_ones():
    with pytest.raises(HarnessError, match=r"unknown data set 'mnits'; known: digits, mnist, .*class_folders"):
        load_source("mnits", Path())


# Class folders


def test_class_folders_are_read_in_the_order_of_their_names_pixel_for_pixel(tmp_path):
    source = class_folders(write_images(tmp_path, COLOURS))
    assert source.images.shape == (5, 3, 3, 4)
    assert source.images.dtype == torch.float32
    assert source.labels.tolist() == [0, 0, 1, 0, 1]
    assert source.num_classes == 2
    assert source.num_official_train == 3
    for image, colour in zip(source.images, COLOURS.values(), strict=True):
        expected = torch.tensor(colour, dtype=torch.float32)[:, None, None].expand(3, 3, 4) / 255
        assert torch.equal(image, expected)


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


def test_height_and_width_and_the_place_of_each_pixel_are_kept(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    for split in ("train", "test"):
        folder = tmp_path / split / "a"
        folder.mkdir(parents=True)
        Image.fromarray(pixels).save(folder / "1.png")
    image = class_folders(tmp_path).images[0]
    assert torch.equal((image * 255).round().to(torch.uint8), torch.from_numpy(pixels).permute(2, 0, 1))


def test_jpegs_are_read_up_to_their_own_loss(tmp_path):
    source = class_folders(write_images(tmp_path, COLOURS, size=(16, 16), suffix="jpg"))
    expected = torch.tensor(list(COLOURS.values()))[:, :, None, None].expand(5, 3, 16, 16) / 255
    assert (source.images - expected).abs().max() < 0.02


def test_grey_images_become_three_equal_channels(tmp_path):
    write_images(tmp_path, COLOURS)
    Image.new("L", (4, 3), 77).save(tmp_path / "test/dog/7.png")
    assert torch.equal(class_folders(tmp_path).images[-1], torch.full((3, 3, 4), 77 / 255))


def test_the_digest_of_class_folders_is_that_of_their_contents(tmp_path):
    first = class_folders(write_images(tmp_path / "a", COLOURS)).sha256
    assert class_folders(write_images(tmp_path / "b", COLOURS)).sha256 == first
    other_pixel = {**COLOURS, "train/dog/1": (0, 51, 1)}
    assert class_folders(write_images(tmp_path / "c", other_pixel)).sha256 != first
    other_label = {name.replace("train/cat/2", "train/dog/0"): colour for name, colour in COLOURS.items()}
    assert class_folders(write_images(tmp_path / "d", other_label)).sha256 != first


def test_a_recipe_about_other_contents_is_refused(tmp_path):
    write_images(tmp_path, COLOURS)
    recipe = Recipe(
        data_set="class_folders", network="mlp_1x8", learning_rate=0.1, seed=0, data_sha256="0123456789abcdef"
    )
    with pytest.raises(HarnessError, match=r"sha256 0123456789ab, but .* now holds"):
        data_set(recipe, tmp_path)
    known = class_folders(tmp_path).sha256
    assert len(data_set(dataclasses.replace(recipe, data_sha256=known), tmp_path).train_labels) == 3


@pytest.mark.parametrize("missing", ["train", "test"])
def test_a_missing_split_is_refused_with_the_folder_that_was_expected(missing, tmp_path):
    write_images(tmp_path, {name: colour for name, colour in COLOURS.items() if not name.startswith(missing)})
    with pytest.raises(HarnessError, match=rf"no images in class folders under {tmp_path}/{missing} .*<class>/<image>"):
        class_folders(tmp_path)


def test_a_class_folder_without_images_is_refused(tmp_path):
    write_images(tmp_path, COLOURS)
    (tmp_path / "train/emu").mkdir()
    with pytest.raises(HarnessError, match=r"no images in class folders under .*train .*emu"):
        class_folders(tmp_path)


def test_splits_with_different_classes_are_refused(tmp_path):
    write_images(tmp_path, {**COLOURS, "test/emu/1": (0, 0, 0)})
    with pytest.raises(HarnessError, match=r"different classes: \['cat', 'dog'\] and \['cat', 'dog', 'emu'\]"):
        class_folders(tmp_path)


def test_images_of_different_sizes_are_refused_with_the_file_that_differs(tmp_path):
    write_images(tmp_path, COLOURS)
    write_images(tmp_path, {"train/dog/9": (0, 0, 0)}, size=(5, 3))
    with pytest.raises(HarnessError, match=r"dog/9.png is \(3, 3, 5\) but the first image \(3, 3, 4\)"):
        class_folders(tmp_path)


# torchvision's data sets


@pytest.mark.parametrize("name, module", [("mnist", "mnist"), ("fashion_mnist", "mnist"), ("cifar10", "cifar")])
def test_data_that_is_not_there_and_cannot_be_downloaded_is_one_clear_error(name, module, tmp_path, monkeypatch):
    def no_network(*arguments, **keywords):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(f"torchvision.datasets.{module}.download_and_extract_archive", no_network)
    with pytest.raises(
        HarnessError, match=rf"{name} is not in {tmp_path} and could not be downloaded \(.+\).*--data-dir"
    ):
        load_source(name, tmp_path)


class FakeCifar10:
    """Two training images and one test image in torchvision's form; there once they have been downloaded."""

    def __init__(self, root, train, download):
        marker = root / "downloaded"
        if download:
            marker.touch()
        if not marker.exists():
            raise RuntimeError("Dataset not found or corrupted. You can use download=True to download it")
        numbers = 2 if train else 1
        self.data = np.random.default_rng(numbers).integers(0, 256, (numbers, 4, 5, 3), dtype=np.uint8)
        self.targets = [7, 0] if train else [9]


def test_torchvisions_images_are_downloaded_once_and_have_their_channels_first(tmp_path, monkeypatch):
    monkeypatch.setattr("torchvision.datasets.CIFAR10", FakeCifar10)
    folder = tmp_path / "not" / "there" / "yet"
    source = load_source("cifar10", folder)
    expected = np.concatenate([FakeCifar10(folder, train, False).data for train in (True, False)])
    assert source.images.shape == (3, 3, 4, 5)
    assert torch.equal((source.images * 255).round().to(torch.uint8), torch.from_numpy(expected).permute(0, 3, 1, 2))
    assert source.labels.tolist() == [7, 0, 9]
    assert source.num_classes == 10
    assert source.num_official_train == 2


def real(name, *parts):
    place = REAL_DATA.joinpath(*parts)
    if not place.exists():
        pytest.skip(f"{name} is not at {place}; set SHATTERPROOF_TEST_DATA to the folder that holds it")
    return place


def test_mnist_is_60000_training_and_10000_test_digits():
    real("MNIST", "MNIST", "raw")
    source = load_source("mnist", REAL_DATA)
    assert source.images.shape == (70_000, 1, 28, 28)
    assert source.num_classes == 10
    assert source.num_official_train == 60_000
    train, labels = source.images[:60_000], source.labels[:60_000]
    assert train.min() == 0 and train.max() == 1
    assert train.mean().item() == pytest.approx(0.1307, abs=1e-4)
    assert train.std().item() == pytest.approx(0.3081, abs=1e-4)
    assert labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert source.labels[60_000:60_010].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


@pytest.mark.slow
def test_cifar10_as_class_folders_of_jpegs(tmp_path):
    with tarfile.open(real("CIFAR-10", "cifar10-jpg.tar.xz")) as archive:
        archive.extractall(tmp_path, filter="data")
    source = class_folders(tmp_path)
    assert source.images.shape == (60_000, 3, 32, 32)
    assert source.num_official_train == 50_000
    assert source.labels[:50_000].bincount().tolist() == [5000] * 10
    assert source.labels[50_000:].bincount().tolist() == [1000] * 10
    means = source.images[:50_000].mean(dim=(0, 2, 3)).tolist()
    assert means == pytest.approx([0.4914, 0.4822, 0.4465], abs=2e-3)  # of the original; these went through JPEG


@pytest.mark.parametrize("condition", ["true_labels", "gaussian"])
def test_the_data_do_not_depend_on_the_number_of_threads(condition, tmp_path: Path) -> None:
    recipe = Recipe(data_set="digits", network="mlp_1x8", learning_rate=0.1, seed=0, condition=condition)
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
