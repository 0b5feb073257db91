"""The clock is set back while models are trained: limits and the store do not care."""

import time
from collections.abc import Callable

import pytest

from harness.settings import Settings
from harness.store.published import Published
from harness.workers.worker_process import Report
from harness.zoo.build import build
from harness.zoo.train_jobs import TrainJob, train_job
from tests.faults.conftest import RECIPES

NOW, NOW_NS = time.time, time.time_ns


def hours_back() -> int:
    """Seconds. Every tenth of a second another hour: it goes back again and again while the run is under way."""
    return 3600 * int(time.monotonic() / 0.1)


def set_back() -> float:
    return NOW() - hours_back()


def set_back_ns() -> int:
    return NOW_NS() - hours_back() * 10**9


def job_with_the_clock_set_back(job: TrainJob, report: Report) -> Published | None:
    """In a worker, which ends with the run."""
    time.time, time.time_ns = set_back, set_back_ns
    began = time.time()
    published = train_job(job, report)
    (job.settings.cache_dir / f"{job.recipe.key}.hours").write_text(f"{(time.time() - began) / 3600}")
    return published


@pytest.mark.slow
def test_a_clock_that_goes_backwards_changes_nothing(
    settings: Settings, complete: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", set_back)
        patch.setattr(time, "time_ns", set_back_ns)
        patch.setattr("harness.zoo.build.train_job", job_with_the_clock_set_back)
        began = time.time()
        assert len(build(RECIPES, settings, progress=False)) == len(RECIPES)
        assert time.time() < began - 3000, "the clock was not set back"
    hours = [float(file.read_text()) for file in settings.cache_dir.glob("*.hours")]
    assert len(hours) == len(RECIPES) and min(hours) < -0.9, "the clock of the workers was not set back"
    complete()
