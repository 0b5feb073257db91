"""Models by the hundred with workers killed at random all the while: every one is trained, and nothing grows."""

import contextlib
import hashlib
import os
import random
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from harness.settings import Settings, make_settings
from harness.store.store import Store
from harness.store.stored_model import StoredModel
from harness.training.recipe import Recipe
from harness.zoo.build import build
from tests.faults.conftest import server

BATCH = 500
LEAST = 2000
MODELS_A_KILL = 30, 70
LONGEST_DELAY = 0.05  # seconds after a model is stored: longer than a training takes here


def tiny(first: int, count: int) -> list[Recipe]:
    fixed = {"data_set": "digits", "network": "mlp_1x4", "learning_rate": 0.1, "num_train": 20, "max_epochs": 1}
    return [Recipe(**fixed, seed=seed) for seed in range(first, first + count)]  # type: ignore[arg-type]


def digest(model: StoredModel) -> bytes:
    return hashlib.sha256(repr(model).encode()).digest()


def memory() -> tuple[int, int, int]:
    """Bytes resident of this process, the server that workers are forked from, and the largest worker."""
    workers = []
    for worker in server().children():
        try:
            workers.append(worker.memory_info().rss)
        except psutil.Error:
            pass  # it ends just now
    return psutil.Process().memory_info().rss, server().memory_info().rss, max(workers, default=0)


class Soak:
    """Models trained in one store, and what was killed, said and measured meanwhile."""

    def __init__(self, settings: Settings, models_a_kill: tuple[int, int]):
        self.settings, self.models_a_kill = settings, models_a_kill
        self.choice = random.Random(0)
        self.kills, self.said = 0, list[str]()
        # Seeds and digests, and no models: of 15,000 of those this process would itself grow by 50 MB.
        self.stored, self.found = list[int](), dict[int, bytes]()
        self.samples = list[tuple[int, int, int]]()
        self.next_kill = self.choice.randint(*models_a_kill)

    def train(self, recipes: list[Recipe]) -> None:
        before = len(self.stored)
        found = build(recipes, self.settings, self.said.append, progress=False, stored=self._count)
        assert len(self.stored) - before == len(found) == len(recipes)
        self.found |= {recipe.seed: digest(model) for recipe, model in found.items()}

    def check(self) -> None:
        """Every model is stored once and whole, the kills were felt, and nothing is left lying."""
        assert len(set(self.stored)) == len(self.stored)
        assert len([sentence for sentence in self.said if "was lost" in sentence]) >= self.kills / 2
        store = Store(self.settings.cache_dir)
        for recipe in tiny(0, len(self.stored)):
            kept = store.verify(recipe)
            assert kept is not None and digest(kept) == self.found[recipe.seed]
        assert not list(store.temporary.iterdir())

    def _kill_one(self) -> None:
        if workers := server().children():
            with contextlib.suppress(ProcessLookupError):  # it ends just now
                os.kill(self.choice.choice(workers).pid, signal.SIGKILL)
                self.kills += 1

    def _count(self, recipe: Recipe) -> None:
        # By models, not by seconds: a slow machine would have one killed more often than it can try again.
        self.stored.append(recipe.seed)
        if len(self.stored) >= self.next_kill:
            self.next_kill += self.choice.randint(*self.models_a_kill)
            threading.Timer(self.choice.uniform(0, LONGEST_DELAY), self._kill_one).start()
        if len(self.stored) % 100 == 0:
            self.samples.append(memory())


@pytest.mark.slow
def test_120_models_with_random_kills_are_all_trained(tmp_path: Path) -> None:
    soak = Soak(make_settings(cache_dir=str(tmp_path / "cache"), workers=2), (15, 25))
    soak.train(tiny(0, 120))
    soak.check()
    assert soak.kills >= 3


@pytest.mark.long
def test_thousands_of_models_with_random_kills_are_all_trained_and_memory_stays_flat(
    tmp_path: Path, seconds: float
) -> None:
    """2,000 models, and more while there is time."""
    soak = Soak(make_settings(cache_dir=str(tmp_path / "cache"), workers=2), MODELS_A_KILL)
    end = time.monotonic() + seconds
    while len(soak.stored) < LEAST or time.monotonic() < end:
        soak.train(tiny(len(soak.stored), BATCH))
    soak.check()
    assert soak.kills >= 20
    for early, late in zip(soak.samples[3], soak.samples[-1], strict=True):  # after 400 models, when all is imported
        assert late < early + 20_000_000, soak.samples
    print(f"{soak.kills} kills; bytes of this process, the server and the largest worker:", soak.samples[3::4])
