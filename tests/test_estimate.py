"""The estimate at the start of a run is from what was recorded of the same models."""

import dataclasses
import json
from pathlib import Path

import pytest

import harness.estimate
from harness.estimate import estimate
from harness.judging import Judging
from harness.measure_lookup import find_measures
from harness.questions import QUESTIONS, early_stopping
from harness.record import all_recipes
from harness.settings import make_settings
from harness.zoo import GATE, Zoo, recipes

pytestmark = pytest.mark.usefixtures("own_registry")


@pytest.fixture
def judging(tmp_path: Path, tiny_zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> Judging:
    """On an empty store, where each model was recorded to take 3 s, and l2_norm half a second on each."""
    (tmp_path / "tiny").mkdir()
    models = {recipe.id: {"key": recipe.key, "seconds": 3.0} for recipe in all_recipes(tiny_zoo)}
    (tmp_path / "tiny" / "zoo.json").write_text(json.dumps({"zoo": {"models": models}}))
    (tmp_path / "tiny" / "l2_norm.json").write_text(json.dumps({"seconds_per_model": 0.5}))
    monkeypatch.setattr(harness.estimate, "BASELINES", tmp_path)
    settings = make_settings(cache_dir=str(tmp_path / "cache"), workers=2)
    return Judging(tiny_zoo, find_measures(["l2_norm,constant"]), settings, print)


def test_the_gate_and_the_findings_are_told_apart_and_each_model_counts_once(judging: Judging) -> None:
    gate, every = len(recipes(judging.zoo, GATE)), len(all_recipes(judging.zoo))
    minutes = (every - gate) * 3.5 / 2 / 60
    assert estimate(judging, True, QUESTIONS) == (
        f"to train and evaluate: {gate} models for the gate (about {gate * 3.5 / 2:.0f} s), "
        f"then {every - gate} models for the findings (about {minutes:.0f} min), 2 at a time"
    )


def test_models_of_the_gate_that_a_question_needs_count_as_its_own_where_the_gate_is_not_asked(
    judging: Judging,
) -> None:
    needed = len(early_stopping.recipes(judging.zoo))
    assert estimate(judging, False, [early_stopping.QUESTION]) == (
        f"to train and evaluate: {needed} models for the findings (about {needed * 3.5 / 2:.0f} s), 2 at a time"
    )


def test_what_is_in_the_store_is_not_counted(judging: Judging) -> None:
    from harness.store import Store

    for recipe in recipes(judging.zoo, GATE)[1:]:
        Store(judging.settings.cache_dir).folder(recipe).mkdir(parents=True)
    assert estimate(judging, True, []) == "to train and evaluate: 1 models for the gate (about 2 s), 2 at a time"
    Store(judging.settings.cache_dir).folder(recipes(judging.zoo, GATE)[0]).mkdir(parents=True)
    assert estimate(judging, True, []) == ""


def test_on_a_cluster_it_is_the_time_of_one_worker(judging: Judging) -> None:
    settings = dataclasses.replace(judging.settings, dask="tcp://127.0.0.1:8786")
    gate = len(recipes(judging.zoo, GATE))
    assert estimate(dataclasses.replace(judging, settings=settings), True, []) == (
        f"to train and evaluate: {gate} models for the gate (about {gate * 3.5 / 60:.0f} min), by one worker; "
        "the cluster's share it"
    )


def test_nothing_is_said_where_nothing_was_recorded(
    judging: Judging, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness.estimate, "BASELINES", tmp_path / "none")
    assert estimate(judging, True, QUESTIONS) == ""
