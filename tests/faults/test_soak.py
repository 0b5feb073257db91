"""2,000 models with workers killed at random all the while: every one is trained, and nothing grows."""

import contextlib
import multiprocessing.forkserver
import os
import random
import signal
import threading
from pathlib import Path

import psutil
import pytest

from harness.build import build
from harness.recipe import Recipe
from harness.settings import make_settings
from harness.store import Store

pytestmark = pytest.mark.slow

MODELS = 2000
MODELS_A_KILL = 30, 70
LONGEST_DELAY = 0.05  # seconds after a model is stored: longer than a training takes here
TINY = [
    Recipe(data_set="digits", network="mlp_1x4", learning_rate=0.1, seed=seed, num_train=20, max_epochs=1)
    for seed in range(MODELS)
]


def memory() -> tuple[int, int, int]:
    """Bytes resident of this process, the server that workers are forked from, and the largest worker."""
    server = psutil.Process(multiprocessing.forkserver._forkserver._forkserver_pid)  # type: ignore[attr-defined]
    workers = []
    for worker in server.children():
        try:
            workers.append(worker.memory_info().rss)
        except psutil.Error:
            pass  # it ends just now
    return psutil.Process().memory_info().rss, server.memory_info().rss, max(workers, default=0)


def test_2000_models_with_random_kills_are_all_trained_and_memory_stays_flat(tmp_path: Path) -> None:
    settings = make_settings(cache_dir=str(tmp_path / "cache"), workers=2)
    choice = random.Random(0)
    kills = 0
    samples: list[tuple[int, int, int]] = []
    said: list[str] = []

    def kill_one() -> None:
        nonlocal kills
        server = multiprocessing.forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
        if workers := psutil.Process(server).children():
            with contextlib.suppress(ProcessLookupError):  # it ends just now
                os.kill(choice.choice(workers).pid, signal.SIGKILL)
                kills += 1

    def count(recipe: Recipe) -> None:
        # By models, not by seconds: a slow machine would have one killed more often than it can try again.
        nonlocal next_kill
        stored.append(recipe)
        if len(stored) >= next_kill:
            next_kill += choice.randint(*MODELS_A_KILL)
            threading.Timer(choice.uniform(0, LONGEST_DELAY), kill_one).start()
        if len(stored) % 100 == 0:
            samples.append(memory())

    next_kill = choice.randint(*MODELS_A_KILL)
    stored: list[Recipe] = []
    found = build(TINY, settings, said.append, progress=False, stored=count)
    assert len(set(stored)) == len(stored) == len(found) == MODELS
    assert kills >= 20 and len([each for each in said if "was lost" in each]) >= kills / 2
    store = Store(settings.cache_dir)
    assert all(store.verify(recipe) == found[recipe] for recipe in TINY)
    assert not list(store.temporary.iterdir())
    for early, late in zip(samples[3], samples[-1], strict=True):  # after 400 models, when all is imported
        assert late < early + 20_000_000, samples
    print(f"{kills} kills; bytes of this process, the server and the largest worker: {samples[3]}, {samples[-1]}")
