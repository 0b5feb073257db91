"""What is seen of a training while it lasts: where it stands, what is left, and what is in the store already."""

import dataclasses
import re

import pytest

from harness.build import build
from harness.progress import progress_bar
from harness.receipt import Receipt
from harness.recipe import Recipe
from harness.settings import Settings
from harness.store import Store
from harness.train_jobs import TrainJob, progress_report, train_job
from harness.worker_process import Report

RECIPE = Recipe(
    data_set="digits", network="mlp_1x16", learning_rate=0.1, seed=0, num_train=60, batch_size=30, max_epochs=100
)
OTHERS = [dataclasses.replace(RECIPE, seed=seed, max_epochs=3) for seed in (1, 2)]


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
    monkeypatch.setattr("harness.train_jobs.SECONDS_BETWEEN_REPORTS", 0.0)
    said: list[str] = []
    train_job(TrainJob(RECIPE, settings), said.append)
    entry = Store(settings.cache_dir).find(RECIPE)
    assert entry is not None
    assert [int(re.findall(r"epoch (\d+) of", text)[0]) for text in said] == list(range(2, entry.outcome.epochs))
    losses = [float(re.findall(r"loss ([\d.e-]+),", text)[0]) for text in said]
    assert losses[0] > 1 > losses[-1] > 0.001


def job_that_reports(job: TrainJob, report: Report) -> Receipt | None:
    report(f"seed {job.recipe.seed} reports")
    return train_job(job, report)


@pytest.mark.parametrize("watched", [True, False], ids=["terminal", "file"])
def test_reports_of_the_workers_show_beside_the_models_done(
    watched: bool, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("harness.build.train_job", job_that_reports)
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


def test_where_nobody_watches_a_report_is_a_line_when_one_is_due_also_after_a_model_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr("sys.stderr.isatty", lambda: False)
    bar = progress_bar("training", 3, "models", True)
    monkeypatch.setattr(bar, "_time", lambda: now)
    bar.start_t = bar.last_print_t = now
    lines = []
    for minute in range(4):
        bar.update(1 if minute in (1, 2) else 0)
        for _ in range(6):
            now += 11
            capsys.readouterr()
            bar.set_postfix_str(f"after {now:.0f} seconds", refresh=False)
            bar.update(0)
            lines.append(f"after {now:.0f} seconds" in capsys.readouterr().err)
    bar.close()
    assert all(lines)


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
