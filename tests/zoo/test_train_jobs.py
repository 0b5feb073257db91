"""What a worker does to have a model in the store: alone, after its twin, or in a group; and what it reports."""

import dataclasses
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import harness.training.train
from harness.settings import Settings, make_settings
from harness.store.secret_folder import found_in
from harness.store.store import Store
from harness.training.recipe import Recipe
from harness.zoo.train_jobs import GroupJob, TrainJob, progress_report, train_group_job, train_job
from harness.zoo.zoo import Twin, recipes, twins
from tests.conftest import TINY

FIVE = recipes(TINY, ["random_labels"])[:5]
GATES = twins(TINY, "random_labels")[0]
EQUAL = Twin(dataclasses.replace(GATES.natural, steps_of="random_labels"), GATES.randomized)
RECIPE = Recipe(
    data_set="digits", network="mlp_1x16", learning_rate=0.1, seed=0, num_train=60, batch_size=30, max_epochs=100
)


def stored(settings: Settings) -> list[Path]:
    return sorted((found_in(settings.cache_dir) / "models").glob("*/*"))


def train_here(recipe: Recipe, settings: Settings) -> bool:
    """Whether it was trained; False if it was there."""
    published = train_job(TrainJob(recipe, settings), lambda payload: None)
    assert published is not None and published.recipe == recipe
    return published.trained


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
    model = Store(settings.cache_dir).find(recipe)
    assert model is not None
    assert (model.outcome.steps, model.outcome.epochs) == (16, 4)


def test_a_twin_that_is_there_lends_its_steps_and_is_not_trained_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_here(EQUAL.randomized, settings)
    trained: list[Recipe] = []
    original = harness.training.train.train

    def counted(recipe: Recipe, *arguments: Any) -> Any:
        trained.append(recipe)
        return original(recipe, *arguments)

    monkeypatch.setattr("harness.training.train.train", counted)
    train_here(EQUAL.natural, settings)
    assert trained == [EQUAL.natural]
    assert not train_here(EQUAL.natural, settings)
    assert trained == [EQUAL.natural]


def test_a_twin_that_another_run_is_training_is_waited_for(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.store.store.LOCK_SECONDS", 0.05)
    store = Store(settings.cache_dir)
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(train_here(EQUAL.natural, settings)))
    with store.lock(EQUAL.randomized):
        waiting.start()
        time.sleep(0.3)
        assert waiting.is_alive()
        assert store.find(EQUAL.natural) is None
        store.publish(EQUAL.randomized, *harness.training.train.train(EQUAL.randomized, settings.data_dir))
    waiting.join(timeout=60)
    assert answers == [True]
    model, twin = store.find(EQUAL.natural), store.find(EQUAL.randomized)
    assert model is not None and twin is not None
    assert model.outcome.steps == twin.outcome.steps


def test_a_group_is_trained_together_and_stored_as_its_models_are_alone(settings: Settings, tmp_path: Path) -> None:
    alone = make_settings(cache_dir=str(tmp_path / "alone"), workers=1)
    group = [dataclasses.replace(FIVE[0], seed=seed) for seed in range(3)]
    train_job(TrainJob(group[0], settings), lambda payload: None)  # is there already
    job = GroupJob(tuple(group), settings)
    published = train_group_job(job, lambda payload: None)
    assert [(model.recipe, model.trained) for model in published] == [
        (group[0], False),
        (group[1], True),
        (group[2], True),
    ]
    for recipe in group:
        train_job(TrainJob(recipe, alone), lambda payload: None)
        together, single = Store(settings.cache_dir).find(recipe), Store(alone.cache_dir).find(recipe)
        assert together is not None and single is not None
        assert together.outcome.fitted
        assert abs(together.outcome.steps - single.outcome.steps) <= 1
        assert together.outcome.test_error == pytest.approx(single.outcome.test_error, abs=0.02)
    assert [model.trained for model in train_group_job(job, lambda payload: None)] == [False] * 3


class Clock:
    """Time that passes as the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.now = 1000.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def reports(clock: Clock, recipe: Recipe, epochs: list[tuple[float, int, float]]) -> list[str]:
    """What is said when these (seconds since the last, epoch, loss) have passed."""
    said: list[str] = []
    after_epoch = progress_report(recipe, said.append)
    for seconds, epoch, loss in epochs:
        clock.now += seconds
        after_epoch(epoch, loss)
    return said


def test_a_report_says_the_epoch_the_loss_and_the_time_that_is_left_at_most(clock: Clock) -> None:
    said = reports(clock, RECIPE, [(30, 1, 2.3), (6, 2, 1.5), (6, 3, 0.12345)])
    name = "digits-mlp_1x16-true_labels-n60-batch30-rate0.1-epochs100-seed0"
    assert said == [
        f"{name} epoch 2 of at most 100, loss 1.5, at most 9:48 left",  # 98 epochs of 6 seconds
        f"{name} epoch 3 of at most 100, loss 0.123, at most 9:42 left",
    ]


def test_a_training_of_so_many_epochs_knows_its_end(clock: Clock) -> None:
    (said,) = reports(clock, dataclasses.replace(RECIPE, stop_loss=0), [(0, 1, 2.3), (100, 2, 1e-5)])
    assert said.endswith("epoch 2 of 100, loss 1e-05, 2:43:20 left")


def test_it_reports_every_few_seconds_and_no_oftener(clock: Clock) -> None:
    said = reports(clock, RECIPE, [(1, epoch, 1.0) for epoch in range(1, 22)])
    assert [int(re.findall(r"epoch (\d+) of", text)[0]) for text in said] == [5, 10, 15, 20]


def test_the_time_left_after_a_resumption_is_that_of_the_epochs_since(clock: Clock) -> None:
    (said,) = reports(clock, RECIPE, [(500, 91, 1.0), (10, 92, 1.0)])
    assert said.endswith("epoch 92 of at most 100, loss 1, at most 1:20 left")


def test_a_training_job_reports_while_it_trains(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.zoo.train_jobs.SECONDS_BETWEEN_REPORTS", 0.0)
    said: list[str] = []
    train_job(TrainJob(RECIPE, settings), said.append)
    model = Store(settings.cache_dir).find(RECIPE)
    assert model is not None
    assert [int(re.findall(r"epoch (\d+) of", text)[0]) for text in said] == list(range(2, model.outcome.epochs))
    losses = [float(re.findall(r"loss ([\d.e-]+),", text)[0]) for text in said]
    assert losses[0] > 1 > losses[-1] > 0.001
