"""The run itself is killed, or interrupted: nothing of it goes on, and the next one trains exactly what is missing."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.build import build
from harness.settings import Settings
from tests.faults.conftest import RECIPES, Started, digests, family, gone, litter, wait_until

pytestmark = pytest.mark.slow


def times(cache_dir: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (cache_dir / "models").glob("*/*")}


CASES = [
    (signal.SIGKILL, 0),
    (signal.SIGKILL, 2),
    (signal.SIGTERM, 2),
    (signal.SIGINT, 1),
    (signal.SIGINT, 3),
]


@pytest.mark.parametrize(("how", "number"), CASES, ids=[f"{how.name}-after-{number}" for how, number in CASES])
def test_a_run_that_is_ended_leaves_no_process_and_the_next_trains_what_is_missing(
    how: signal.Signals, number: int, settings: Settings, undisturbed: dict[str, str], start: Started
) -> None:
    process = start(settings)
    cache = settings.cache_dir
    assert wait_until(lambda: len(digests(cache)) >= number)
    time.sleep(random.Random(number).uniform(0, 0.2))
    members = family(process.pid)
    process.send_signal(how)
    began = time.monotonic()
    process.wait(timeout=30)
    assert gone(members), "orphans"
    if how == signal.SIGINT:  # it clears up before it ends
        assert time.monotonic() - began < 10
        assert [name for name in litter(cache) if "checkpoint" not in name] == []
    kept = times(cache)
    assert all(digests(cache)[key] == undisturbed[key] for key in kept)
    build(RECIPES, settings, progress=False)
    assert digests(cache) == undisturbed
    assert {key: when for key, when in times(cache).items() if key in kept} == kept
    assert litter(cache) == []


def test_what_a_measure_has_started_ends_with_its_worker(settings: Settings, start: Started) -> None:
    marker = settings.cache_dir / "sleeper"
    process = start(
        settings,
        before=f"""
import harness.build, subprocess
from harness.train_jobs import train_job
def with_a_child(job, report):
    child = subprocess.Popen(["sleep", "600"])
    Path({str(marker)!r}).write_text(str(child.pid))
    child.wait()
harness.build.train_job = with_a_child
""",
    )
    assert wait_until(lambda: marker.exists() and marker.read_text() != "")
    members = family(process.pid)
    assert int(marker.read_text()) in [member.pid for member in members]
    process.kill()
    assert gone(members)


def test_two_runs_at_once_on_one_store_train_each_model_once(
    settings: Settings, undisturbed: dict[str, str], start: Started, complete: Callable[[], None]
) -> None:
    noted = """
import harness.build
from harness.train_jobs import train_job
def counted(job, report):
    receipt = train_job(job, report)
    if receipt is not None and receipt.trained:
        with open(job.settings.cache_dir / "trained", "a") as file:
            file.write(job.recipe.key + "\\n")
    return receipt
harness.build.train_job = counted
"""
    runs = [start(settings, before=noted) for _ in range(2)]
    assert [run.communicate(timeout=120)[0].strip() for run in runs] == [str(len(RECIPES))] * 2
    assert sorted((settings.cache_dir / "trained").read_text().split()) == sorted(undisturbed)
    complete()
