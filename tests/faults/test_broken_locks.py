"""A network file system on which every lock is granted: writers race, and the store is whole all the same."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.settings import Settings
from tests.faults.conftest import RECIPES, Started, attempts

LYING = """
import fcntl
fcntl.flock = fcntl.lockf = lambda *arguments: None
"""


@pytest.mark.slow
def test_four_writers_for_whom_every_lock_is_free_leave_one_whole_model_each(
    settings: Settings, start: Started, complete: Callable[[], None], tmp_path: Path
) -> None:
    folder = tmp_path / "lying"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(LYING)  # for the workers and the server that they are forked from as well
    noted = """
import os, time
import harness.build
from harness.store import Store
original = Store.publish
def counted(self, recipe, *arguments, **more):
    entry = original(self, recipe, *arguments, **more)
    with open(self.cache_dir / "published", "a") as file:
        file.write(recipe.key + "\\n")
    return entry
def train_job(job, report):
    Store.publish = counted
    begun = job.settings.cache_dir / "begun"
    begun.mkdir(exist_ok=True)
    (begun / str(os.getppid())).touch()  # of the server that this run's workers are forked from
    while len(os.listdir(begun)) < 4:  # all four are at their first models
        time.sleep(0.005)
    from harness.train_jobs import train_job
    return train_job(job, report)
harness.build.train_job = train_job
"""
    from tests.faults.conftest import ROOT

    runs = [start(settings, before=noted, PYTHONPATH=f"{folder}:{ROOT}") for _ in range(4)]
    for run in runs:
        out, errors = run.communicate(timeout=240)
        assert out.strip() == str(len(RECIPES)), errors
    published = (settings.cache_dir / "published").read_text().split()
    assert len(published) > len(RECIPES), "the writers did not race: were the locks respected?"
    assert set(attempts(settings.cache_dir)) == set(RECIPES)
    complete()
