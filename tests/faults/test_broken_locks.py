"""A network file system on which every lock is granted: writers race, and the store is whole all the same."""

import fcntl
import multiprocessing
import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from harness.settings import Settings
from harness.store.published import Published
from harness.store.store import Store, StoredModel
from harness.training.recipe import Recipe
from harness.workers.worker_process import Report
from harness.zoo.train_jobs import TrainJob, train_job
from tests.faults.conftest import RECIPES, Forked, attempts

WRITERS = 4
PUBLISH = Store.publish


def granted(*arguments: object) -> None:
    """Whatever lock is asked for."""


def noted(self: Store, recipe: Recipe, *arguments: Any, **more: Any) -> StoredModel:
    model = PUBLISH(self, recipe, *arguments, **more)
    with open(self.cache_dir / "published", "a") as file:
        file.write(recipe.key + "\n")
    return model


def job_that_races(job: TrainJob, report: Report) -> Published | None:
    """In a worker: every lock is free, and the first models are begun when all writers are at theirs."""
    fcntl.flock = fcntl.lockf = granted  # type: ignore[assignment]
    Store.publish = noted  # type: ignore[method-assign]
    begun, run = job.settings.cache_dir / "begun", multiprocessing.parent_process()
    assert run is not None
    begun.mkdir(exist_ok=True)
    (begun / str(run.pid)).touch()
    while len(os.listdir(begun)) < WRITERS:
        time.sleep(0.005)
    return train_job(job, report)


@pytest.mark.long
@pytest.mark.slow
def test_four_writers_for_whom_every_lock_is_free_leave_one_whole_model_each(
    settings: Settings, fork: Forked, complete: Callable[[], None]
) -> None:
    runs = [fork(settings, job_that_races) for _ in range(WRITERS)]
    for run in runs:
        run.join(timeout=240)
    assert [run.exitcode for run in runs] == [0] * WRITERS
    published = (settings.cache_dir / "published").read_text().split()
    assert len(published) > len(RECIPES), "the writers did not race: were the locks respected?"
    assert set(attempts(settings.cache_dir)) == set(RECIPES)
    complete()
