"""Models come to be in the store, once, whatever happens on the way; and what is seen of it meanwhile."""

import dataclasses
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.settings import Settings, make_settings
from harness.store.published import Published
from harness.store.secret_folder import found_in
from harness.store.store import Store
from harness.training.recipe import Recipe
from harness.workers.executors import InThisProcess
from harness.workers.pool import Event
from harness.workers.worker_process import Report
from harness.zoo.build import build
from harness.zoo.train_jobs import GroupJob, TrainJob, train_job
from harness.zoo.zoo import Twin, recipes, twins
from tests.conftest import TINY

pytestmark = pytest.mark.slow

FIVE = recipes(TINY, ["random_labels"])[:5]
GATES = twins(TINY, "random_labels")[0]
EQUAL = Twin(dataclasses.replace(GATES.natural, steps_of="random_labels"), GATES.randomized)
RECIPE = Recipe(
    data_set="digits", network="mlp_1x16", learning_rate=0.1, seed=0, num_train=60, batch_size=30, max_epochs=100
)
OTHERS = [dataclasses.replace(RECIPE, seed=seed, max_epochs=3) for seed in (1, 2)]


def silent(text: str) -> None:
    raise AssertionError(f"said: {text}")


def digests(settings: Settings) -> dict[str, str]:
    return {folder.name: (folder / "model.safetensors").read_bytes().hex() for folder in stored(settings)}


def stored(settings: Settings) -> list[Path]:
    return sorted((found_in(settings.cache_dir) / "models").glob("*/*"))


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
    assert len(list((found_in(settings.cache_dir) / "quarantine").iterdir())) == 1


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
    models = build(FIVE[:1], settings, silent, progress=False)
    trained = Store(settings.cache_dir).load(FIVE[0], settings.data_dir)
    assert (trained.logits.argmax(dim=1) != trained.labels).float().mean().item() == pytest.approx(
        models[FIVE[0]].outcome.train_error
    )
    assert trained.history.steps == models[FIVE[0]].outcome.steps


@pytest.mark.slow
def test_workers_build_equal_steps_in_whichever_order_they_are_asked_for(settings: Settings) -> None:
    said: list[str] = []
    found = build([EQUAL.natural, EQUAL.randomized], settings, said.append, progress=False)
    assert found[EQUAL.natural].outcome.steps == found[EQUAL.randomized].outcome.steps
    assert len(stored(settings)) == 2


def test_on_an_accelerator_groups_are_trained_first_and_the_rest_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[list[Recipe]] = []

    def run_here(function: Any, next_job: Any, *where: Any, **how: Any) -> Any:
        while (job := next_job()) is not None:
            here = dataclasses.replace(job, settings=settings)  # the accelerator that is not there
            trained.append(list(job.recipes) if isinstance(job, GroupJob) else [job.recipe])
            yield Event("done", job, function(here, lambda payload: None))

    monkeypatch.setattr("harness.workers.retrying.run_anywhere", run_here)
    dropped = dataclasses.replace(FIVE[0], dropout=0.5)
    alike = [dataclasses.replace(FIVE[0], seed=seed) for seed in range(5)]
    models = build([*alike, dropped], dataclasses.replace(settings, device="cuda"), silent, progress=False)
    assert len(models) == 6
    assert [len(group) for group in trained][-1] == 1 and trained[-1] == [dropped]
    assert sum(map(len, trained)) == 6
    assert max(map(len, trained)) > 1


def job_that_reports(job: TrainJob, report: Report) -> Published | None:
    report(f"seed {job.recipe.seed} reports")
    return train_job(job, report)


@pytest.mark.parametrize("watched", [True, False], ids=["terminal", "file"])
def test_reports_of_the_workers_show_beside_the_models_done(
    watched: bool, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("harness.zoo.build.train_job", job_that_reports)
    monkeypatch.setattr("sys.stderr.isatty", lambda: watched)
    build(OTHERS, settings)
    shown = re.split(r"[\r\n]+", capsys.readouterr().err)
    lines = [line for line in shown if "reports" in line]
    if watched:
        assert any(re.search(r"training: .*0/2 .*seed [12] reports\]", line) for line in lines)
    else:
        assert not lines  # a line every ten seconds is enough for a file
    assert "2/2" in "".join(shown)
    assert not any("2/2" in line and "reports" in line for line in shown)


def test_stored_is_called_once_for_every_recipe_when_its_model_is_there(settings: Settings) -> None:
    train_job(TrainJob(RECIPE, settings), lambda payload: None)
    store, called = Store(settings.cache_dir), []

    def stored(recipe: Recipe) -> None:
        assert store.find(recipe) is not None
        called.append(recipe)

    wanted = [OTHERS[0], RECIPE, OTHERS[1]]
    build(wanted, settings, progress=False, stored=stored)
    assert called[0] == RECIPE  # it was there already
    assert sorted(recipe.seed for recipe in called) == [0, 1, 2]
    called.clear()
    build(wanted, settings, progress=False, stored=stored)
    assert called == wanted


@pytest.mark.slow
def test_a_model_that_is_seen_only_after_a_while_is_waited_for(settings: Settings) -> None:
    """As on a network file system, which remembers for a time that a name was not there."""
    recipe = recipes(TINY, ["random_labels"])[0]
    place = Store(settings.cache_dir).folder(recipe)

    class Late(InThisProcess):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
            future = super().submit(fn, *args, **kwargs)
            place.rename(settings.cache_dir / "unseen")
            threading.Timer(1.0, (settings.cache_dir / "unseen").rename, (place,)).start()
            return future

    models = build(iter([recipe, recipe]), settings, progress=False, executor=Late())
    assert [*models] == [recipe]


@pytest.mark.slow
def test_a_model_that_was_removed_is_not_waited_for_long(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.zoo.build.VISIBLE_SECONDS", 0.5)
    recipe = recipes(TINY, ["random_labels"])[0]

    class Gone(InThisProcess):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
            future = super().submit(fn, *args, **kwargs)
            Store(settings.cache_dir).set_aside(recipe)
            return future

    with pytest.raises(HarnessError, match=r"is gone from .*; was it removed"):
        build([recipe], settings, progress=False, executor=Gone())
