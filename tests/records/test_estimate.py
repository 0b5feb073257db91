"""The estimate at the start of a run is from what was recorded of the same models."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import harness.records.estimate
from harness.evaluation.measure_lookup import find_measures
from harness.judging.plan import Plan, all_recipes
from harness.judging.questions import QUESTIONS, early_stopping
from harness.judging.questions.question import Question
from harness.records.estimate import estimate
from harness.settings import Settings, make_settings
from harness.zoo.zoo import GATE, Zoo, recipes
from tests.conftest import TINY

pytestmark = pytest.mark.usefixtures("own_registry")


@pytest.fixture
def settings(tmp_path: Path, tiny_zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """On an empty store, where each model was recorded to take 3 s, and l2_norm half a second on each."""
    (tmp_path / "tiny").mkdir()
    models = {recipe.id: {"key": recipe.key, "seconds": 3.0} for recipe in all_recipes(tiny_zoo)}
    (tmp_path / "tiny" / "zoo.json").write_text(json.dumps({"zoo": {"models": models}}))
    (tmp_path / "tiny" / "l2_norm.json").write_text(json.dumps({"seconds_per_model": 0.5}))
    monkeypatch.setattr(harness.records.estimate, "BASELINES", tmp_path)
    return make_settings(cache_dir=str(tmp_path / "cache"), workers=2)


def estimated(settings: Settings, gate: bool, questions: Sequence[Question]) -> str:
    asked = Plan(
        zoo=TINY, gate=dict.fromkeys(GATE if gate else (), ()), questions=[(question, ()) for question in questions]
    )
    return estimate(asked, find_measures(["l2_norm,constant"]), settings)


def test_the_gate_and_the_findings_are_told_apart_and_each_model_counts_once(settings: Settings) -> None:
    gate, every = len(recipes(TINY, GATE)), len(all_recipes(TINY))
    minutes = (every - gate) * 3.5 / 2 / 60
    assert estimated(settings, True, QUESTIONS) == (
        f"to train and evaluate: {gate} models for the gate (about {gate * 3.5 / 2:.0f} s), "
        f"then {every - gate} models for the findings (about {minutes:.0f} min), 2 at a time"
    )


def test_models_of_the_gate_that_a_question_needs_count_as_its_own_where_the_gate_is_not_asked(
    settings: Settings,
) -> None:
    needed = len(early_stopping.recipes(TINY))
    assert estimated(settings, False, [early_stopping.QUESTION]) == (
        f"to train and evaluate: {needed} models for the findings (about {needed * 3.5 / 2:.0f} s), 2 at a time"
    )


def test_what_is_in_the_store_is_not_counted(settings: Settings) -> None:
    from harness.store.store import Store

    for recipe in recipes(TINY, GATE)[1:]:
        Store(settings.cache_dir).folder(recipe).mkdir(parents=True)
    training = "to train and evaluate: 1 models for the gate (about 2 s)"
    assert estimated(settings, True, []) == f"{training}, then 78 values for the gate (about 10 s), 2 at a time"
    (settings.cache_dir / "rows").mkdir()
    for name in ("l2_norm", "constant"):
        (settings.cache_dir / "rows" / f"{name}.jsonl").touch()
    assert estimated(settings, True, []) == f"{training}, 2 at a time"
    Store(settings.cache_dir).folder(recipes(TINY, GATE)[0]).mkdir(parents=True)
    assert estimated(settings, True, []) == ""


def test_on_a_cluster_it_is_the_time_of_one_worker(settings: Settings) -> None:
    on_cluster = dataclasses.replace(settings, dask="tcp://127.0.0.1:8786")
    gate = len(recipes(TINY, GATE))
    assert estimated(on_cluster, True, []) == (
        f"to train and evaluate: {gate} models for the gate (about {gate * 3.5 / 60:.0f} min), by one worker; "
        "the cluster's share it"
    )


def test_nothing_is_said_where_nothing_was_recorded(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness.records.estimate, "BASELINES", tmp_path / "none")
    assert estimated(settings, True, QUESTIONS) == ""
