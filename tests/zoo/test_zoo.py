"""Which models the gate asks for at a scale."""

import dataclasses
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.judging.units.witnesses import check_enough
from harness.settings import make_settings
from harness.training.examples import data_set
from harness.training.reading.raw_data import load_raw_data
from harness.zoo.grid import Grid
from harness.zoo.opening import find_zoo, open_zoo
from harness.zoo.zoo import GATE, Zoo, recipes, twins
from harness.zoo.zoos import ZOOS
from tests.builders.image_folders import write_cifar10
from tests.conftest import TINY


def test_twins_differ_in_the_condition_alone() -> None:
    for twin in twins(ZOOS["digits"], "gaussian"):
        assert dataclasses.replace(twin.randomized, condition="true_labels") == twin.natural


def test_the_digits_gate_has_54_twins_of_18_units_each_with_a_seed_of_its_own() -> None:
    found = twins(ZOOS["digits"], "random_labels")
    assert len(found) == 54
    assert len({(twin.natural.data_set, twin.natural.network) for twin in found}) == 18
    assert len({twin.natural.seed for twin in found}) == 54


def test_natural_models_are_shared_by_the_conditions() -> None:
    assert len(recipes(ZOOS["digits"], GATE)) == 216


def test_an_unknown_zoo_gets_a_near_name() -> None:
    with pytest.raises(HarnessError, match="unknown zoo 'digit'; did you mean 'digits'"):
        find_zoo("digit")


def test_a_zoo_of_another_scale_is_a_few_lines() -> None:
    wide = Zoo("wide", "digits", {"mlp_1x1024": 0.1}, seeds_per_network=10)
    assert wide.twins_per_condition == 10


def test_the_number_of_training_images_is_that_of_the_zoo_or_all_there_are(tmp_path: Path) -> None:
    for zoo in (TINY, ZOOS["digits"]):
        recipe = twins(zoo, "random_labels")[0].natural
        assert zoo.train_size == len(data_set(recipe, tmp_path).train_labels)


def test_where_cifar10_lies_in_class_folders_the_recipes_name_their_contents(tmp_path: Path) -> None:
    small = ZOOS["cifar10-small"]
    settings = make_settings(cache_dir=str(tmp_path / "cache"), data_dir=str(tmp_path / "data"))
    assert open_zoo(small, settings)[0] is small  # nothing is there
    write_cifar10(settings.data_dir, train=1, test=1, size=3)
    found, _ = open_zoo(small, settings)
    sha256 = load_raw_data("cifar10", settings.data_dir).sha256
    assert {twin.natural.data_sha256 for twin in twins(found, "random_labels")} == {sha256}
    assert dataclasses.replace(found, training=small.training) == small
    assert found.data_described == f"cifar10, class folders with sha256 {sha256}"
    assert small.data_described == "cifar10"
    assert open_zoo(ZOOS["mnist"], settings)[0] is ZOOS["mnist"]


def test_the_zoos_with_the_papers_images_have_them_cropped_and_standardised_as_it_does() -> None:
    for name, twins_per_condition in (("cifar10-small", 30), ("cifar10", 20), ("mnist", 20)):
        natural = twins(ZOOS[name], "random_labels")[0].natural
        assert (natural.crop, natural.standardisation, natural.stop_loss) == (28, "each_image", 0.01)
        assert ZOOS[name].twins_per_condition == twins_per_condition


@pytest.mark.parametrize("name", ["mnist-small", "cifar10-small"])
def test_the_small_zoos_of_larger_images_have_ten_networks_each_once(name: str) -> None:
    zoo = ZOOS[name]
    assert len(zoo.units) == len(zoo.networks) == 10
    check_enough(zoo)
    assert zoo.train_size == 5000
    assert set(zoo.known.take_dropout) == set(zoo.networks)


def test_a_grid_or_its_parts_that_are_of_another_kind_are_a_sentence() -> None:
    with pytest.raises(HarnessError, match=r"^grid of a zoo is 3 \(of type int\); expected a Grid or None$"):
        Zoo("wide", "digits", {"mlp_1x64": 0.1}, grid=3)  # type: ignore[arg-type]
    with pytest.raises(HarnessError, match=r"^the grid's axes is \[1\] \(of type list\); expected a dict$"):
        Grid("mlp_1x64", [1], num_train=9)  # type: ignore[arg-type]
