"""A stranger's zoo is checked without its code: its models follow from its definition, or a sentence says which not."""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.leaderboard.check_zoo import problems_of_zoo
from harness.leaderboard.recompute import recorded_zoo
from harness.records.record import all_recipes, digest_of_models
from harness.training.recipe import TRAINING_VERSION
from harness.zoo.definition import definition_of
from harness.zoo.facts import Facts
from harness.zoo.zoo import Zoo
from harness.zoo.zoos import ZOOS

FACTS = Facts(
    train_size=100, randomizations=("gaussian",), images=False, blind_to_positions=("theirs",), take_dropout=()
)
THEIRS = Zoo(
    "theirs",
    "their_data",
    {"theirs": {"learning_rate": 0.1, "network_code": "ab" * 32, "optimizer": "adam"}, "mlp_1x8": 0.1},
    training={"data_sha256": "cd" * 32, "data_code": "12" * 32},
    facts=FACTS,
)


def described(zoo: Zoo = THEIRS, named: str = "") -> dict[str, Any]:
    models = {
        recipe.id: {"key": recipe.key, "recipe": recipe.canonical(), "data_sha256": "ef" * 32}
        for recipe in all_recipes(zoo)
    }
    return {
        "name": named or zoo.name,
        "digest": digest_of_models(zoo, models),
        "training_version": TRAINING_VERSION,
        "models": models,
        "definition": definition_of(zoo),
    }


def problems(content: dict[str, Any]) -> list[str]:
    return problems_of_zoo(content, recorded_zoo(content))


def test_what_follows_from_its_definition_is_sound() -> None:
    assert problems(described()) == []
    part = described()
    part["models"] = {name: model for name, model in part["models"].items() if "seed1" not in name}
    part["digest"] = digest_of_models(THEIRS, part["models"])
    assert problems(part) == []


def test_one_that_was_recorded_before_recipes_had_the_code_of_their_data_is_sound() -> None:
    old = dataclasses.replace(THEIRS, training={"data_sha256": "cd" * 32})
    assert problems(described(old)) == []


def other_seeds(content: dict[str, Any]) -> None:
    content["definition"]["seeds_per_network"] = 4


def other_rate(content: dict[str, Any]) -> None:
    content["definition"]["networks"][0][1]["learning_rate"] = 0.2


def other_order(content: dict[str, Any]) -> None:
    content["definition"]["networks"].reverse()


def other_data(content: dict[str, Any]) -> None:
    content["definition"]["training"]["data_sha256"] = "00" * 32


def other_code_of_data(content: dict[str, Any]) -> None:
    content["definition"]["training"]["data_code"] = "00" * 32


def without_code_of_data(content: dict[str, Any]) -> None:
    next(iter(content["models"].values()))["recipe"].pop("data_code")


def other_meaning(content: dict[str, Any]) -> None:
    content["definition"]["facts"]["randomizations"] = []


def other_key(content: dict[str, Any]) -> None:
    next(iter(content["models"].values()))["key"] = "0" * 64


def other_digest(content: dict[str, Any]) -> None:
    content["digest"] = "0" * 64


def other_name(content: dict[str, Any]) -> None:
    content["name"] = "ours"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (other_seeds, "does not follow from its definition"),
        (other_rate, "has another recipe of their_data-theirs-"),
        (other_order, "does not follow from its definition"),
        (other_data, "has another recipe of their_data-"),
        (other_code_of_data, "has another recipe of their_data-"),
        (without_code_of_data, "has another recipe of their_data-"),
        (other_meaning, "does not follow from its definition"),
        (other_key, "that is not its recipe's"),
        (other_digest, "has a digest that is not that of its models"),
        (other_name, "is named 'ours', and defined as 'theirs'"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_change_on_either_side_is_found(change: Callable[[dict[str, Any]], None], sentence: str) -> None:
    content = copy.deepcopy(described())
    change(content)
    assert sentence in problems(content)[0]


def test_a_zoo_that_takes_the_name_of_ours_is_refused() -> None:
    with pytest.raises(HarnessError, match="the zoo 'digits' of this record is defined otherwise than here; check it"):
        recorded_zoo(described(named="digits"))


def test_ours_with_its_definition_is_the_one_that_is_here() -> None:
    content = described(ZOOS["digits"])
    assert recorded_zoo(content) is ZOOS["digits"] and problems(content) == []
    del content["definition"]
    assert recorded_zoo(content) is ZOOS["digits"] and problems(content) == []


def test_one_that_is_not_known_and_not_defined_is_a_sentence() -> None:
    content = described()
    del content["definition"]
    with pytest.raises(
        HarnessError, match="the zoo 'theirs' is not known here, and its record has no definition of it"
    ):
        recorded_zoo(content)
