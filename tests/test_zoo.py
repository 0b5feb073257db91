"""Which models a suite asks for, and that they come to be in the store, once, whatever happens on the way."""

import dataclasses
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import harness.train
from harness.build import build
from harness.data import data_set
from harness.errors import HarnessError
from harness.recipe import Recipe
from harness.settings import Settings, make_settings
from harness.sources import load_source
from harness.store import Store
from harness.train_jobs import GroupJob, TrainJob, train_group_job, train_job
from harness.workers import Event
from harness.zoo import GATE, ZOOS, Twin, Zoo, find_zoo, pinned, recipes, twins
from tests.conftest import TINY
from tests.image_folders import write_cifar10

FIVE = recipes(TINY, ["random_labels"])[:5]
GATES = twins(TINY, "random_labels")[0]
EQUAL = Twin(dataclasses.replace(GATES.natural, steps_of="random_labels"), GATES.randomized)


def silent(text: str) -> None:
    raise AssertionError(f"said: {text}")


def digests(settings: Settings) -> dict[str, str]:
    return {folder.name: (folder / "model.safetensors").read_bytes().hex() for folder in stored(settings)}


def stored(settings: Settings) -> list[Path]:
    return sorted((settings.cache_dir / "models").glob("*/*"))


def test_twins_differ_in_the_condition_alone() -> None:
    for twin in twins(ZOOS["digits"], "gaussian"):
        assert dataclasses.replace(twin.randomized, condition="true_labels") == twin.natural


def test_the_digits_gate_has_20_twins_of_four_networks_each_with_a_seed_of_its_own() -> None:
    found = twins(ZOOS["digits"], "random_labels")
    assert len(found) == 20
    assert len({twin.natural.network for twin in found}) == 4
    assert len({twin.natural.seed for twin in found}) == 20


def test_natural_models_are_shared_by_the_conditions() -> None:
    assert len(recipes(ZOOS["digits"], GATE)) == 80


def test_an_unknown_zoo_gets_a_near_name() -> None:
    with pytest.raises(HarnessError, match="unknown zoo 'digit'; did you mean 'digits'"):
        find_zoo("digit")


def test_building_stores_every_model_and_again_trains_none(settings: Settings) -> None:
    first = build(FIVE, settings, silent, progress=False)
    times = {path: path.stat().st_mtime_ns for path in stored(settings)}
    assert set(first) == set(FIVE)
    assert build(FIVE, settings, silent, progress=False) == first
    assert {path: path.stat().st_mtime_ns for path in stored(settings)} == times


@pytest.mark.slow
def test_workers_train_the_same_weights_as_one(settings: Settings, tmp_path: Path) -> None:
    alone = make_settings(cache_dir=str(tmp_path / "alone"), workers=1)
    build(FIVE, settings, silent, progress=False)
    build(FIVE, alone, silent, progress=False)
    assert digests(settings) == digests(alone)


@pytest.mark.slow
def test_a_damaged_model_is_set_aside_said_and_trained_again(settings: Settings) -> None:
    build(FIVE, settings, silent, progress=False)
    before = digests(settings)
    weights = stored(settings)[2] / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-7])
    said: list[str] = []
    build(FIVE, settings, said.append, progress=False)
    assert len(said) == 1
    assert re.search(r"model.safetensors was altered or cut short: (\d+) bytes of (\d+); set aside", said[0])
    assert digests(settings) == before
    assert len(list((settings.cache_dir / "quarantine").iterdir())) == 1


def test_a_recipe_that_cannot_be_trained_is_refused_with_a_sentence(settings: Settings) -> None:
    unknown = Recipe(data_set="digits", network="perceiver", learning_rate=0.1, seed=0)
    with pytest.raises(HarnessError, match="unknown network 'perceiver'"):
        build([unknown], settings, silent, progress=False)


def test_progress_shows_models_done_the_rate_and_the_time_left(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    build(FIVE, settings, silent)
    shown = capsys.readouterr().err
    assert re.search(r"training: .* [1-5]/5 \[\d\d:\d\d<\d\d:\d\d, +[\d.]+(s/models|models/s)\]", shown)
    assert "training: 100%" in shown


def test_every_entry_can_be_loaded_as_a_trained_model(settings: Settings) -> None:
    entries = build(FIVE[:1], settings, silent, progress=False)
    trained = Store(settings.cache_dir).load(FIVE[0], settings.data_dir)
    assert (trained.logits.argmax(dim=1) != trained.labels).float().mean().item() == pytest.approx(
        entries[FIVE[0]].outcome.train_error
    )
    assert trained.history.steps == entries[FIVE[0]].outcome.steps


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
    assert pinned(small, settings) is small  # nothing is there
    write_cifar10(settings.data_dir, train=1, test=1, size=3)
    found = pinned(small, settings)
    sha256 = load_source("cifar10", settings.data_dir).sha256
    assert {twin.natural.data_sha256 for twin in twins(found, "random_labels")} == {sha256}
    assert dataclasses.replace(found, training=small.training) == small
    assert found.data_described == f"cifar10, class folders with sha256 {sha256}"
    assert small.data_described == "cifar10"
    assert pinned(ZOOS["mnist"], settings) is ZOOS["mnist"]


def test_the_larger_zoos_train_as_the_paper_does() -> None:
    for name in ("cifar10-small", "cifar10", "mnist"):
        natural = twins(ZOOS[name], "random_labels")[0].natural
        assert (natural.crop, natural.standardisation, natural.stop_loss) == (28, "each_image", 0.01)
        assert ZOOS[name].twins_per_condition == 20


# Equal steps


def train_here(recipe: Recipe, settings: Settings) -> bool:
    """Whether it was trained; False if it was there."""
    receipt = train_job(TrainJob(recipe, settings), lambda payload: None)
    assert receipt is not None and receipt.recipe == recipe
    return receipt.trained


def test_a_natural_model_takes_exactly_the_steps_of_its_twin_which_is_trained_first(settings: Settings) -> None:
    assert train_here(EQUAL.natural, settings)
    assert train_here(GATES.natural, settings)
    assert len(stored(settings)) == 3
    store = Store(settings.cache_dir)
    longer, randomized, natural = map(store.find, (EQUAL.natural, EQUAL.randomized, GATES.natural))
    assert longer is not None and randomized is not None and natural is not None
    assert longer.outcome.steps == randomized.outcome.steps > natural.outcome.steps
    assert longer.outcome.fitted and longer.outcome.train_loss < 0.009
    rates = store.load(EQUAL.natural, settings.data_dir).history.learning_rates
    assert rates.tolist() == pytest.approx([0.3] * longer.outcome.steps)


def test_a_natural_model_takes_as_many_steps_as_a_twin_that_did_not_fit(settings: Settings) -> None:
    recipe = dataclasses.replace(EQUAL.natural, max_epochs=4, batch_size=30)
    train_here(recipe, settings)
    entry = Store(settings.cache_dir).find(recipe)
    assert entry is not None
    assert (entry.outcome.steps, entry.outcome.epochs) == (16, 4)


def test_a_twin_that_is_there_lends_its_steps_and_is_not_trained_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_here(EQUAL.randomized, settings)
    trained: list[Recipe] = []
    original = harness.train.train

    def counted(recipe: Recipe, *arguments: Any) -> Any:
        trained.append(recipe)
        return original(recipe, *arguments)

    monkeypatch.setattr("harness.train.train", counted)
    train_here(EQUAL.natural, settings)
    assert trained == [EQUAL.natural]
    assert not train_here(EQUAL.natural, settings)
    assert trained == [EQUAL.natural]


def test_a_twin_that_another_run_is_training_is_waited_for(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.store.LOCK_SECONDS", 0.05)
    store = Store(settings.cache_dir)
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(train_here(EQUAL.natural, settings)))
    with store.lock(EQUAL.randomized):
        waiting.start()
        time.sleep(0.3)
        assert waiting.is_alive()
        assert store.find(EQUAL.natural) is None
        store.publish(EQUAL.randomized, *harness.train.train(EQUAL.randomized, settings.data_dir))
    waiting.join(timeout=60)
    assert answers == [True]
    entry, twin = store.find(EQUAL.natural), store.find(EQUAL.randomized)
    assert entry is not None and twin is not None
    assert entry.outcome.steps == twin.outcome.steps


@pytest.mark.slow
def test_workers_build_equal_steps_in_whichever_order_they_are_asked_for(settings: Settings) -> None:
    said: list[str] = []
    found = build([EQUAL.natural, EQUAL.randomized], settings, said.append, progress=False)
    assert found[EQUAL.natural].outcome.steps == found[EQUAL.randomized].outcome.steps
    assert len(stored(settings)) == 2


def test_a_group_is_trained_together_and_stored_as_its_models_are_alone(settings: Settings, tmp_path: Path) -> None:
    alone = make_settings(cache_dir=str(tmp_path / "alone"), workers=1)
    group = [recipe for recipe in FIVE if recipe.network == FIVE[0].network][:3]
    train_job(TrainJob(group[0], settings), lambda payload: None)  # is there already
    job = GroupJob(tuple(group), settings)
    receipts = train_group_job(job, lambda payload: None)
    assert [(each.recipe, each.trained) for each in receipts] == [(group[0], False), (group[1], True), (group[2], True)]
    for recipe in group:
        train_job(TrainJob(recipe, alone), lambda payload: None)
        together, single = Store(settings.cache_dir).find(recipe), Store(alone.cache_dir).find(recipe)
        assert together is not None and single is not None
        assert together.outcome.fitted
        assert abs(together.outcome.steps - single.outcome.steps) <= 1
        assert together.outcome.test_error == pytest.approx(single.outcome.test_error, abs=0.02)
    assert [each.trained for each in train_group_job(job, lambda payload: None)] == [False] * 3


def test_on_an_accelerator_groups_are_trained_first_and_the_rest_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[list[Recipe]] = []

    def run_here(function: Any, next_job: Any, *where: Any, **how: Any) -> Any:
        while (job := next_job()) is not None:
            here = dataclasses.replace(job, settings=settings)  # the accelerator that is not there
            trained.append(list(job.recipes) if isinstance(job, GroupJob) else [job.recipe])
            yield Event("done", job, function(here, lambda payload: None))

    monkeypatch.setattr("harness.build.run_anywhere", run_here)
    dropped = dataclasses.replace(FIVE[0], dropout=0.5)
    entries = build([*FIVE, dropped], dataclasses.replace(settings, device="cuda"), silent, progress=False)
    assert len(entries) == 6
    assert [len(group) for group in trained][-1] == 1 and trained[-1] == [dropped]
    assert sum(map(len, trained)) == 6
    assert max(map(len, trained)) > 1
