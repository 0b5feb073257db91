"""A zoo of several data sets: units, each a data set with one network."""

import dataclasses
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.errors import HarnessError
from harness.judging.plan import all_recipes
from harness.records.schema import FOLDER
from harness.settings import Settings
from harness.training.declaring import OWN_DATA_SETS, OWN_NETWORKS
from harness.zoo import interventions
from harness.zoo.definition import definition_of, zoo_of
from harness.zoo.opening import opened
from harness.zoo.trained_with import adam, sgd
from harness.zoo.unit import Unit
from harness.zoo.zoo import Zoo, twins
from harness.zoo.zoos import ZOOS

UNITS = ZOOS["digits"]
BOTH = Zoo(
    "both",
    units=[
        Unit("digits", "mlp_1x16", 0.1),
        Unit("noisy_digits", "mlp_1x16", sgd(0.2, num_train=100)),
        Unit("noisy_digits", "convnet", adam(0.001)),
    ],
    seeds_per_network=2,
    num_train=300,
)


def test_units_of_one_data_set_are_the_zoo_of_its_networks() -> None:
    networks = {"convnet": 0.06, "mlp_1x512": sgd(0.2, momentum=0.0)}
    short = Zoo("one", "digits", networks, num_train=50)
    long = Zoo("one", units=[Unit("digits", name, how) for name, how in networks.items()], num_train=50)
    assert short == long
    assert (short.data_set, [*short.networks]) == ("digits", ["convnet", "mlp_1x512"])
    assert [recipe.key for recipe in all_recipes(short)] == [recipe.key for recipe in all_recipes(long)]


def test_each_unit_has_its_data_its_training_and_seeds_that_no_other_has() -> None:
    found = [twin.natural for twin in twins(BOTH, "random_labels")]
    assert [recipe.seed for recipe in found] == [0, 1, 2, 3, 4, 5]
    assert [recipe.data_set for recipe in found[::2]] == ["digits", "noisy_digits", "noisy_digits"]
    assert [recipe.num_train for recipe in found[::2]] == [300, 100, 300]
    assert [recipe.optimizer for recipe in found[::2]] == ["sgd", "sgd", "adam"]
    assert len({recipe.id for recipe in found}) == 6
    assert (BOTH.twins_per_condition, BOTH.train_size, BOTH.data_described) == (6, 100, "digits; noisy_digits")
    assert [*BOTH.networks] == ["mlp_1x16", "convnet"]


def test_questions_ask_each_unit_about_its_own_number_of_examples() -> None:
    assert {(twin.natural.num_train, twin.randomized.attack) for twin in interventions.same_data(BOTH)} == {
        (150, 150),
        (50, 50),
    }
    sizes = {tuple(recipe.num_train for recipe in ladder) for ladder in interventions.sample_sizes(BOTH)}
    assert sizes == {(300, 100, 30), (100, 33, 10)}
    ladders = interventions.corrupted_labels(BOTH)
    assert [ladder[0].seed for ladder in ladders] == [0, 2, 4]  # the first of each


def test_a_zoo_with_another_part_keeps_the_rest() -> None:
    small = ZOOS["cifar10-small"]
    noisy = dataclasses.replace(small, data_set="noisy_digits")
    assert (noisy.data_sets, noisy.networks) == (("noisy_digits",), small.networks)
    fewer = dataclasses.replace(small, networks={"convnet": 0.06})
    assert (fewer.data_set, fewer.networks) == ("cifar10", {"convnet": {"learning_rate": 0.06}})
    assert dataclasses.replace(BOTH, num_train=200).units == BOTH.units


def test_a_definition_has_units_where_there_are_several_data_sets_and_no_others() -> None:
    definition = json.loads(json.dumps(definition_of(BOTH), sort_keys=True))
    assert {"units", "data_set", "networks"} & {*definition} == {"units"}
    assert [recipe.key for recipe in all_recipes(zoo_of(definition))] == [r.key for r in all_recipes(BOTH)]
    assert {"units", "data_set", "networks"} & {*definition_of(ZOOS["mnist"])} == {"data_set", "networks"}


def test_the_schema_of_a_zoo_takes_both_kinds_of_definitions_and_no_mixture() -> None:
    import jsonschema

    schema = json.loads((FOLDER / "zoo-4.0.json").read_text())["properties"]["zoo"]["properties"]["definition"]
    for zoo in (BOTH, UNITS, ZOOS["mnist"]):
        jsonschema.validate(json.loads(json.dumps(definition_of(zoo))), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**definition_of(BOTH), "data_set": "digits", "networks": [["convnet", {}]]}, schema)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"units": [Unit("digits", "convnet", 0.1), Unit("digits", "convnet", 0.2)]}, "two units .* 'convnet' on"),
        ({"units": []}, "the units of the x zoo are"),
        ({"units": [("digits", "convnet", 0.1)]}, "the units of the x zoo are"),
        ({"networks": {"convnet": 0.1}}, "networks without a data set"),
        ({"data_set": "digits"}, "the networks of the x zoo are None"),
        ({"units": [Unit("digits", "convnet", {"rate": 1})]}, "a recipe has no field 'rate'"),
    ],
    ids=str,
)
def test_what_cannot_be_units_is_refused_in_a_sentence(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(HarnessError, match=sentence):
        Zoo("x", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [True, None, "0.1", [0.1], torch.tensor([[0.1], [0.2]]), 10**400], ids=repr)
def test_a_rate_of_a_unit_is_a_number_or_how_it_is_trained(rate: Any) -> None:
    with pytest.raises(HarnessError, match=r"^convnet is trained with .*") as refusal:
        Unit("digits", "convnet", rate)
    assert "\n" not in str(refusal.value)


def test_a_network_in_the_place_of_a_data_set_is_named() -> None:
    with pytest.raises(
        HarnessError, match=r"^'convnet' is given as the data set of a unit, and is a network; expected"
    ):
        Unit(OWN_NETWORKS["convnet"], "convnet", 0.1)  # type: ignore[arg-type]
    with pytest.raises(HarnessError, match=r"^'digits' is given as the network of a unit, and is a data set; expected"):
        Unit("digits", OWN_DATA_SETS["digits"], 0.1)  # type: ignore[arg-type]


def test_of_several_data_sets_the_recipes_of_a_users_own_name_its_contents_and_others_do_not(
    write: Callable[..., Path], settings: Settings
) -> None:
    units = "from harness import Unit\nzoo = Zoo('mixed', units=[Unit(mine, own, 0.3), Unit('digits', own, 0.1)])"
    zoo, _ = opened(f"{write(after=units)}::zoo", settings)
    mine, digits = (zoo.natural(unit, 0) for unit in zoo.units)
    assert len(mine.data_sha256) == len(mine.data_code) == len(digits.network_code) == 64
    assert digits.data_sha256 == digits.data_code == ""
    assert zoo_of(json.loads(json.dumps(definition_of(zoo)))).natural(zoo.units[0], 0).data_code == mine.data_code
    assert (zoo.known.train_size, zoo.known.images) == (100, False)
    assert zoo.data_described == f"mine, with sha256 {mine.data_sha256}; digits"


def test_the_units_of_digits_have_two_data_sets_and_three_seeds_each() -> None:
    assert (len(UNITS.units), UNITS.seeds_per_network, UNITS.data_sets) == (18, 3, ("digits", "noisy_digits"))
    assert sum(unit.data_set == "noisy_digits" for unit in UNITS.units) == 8


def test_of_the_ten_networks_of_digits_two_are_in_one_unit_alone_and_eight_in_two() -> None:
    units = Counter(unit.network for unit in UNITS.units)
    assert len(units) == 10
    assert {network for network, count in units.items() if count == 1} == {"convnet", "vit_small"}
