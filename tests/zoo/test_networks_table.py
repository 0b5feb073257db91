"""A zoo's networks as a table: what is in the store, what does not fit, what is not there."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.settings import Settings
from harness.store.store import Store, store_of
from harness.training.recipe import Recipe
from harness.training.train import Outcome, train
from harness.zoo.networks_table import in_store, networks_table
from harness.zoo.opening import opened
from harness.zoo.trained_with import adamw, sgd
from harness.zoo.zoo import Zoo, twins

ZOO = Zoo("three", "digits", {"mlp_1x64": 0.3}, seeds_per_network=3, num_train=100)


def outcome(epochs: int, seconds: float, fitted: bool = True, test_error: float = 0.1) -> Outcome:
    return Outcome(0.01, 0.0, 0.5, test_error, epochs, 12 * epochs, seconds, fitted)


def cells(zoo: Zoo, settings: Settings, find: Callable[[Recipe], Outcome | None]) -> list[str]:
    """Of the first network: name, parameters, how it is trained, a cell a condition, the test error."""
    return [cell.strip() for cell in networks_table(zoo, settings, find)[2].strip("|").split("|")]


def test_epochs_seconds_and_errors_are_medians_over_the_seeds(settings: Settings) -> None:
    def find(recipe: Recipe) -> Outcome:
        more = 100 if recipe.condition == "random_labels" else 0
        return outcome((4, 9, 5)[recipe.seed] + more, (1.0, 0.5, 0.25)[recipe.seed], test_error=0.1 * recipe.seed)

    shown = cells(ZOO, settings, find)
    assert shown[:3] == ["`mlp_1x64`", f"{65 * 64 + 65 * 10:,}", "sgd 0.3"]
    assert shown[3:] == ["5 / 0.5", "105 / 0.5", "5 / 0.5", "5 / 0.5", "10.0%"]


def test_what_does_not_fit_and_what_is_not_trained_is_said_and_not_counted(settings: Settings) -> None:
    found = {0: outcome(400, 9.0, fitted=False, test_error=0.9), 1: outcome(7, 1.0, test_error=0.2)}
    shown = cells(ZOO, settings, lambda recipe: found.get(recipe.seed))
    assert shown[3] == "7 / 1.0; 1 of 3 do not fit; 1 of 3 not trained yet"
    assert shown[-1] == "20.0%"
    assert cells(ZOO, settings, lambda recipe: None)[3:] == ["3 of 3 not trained yet"] * 4 + [""]


def test_digests_are_not_said_of_how_a_users_own_are_trained(write: Callable[..., Path], settings: Settings) -> None:
    zoo, settings = opened(str(write()), settings)
    assert cells(zoo, settings, lambda recipe: None)[2] == "sgd 0.3"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (0.3, "sgd 0.3, batch_size 64"),
        (sgd(0.1, momentum=0.0, clip_norm=1.0), "sgd 0.1, batch_size 64, momentum 0.0, clip_norm 1.0"),
        (adamw(0.001, warmup_epochs=5), "adamw 0.001, batch_size 64, weight_decay 0.01, warmup_epochs 5"),
    ],
)
def test_the_optimizer_its_rate_and_what_is_not_usual_are_said(how: object, said: str, settings: Settings) -> None:
    zoo = Zoo("one", "digits", {"mlp_1x8": how}, training={"batch_size": 64})  # type: ignore[dict-item]
    assert cells(zoo, settings, lambda recipe: None)[2] == said


def test_the_store_is_asked_and_a_damaged_model_is_not_there(settings: Settings) -> None:
    recipe = twins(ZOO, "random_labels")[0].natural
    store: Store = store_of(settings)
    store.publish(recipe, *train(recipe, settings.data_dir))
    find = in_store(settings)
    kept = find(recipe)
    assert kept is not None and kept.fitted
    assert find(dataclasses.replace(recipe, seed=9)) is None
    (store.folder(recipe) / "entry.json").write_bytes(b"torn")
    assert in_store(settings)(recipe) is None


def test_a_users_zoo_has_a_table_too(write: Callable[..., Path], settings: Settings) -> None:
    zoo, settings = opened(str(write()), settings)
    lines = networks_table(zoo, settings, in_store(settings))
    assert [line.split(" | ")[0] for line in lines] == ["| network", "| ---", "| `own`", "| `mlp_1x32`"]
    assert lines[2].split(" | ")[1] == f"{7 * 24 + 25 * 3:,}"
