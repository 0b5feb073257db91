"""Small models, trained once without any fault: whatever happens, a store must end with these and no others."""

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from harness.build import build
from harness.recipe import Recipe
from harness.settings import Settings, make_settings
from harness.store import Store
from harness.train_jobs import TrainJob, train_job

ROOT = Path(__file__).resolve().parent.parent.parent
# A third of a second each, whatever the labels: longer than it takes to find a worker and kill it in the middle.
COMMON = {"data_set": "digits", "network": "mlp_1x32", "learning_rate": 0.001, "num_train": 100, "max_epochs": 400}
RECIPES = [
    Recipe(**COMMON, seed=seed, condition=condition)  # type: ignore[arg-type]
    for seed in range(4)
    for condition in ("true_labels", "random_labels")
]
Started = Callable[..., "subprocess.Popen[str]"]


def digests(cache_dir: Path) -> dict[str, str]:
    """The sha256 of every model in the store, by key."""
    weights = sorted((cache_dir / "models").glob("*/*/model.safetensors"))
    return {path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in weights}


def attempts(cache_dir: Path) -> dict[Recipe, int]:
    """Which attempt each stored model was."""
    entries = {recipe: Store(cache_dir).verify(recipe) for recipe in RECIPES}
    return {recipe: entry.environment["attempt"] for recipe, entry in entries.items() if entry is not None}


def litter(cache_dir: Path) -> list[str]:
    """What lies in the store's folder for temporary files."""
    return sorted(path.name for path in (cache_dir / "tmp").glob("*"))


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def family(pid: int) -> list[psutil.Process]:
    """Everything that the process has started."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def gone(processes: list[psutil.Process], seconds: float = 30) -> bool:
    """Whether all of them have ended."""
    return not psutil.wait_procs(processes, timeout=seconds)[1]


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests of a serial run in one process, in which nothing happens."""
    settings = make_settings(cache_dir=str(tmp_path_factory.mktemp("undisturbed")))
    for recipe in RECIPES:
        train_job(TrainJob(recipe, settings), lambda payload: None)
    return digests(settings.cache_dir)


@pytest.fixture
def complete(settings: Settings, undisturbed: dict[str, str]) -> Callable[[], None]:
    """After the fault: another run trains what is missing, and then exactly the expected models are there."""

    def check() -> None:
        build(RECIPES, settings, progress=False)
        assert digests(settings.cache_dir) == undisturbed
        assert litter(settings.cache_dir) == []

    return check


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Started]:
    """A run of its own, of `build` on RECIPES after the given lines; ended with the test, if it has not."""
    processes: list[subprocess.Popen[str]] = []

    def run(settings: Settings, before: str = "", **environment: str) -> "subprocess.Popen[str]":
        script = tmp_path / f"run{len(processes)}.py"
        beginning = """
            import signal
            from pathlib import Path
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
            from harness.build import build
            from harness.settings import make_settings
            from tests.faults.conftest import RECIPES
        """
        end = f"""
            if __name__ == "__main__":
                settings = make_settings(cache_dir={str(settings.cache_dir)!r}, workers={settings.workers})
                found = build(RECIPES, settings, progress=False)
                print(len(found))
        """
        script.write_text("".join(textwrap.dedent(part) for part in (beginning, before, end)))
        process = subprocess.Popen(
            [sys.executable, str(script)],
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        left = family(process.pid)
        if process.poll() is None:
            process.kill()
        process.communicate()
        for each in left:
            if each.is_running():
                os.kill(each.pid, signal.SIGKILL)
