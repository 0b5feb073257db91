"""kill -9 of a worker, whenever it comes: it costs an attempt, and nothing else."""

import os
import random
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from harness.settings import make_settings
from harness.workers.pool import warm_up
from harness.zoo.build import build
from tests.faults.conftest import RECIPES, attempts, digests, litter, server


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
    try:
        return [process for process in server().children() if process.status() != psutil.STATUS_ZOMBIE]
    except psutil.NoSuchProcess:
        return []


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    warm_up()


def kill_again_and_again(tmp_path: Path, undisturbed: dict[str, str], seconds: float, least: int) -> tuple[int, ...]:
    """A kill in each of so many builds, and in more while there is time: how many; those lost; those tried again."""
    lost, again, number = 0, 0, 0
    end = time.monotonic() + seconds
    while number < least or time.monotonic() < end:
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
        lost, again, number = lost + len(said), again + len(repeated), number + 1
    return number, lost, again


@pytest.mark.slow
def test_a_worker_killed_at_a_random_time_costs_one_attempt(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    _, lost, _ = kill_again_and_again(tmp_path, undisturbed, seconds=0, least=4)
    assert lost >= 1, "the kills came when nothing was trained"


@pytest.mark.long
def test_twenty_times_and_more_a_worker_killed_at_a_random_time_costs_one_attempt(
    tmp_path: Path, undisturbed: dict[str, str], seconds: float
) -> None:
    number, lost, again = kill_again_and_again(tmp_path, undisturbed, seconds, least=20)
    assert lost >= number / 2 and again >= number / 4, "the kills came when nothing was trained"


@pytest.mark.slow
def test_models_are_those_of_a_serial_run_however_many_workers_train_them(
    whole: Path, undisturbed: dict[str, str]
) -> None:
    assert digests(whole) == undisturbed
    assert set(attempts(whole).values()) == {1}
