"""A zoo is what its definition says: after JSON, whatever the order of its keys."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.judging.plan import all_recipes
from harness.settings import Settings
from harness.zoo.definition import definition_of, gate_of, zoo_of
from harness.zoo.opening import opened
from harness.zoo.zoo import GATE, Zoo
from harness.zoo.zoos import ZOOS


def through_json(zoo: Zoo) -> Zoo:
    return zoo_of(json.loads(json.dumps(definition_of(zoo), sort_keys=True, allow_nan=False)))


@pytest.mark.parametrize("name", ["digits", "mnist-small", "cifar10-small", "cifar10", "mnist"])
def test_a_zoo_of_this_project_asks_for_the_same_models(name: str) -> None:
    assert [recipe.key for recipe in all_recipes(through_json(ZOOS[name]))] == [
        recipe.key for recipe in all_recipes(ZOOS[name])
    ]


def test_a_users_zoo_asks_for_the_same_models_without_its_code(write: Callable[..., Path], settings: Settings) -> None:
    grid = ", grid=Grid(own, {'learning_rate': (0.1, 0.2), 'batch_size': (8, 16)}, 30), training={'max_epochs': 300}"
    zoo, _ = opened(str(write(more=grid)), settings)
    found = through_json(zoo)
    assert found.declared == () and found.where == ""
    assert (found.facts, found.gate, found.train_size) == (zoo.facts, zoo.gate, zoo.train_size)
    ours, theirs = all_recipes(zoo), all_recipes(found)
    assert [recipe.id for recipe in ours] == [recipe.id for recipe in theirs]
    assert [recipe.key for recipe in ours] == [recipe.key for recipe in theirs]
    assert {len(recipe.data_code) for recipe in theirs} == {64}
    assert {recipe.network_code for recipe in ours if recipe.network == "own"} == {zoo.networks["own"]["network_code"]}


DEFINITION = definition_of(ZOOS["mnist"])


@pytest.mark.parametrize(
    "changed",
    [
        {"networks": [["convnet"]]},
        {"networks": 3},
        {"networks": []},
        {"networks": [["convnet", {"rate": 3}]]},
        {"facts": {}},
        {"grid": {"network": "mlp"}},
        {"more": 1},
        {"name": "../x"},
        {"seeds_per_network": "5"},
        {"training": {"condition": "true"}},
    ],
    ids=str,
)
def test_what_defines_no_zoo_is_one_sentence(changed: dict[str, Any]) -> None:
    with pytest.raises(HarnessError) as refusal:
        zoo_of({**DEFINITION, **changed})
    assert "\n" not in str(refusal.value)


def test_the_gate_of_a_recorded_zoo_has_what_its_data_have_a_meaning_for() -> None:
    facts = {**DEFINITION["facts"], "randomizations": ["gaussian"]}
    assert gate_of({"definition": {**DEFINITION, "facts": facts}}) == ("random_labels", "gaussian")
    assert gate_of({"definition": DEFINITION}) == gate_of({}) == GATE
