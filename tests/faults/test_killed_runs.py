"""The run itself is killed, or interrupted: nothing of it goes on, and the next one trains exactly what is missing."""

import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from harness.settings import Settings
from harness.store.published import Published
from harness.store.secret_folder import found_in
from harness.workers.pool import warm_up
from harness.workers.worker_process import Report
from harness.zoo.build import build
from harness.zoo.train_jobs import TrainJob, train_job
from tests.faults.conftest import RECIPES, Forked, Started, digests, family, gone, litter, server, wait_until

pytestmark = pytest.mark.slow


def times(cache_dir: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (found_in(cache_dir) / "models").glob("*/*")}


def wait_for_models(number: int, settings: Settings) -> None:
    """Until so many are stored, and a moment more."""
    assert wait_until(lambda: len(digests(settings.cache_dir)) >= number)
    time.sleep(random.Random(number).uniform(0, 0.2))


def is_cleared_up_soon(began: float, settings: Settings) -> None:
    """After Ctrl-C: it clears up before it ends."""
    assert time.monotonic() - began < 10
    assert [name for name in litter(settings.cache_dir) if "checkpoint" not in name] == []


def the_next_trains_what_is_missing(settings: Settings, undisturbed: dict[str, str]) -> None:
    cache = settings.cache_dir
    kept = times(cache)
    assert all(digests(cache)[key] == undisturbed[key] for key in kept)
    build(RECIPES, settings, progress=False)
    assert digests(cache) == undisturbed
    assert {key: when for key, when in times(cache).items() if key in kept} == kept
    assert litter(cache) == []


CASES = [(signal.SIGKILL, 0), (signal.SIGTERM, 2), (signal.SIGINT, 3)]


@pytest.mark.parametrize(("how", "number"), CASES, ids=[f"{how.name}-after-{number}" for how, number in CASES])
def test_a_run_that_is_ended_leaves_no_worker_and_the_next_trains_what_is_missing(
    how: signal.Signals, number: int, settings: Settings, undisturbed: dict[str, str], fork: Forked
) -> None:
    warm_up()
    others = server().children()
    process = fork(settings)
    assert wait_until(lambda: len(server().children()) >= len(others) + 2)  # the run and its first worker
    wait_for_models(number, settings)
    members = [member for member in server().children() if member not in others]
    assert len(members) >= 2
    began = time.monotonic()
    assert process.pid is not None
    psutil.Process(process.pid).send_signal(how)
    process.join(timeout=30)
    assert process.exitcode not in (0, None)
    assert gone(members), "orphans"
    if how == signal.SIGINT:
        is_cleared_up_soon(began, settings)
    the_next_trains_what_is_missing(settings, undisturbed)


def with_a_child(job: TrainJob, report: Report) -> Published | None:
    """In a worker: train the recipe; the first one's worker starts a process and waits for it."""
    if job.recipe != RECIPES[0]:
        return train_job(job, report)
    child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (job.settings.cache_dir / "sleeper").write_text(str(child.pid))
    child.wait()
    return None


WITH_A_CHILD = """
import harness.zoo.build
from tests.faults.test_killed_runs import with_a_child
harness.zoo.build.train_job = with_a_child
"""


@pytest.mark.long
@pytest.mark.parametrize(("how", "number"), [(signal.SIGKILL, 2), (signal.SIGINT, 1)], ids=["SIGKILL", "SIGINT"])
def test_the_server_of_a_run_and_what_a_measure_has_started_end_with_it(
    how: signal.Signals, number: int, settings: Settings, undisturbed: dict[str, str], start: Started
) -> None:
    process = start(settings, before=WITH_A_CHILD)
    sleeper = settings.cache_dir / "sleeper"
    assert wait_until(lambda: sleeper.exists() and sleeper.read_text() != "")
    wait_for_models(number, settings)
    members = family(process.pid)
    assert int(sleeper.read_text()) in [member.pid for member in members]
    process.send_signal(how)
    began = time.monotonic()
    process.wait(timeout=30)
    assert gone(members), "orphans"
    if how == signal.SIGINT:
        is_cleared_up_soon(began, settings)
    the_next_trains_what_is_missing(settings, undisturbed)


def counted(job: TrainJob, report: Report) -> Published | None:
    """In a worker: train the recipe, and note that it was trained."""
    published = train_job(job, report)
    if published is not None and published.trained:
        with open(job.settings.cache_dir / "trained", "a") as file:
            file.write(job.recipe.key + "\n")
    return published


def test_two_runs_at_once_on_one_store_train_each_model_once(
    settings: Settings, undisturbed: dict[str, str], fork: Forked, complete: Callable[[], None]
) -> None:
    runs = [fork(settings, counted) for _ in range(2)]
    for run in runs:
        run.join(timeout=120)
    assert [run.exitcode for run in runs] == [0, 0]
    assert sorted((settings.cache_dir / "trained").read_text().split()) == sorted(undisturbed)
    complete()
