"""A job that dies, raises, hangs or takes all the memory, every time: after three attempts it is named."""

import dataclasses
import os
import re
import signal
import time
from collections.abc import Callable

import pytest

from harness.build import build
from harness.errors import HarnessError
from harness.private_folder import private_folder
from harness.receipt import Receipt
from harness.settings import Settings
from harness.store import Store
from harness.train_jobs import TrainJob, train_job
from harness.worker_process import Report
from tests.faults.conftest import RECIPES, attempts, digests, litter

pytestmark = pytest.mark.slow

BAD = RECIPES[2]
OTHERS = [recipe for recipe in RECIPES if recipe != BAD]


def note(job: TrainJob) -> None:
    with open(job.settings.cache_dir / "attempts", "a") as file:
        file.write(f"{job.attempt} ")


def dies(job: TrainJob, report: Report) -> Receipt | None:
    if job.recipe == BAD:
        note(job)
        os.kill(os.getpid(), signal.SIGKILL)
    return train_job(job, report)


def raises(job: TrainJob, report: Report) -> Receipt | None:
    if job.recipe == BAD:
        note(job)
        raise ArithmeticError("it does not add up")
    return train_job(job, report)


def hangs(job: TrainJob, report: Report) -> Receipt | None:
    if job.recipe == BAD:
        note(job)
        time.sleep(600)
    return train_job(job, report)


def takes_all_memory(job: TrainJob, report: Report) -> Receipt | None:
    if job.recipe == BAD:
        note(job)
        taken = []
        while True:
            taken.append(bytearray(os.urandom(1 << 20)) * 16)
    return train_job(job, report)


def dies_writing(job: TrainJob, report: Report) -> Receipt | None:
    """Half of a model in its private folder, and the process is gone."""
    if job.recipe == BAD:
        note(job)
        with private_folder(job.settings.cache_dir / "tmp") as folder:
            (folder / "model.safetensors").write_bytes(b"half of " * 1000)
            os.kill(os.getpid(), signal.SIGKILL)
    return train_job(job, report)


@pytest.mark.parametrize(
    ("function", "how", "limits"),
    [
        (dies, "its process was ended by SIGKILL", {}),
        (raises, "ArithmeticError: it does not add up", {}),
        (hangs, "nothing was heard of it for 3 s", {"training_timeout": 3.0}),
        (takes_all_memory, r"its process came to \d\.\d\d GB, above --worker-memory", {"worker_memory": 1_500_000_000}),
        (dies_writing, "its process was ended by SIGKILL", {}),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_it_is_tried_three_times_and_named_while_everything_else_is_trained(
    function: Callable[..., object],
    how: str,
    limits: dict[str, float],
    settings: Settings,
    undisturbed: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.build.train_job", function)
    said: list[str] = []
    with pytest.raises(HarnessError) as failure:
        build(RECIPES, dataclasses.replace(settings, **limits), said.append, progress=False)
    expected = rf"training failed 3 times: {BAD.id} \({how}\)\. All others are stored under .*"
    assert re.match(expected, str(failure.value))
    assert digests(settings.cache_dir) == {key: sha for key, sha in undisturbed.items() if key != BAD.key}
    assert set(attempts(settings.cache_dir)) == set(OTHERS)
    assert set(attempts(settings.cache_dir).values()) == {1}
    assert (settings.cache_dir / "attempts").read_text() == "1 2 3 "
    assert [re.search(r"attempt (\d) of 3 follows|failed (3) times", each) is not None for each in said] == [True] * 3
    assert all(BAD.id in sentence for sentence in said)
    assert litter(settings.cache_dir) == []


def test_when_it_is_mended_the_next_run_trains_it_alone(
    settings: Settings, undisturbed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("harness.build.train_job", raises)
        with pytest.raises(HarnessError):
            build(RECIPES, settings, lambda text: None, progress=False)
    stored: list[str] = []
    before = digests(settings.cache_dir)
    assert len(before) == len(OTHERS)
    build([BAD], settings, progress=False, stored=lambda recipe: stored.append(recipe.id))
    assert stored == [BAD.id]
    assert digests(settings.cache_dir) == undisturbed


def slow_but_alive(job: TrainJob, report: Report) -> Receipt | None:
    for _ in range(12):
        time.sleep(0.5)
        report(None)
    return train_job(job, report)


def test_a_training_that_goes_on_is_not_ended_however_long_it_takes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.build.train_job", slow_but_alive)
    build(RECIPES[:2], dataclasses.replace(settings, training_timeout=4.0), progress=False)
    assert set(attempts(settings.cache_dir).values()) == {1}


def test_a_training_says_after_its_steps_that_it_goes_on(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.train_jobs.SECONDS_BETWEEN_SIGNS", 0.0)
    reports: list[object] = []
    receipt = train_job(TrainJob(RECIPES[0], settings), reports.append)
    assert receipt is not None
    entry = Store(settings.cache_dir).find(RECIPES[0])
    assert entry is not None and reports.count(None) == entry.outcome.steps
