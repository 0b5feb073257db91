"""A job that dies, raises, hangs or takes all the memory, every time: after three attempts it is named."""

import dataclasses
import os
import re
import signal
import time
from collections.abc import Callable

import pytest

from harness.errors import HarnessError
from harness.files.private_folder import private_folder
from harness.settings import Settings
from harness.store.published import Published
from harness.store.secret_folder import found_in
from harness.store.store import Store
from harness.training.recipe import Recipe
from harness.workers.worker_process import Report
from harness.zoo.build import build
from harness.zoo.train_jobs import TrainJob, train_job
from tests.faults.conftest import RECIPES, attempts, digests, litter

pytestmark = pytest.mark.slow


def note(job: TrainJob) -> None:
    with open(job.settings.cache_dir / f"{job.recipe.key}.attempts", "a") as file:
        file.write(f"{job.attempt} ")


def dies(job: TrainJob, report: Report) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def raises(job: TrainJob, report: Report) -> None:
    raise ArithmeticError("it does not add up")


def hangs(job: TrainJob, report: Report) -> None:
    time.sleep(600)


def takes_all_memory(job: TrainJob, report: Report) -> None:
    taken = []
    while True:
        taken.append(bytearray(os.urandom(1 << 20)) * 16)
        report(None)  # it is not silent, however slow the machine is


def dies_writing(job: TrainJob, report: Report) -> None:
    """Half of a model in its private folder, and the process is gone."""
    with private_folder(found_in(job.settings.cache_dir) / "tmp") as folder:
        (folder / "model.safetensors").write_bytes(b"half of " * 1000)
        os.kill(os.getpid(), signal.SIGKILL)


BAD: dict[Recipe, tuple[Callable[[TrainJob, Report], None], str]] = {
    RECIPES[0]: (dies, "its process was ended by SIGKILL"),
    RECIPES[2]: (raises, "ArithmeticError: it does not add up"),
    RECIPES[3]: (hangs, "nothing was heard of it for 2 s"),
    RECIPES[5]: (takes_all_memory, r"its process used \d\.\d\d GB, above --worker-memory"),
    RECIPES[6]: (dies_writing, "its process was ended by SIGKILL"),
}
OTHERS = [recipe for recipe in RECIPES if recipe not in BAD]


def bad_job(job: TrainJob, report: Report) -> Published | None:
    if job.recipe in BAD:
        note(job)
        BAD[job.recipe][0](job, report)
    return train_job(job, report)


@pytest.mark.long  # fifteen processes are lost
def test_each_is_tried_three_times_and_named_while_the_others_are_trained_and_when_mended_they_alone(
    settings: Settings, undisturbed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = dataclasses.replace(settings, training_timeout=2.0, worker_memory=1_500_000_000)
    said: list[str] = []
    with monkeypatch.context() as patch, pytest.raises(HarnessError) as failure:
        patch.setattr("harness.zoo.build.train_job", bad_job)
        build(RECIPES, limited, said.append, progress=False)
    assert re.match(r"training failed 3 times: .*\. All others are stored under ", str(failure.value))
    before = digests(settings.cache_dir)
    assert before == {recipe.key: undisturbed[recipe.key] for recipe in OTHERS}
    assert attempts(settings.cache_dir) == dict.fromkeys(OTHERS, 1)
    for recipe, (_, how) in BAD.items():
        assert re.search(rf"{recipe.id} \({how}\)", str(failure.value))
        assert (settings.cache_dir / f"{recipe.key}.attempts").read_text() == "1 2 3 "
        of_it = [sentence for sentence in said if recipe.id in sentence]
        assert [
            re.search(r"attempt (\d) of 3 follows|failed (3) times", sentence) is not None for sentence in of_it
        ] == [True] * 3
    assert len(said) == 3 * len(BAD)
    assert litter(settings.cache_dir) == []
    stored: list[Recipe] = []
    build(BAD, settings, progress=False, stored=stored.append)
    assert set(stored) == set(BAD) and len(stored) == len(BAD)
    assert digests(settings.cache_dir) == undisturbed


def slow_but_alive(job: TrainJob, report: Report) -> Published | None:
    for _ in range(8):
        time.sleep(0.4)
        report(None)
    return train_job(job, report)


@pytest.mark.long
def test_a_training_that_goes_on_is_not_ended_however_long_it_takes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.zoo.build.train_job", slow_but_alive)
    build(RECIPES[:2], dataclasses.replace(settings, training_timeout=2.5), progress=False)
    assert set(attempts(settings.cache_dir).values()) == {1}


def test_a_training_says_after_its_steps_that_it_goes_on(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.zoo.train_jobs.SECONDS_BETWEEN_SIGNS", 0.0)
    reports: list[object] = []
    published = train_job(TrainJob(RECIPES[0], settings), reports.append)
    assert published is not None
    model = Store(settings.cache_dir).find(RECIPES[0])
    assert model is not None and reports.count(None) == model.outcome.steps
