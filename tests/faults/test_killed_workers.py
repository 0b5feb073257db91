"""kill -9 of a worker, whenever it comes: it costs an attempt, and nothing else."""

import multiprocessing.forkserver
import os
import random
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from harness.build import build
from harness.settings import Settings, make_settings
from harness.workers import warm_up
from tests.faults.conftest import RECIPES, attempts, digests, litter

pytestmark = pytest.mark.slow


class Killer:
    """Kills one worker of this process, so many seconds after the first is seen."""

    def __init__(self, seconds: float, choice: random.Random):
        self.seconds, self.choice = seconds, choice
        self.killed = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._kill)

    def __enter__(self) -> "Killer":
        self.thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.ended.set()
        self.thread.join()

    def _kill(self) -> None:
        while not self.ended.is_set() and not workers():
            time.sleep(0.002)
        time.sleep(self.seconds)
        while not self.ended.is_set() and not self.killed:
            if found := workers():
                os.kill(self.choice.choice(found).pid, signal.SIGKILL)
                self.killed += 1


def workers() -> list[psutil.Process]:
    server = multiprocessing.forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    try:
        return [each for each in psutil.Process(server).children() if each.status() != psutil.STATUS_ZOMBIE]
    except psutil.NoSuchProcess:
        return []


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    warm_up()


def test_twenty_times_a_worker_killed_at_a_random_time_costs_one_attempt(
    tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    lost, again = 0, 0
    for number in range(20):
        settings = make_settings(cache_dir=str(tmp_path / str(number)), workers=2)
        choice = random.Random(number)
        said: list[str] = []
        with Killer(choice.uniform(0.0, 0.8), choice) as killer:
            found = build(RECIPES, settings, said.append, progress=False)
        assert len(found) == len(RECIPES)
        assert digests(settings.cache_dir) == undisturbed
        assert litter(settings.cache_dir) == []
        assert len(said) <= killer.killed <= 1
        assert all("ended by SIGKILL; attempt 2 of 3 follows" in sentence for sentence in said)
        repeated = {recipe.id: attempt for recipe, attempt in attempts(settings.cache_dir).items() if attempt > 1}
        # One that is killed after its model was published costs an attempt too, which finds the model there.
        assert repeated.items() <= {sentence.split()[1]: 2 for sentence in said}.items()
        lost, again = lost + len(said), again + len(repeated)
    assert lost >= 10 and again >= 5, "the kills came when nothing was trained"


def test_models_are_those_of_a_serial_run_however_many_workers_train_them(
    settings: Settings, undisturbed: dict[str, str]
) -> None:
    build(RECIPES, settings, progress=False)
    assert digests(settings.cache_dir) == undisturbed
    assert set(attempts(settings.cache_dir).values()) == {1}
