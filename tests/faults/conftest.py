"""Small models, trained once without any fault: whatever happens, a store must end with these and no others."""

import hashlib
import multiprocessing.forkserver
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil
import pytest

import harness.zoo.build
from harness.settings import Settings, make_settings
from harness.store.secret_folder import found_in
from harness.store.store import Store
from harness.training.recipe import Recipe
from harness.workers.multiprocessing_config import server_address, use_server
from harness.workers.pool import warm_up
from harness.zoo.build import build
from harness.zoo.train_jobs import TrainJob, train_job
from tests import ROOT

# A third of a second each, whatever the labels: longer than it takes to find a worker and kill it in the middle.
COMMON = {"data_set": "digits", "network": "mlp_1x32", "learning_rate": 0.001, "num_train": 100, "max_epochs": 400}
RECIPES = [
    Recipe(**COMMON, seed=seed, condition=condition)  # type: ignore[arg-type]
    for seed in range(4)
    for condition in ("true_labels", "random_labels")
]
Started = Callable[..., "subprocess.Popen[str]"]
Forked = Callable[..., BaseProcess]


def digests(cache_dir: Path) -> dict[str, str]:
    """The sha256 of every model in the store, by key."""
    weights = sorted((found_in(cache_dir) / "models").glob("*/*/model.safetensors"))
    return {path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in weights}


def attempts(cache_dir: Path) -> dict[Recipe, int]:
    """Which attempt each stored model was."""
    models = {recipe: Store(cache_dir).verify(recipe) for recipe in RECIPES}
    return {recipe: model.environment["attempt"] for recipe, model in models.items() if model is not None}


def litter(cache_dir: Path) -> list[str]:
    """What lies in the store's folder for temporary files."""
    return sorted(path.name for path in (found_in(cache_dir) / "tmp").glob("*"))


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


def server() -> psutil.Process:
    """From which workers of this process, and the runs that it forks with theirs, are forked."""
    return psutil.Process(multiprocessing.forkserver._forkserver._forkserver_pid)  # type: ignore[attr-defined]


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


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder of all models, as workers train them side by side."""
    settings = make_settings(cache_dir=str(tmp_path_factory.mktemp("whole")), workers=2)
    build(RECIPES, settings, progress=False)
    return settings.cache_dir


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
    """A run with a server of its own, of `build` on RECIPES after the given lines; it ends with the test at the latest.

    It imports everything again: `fork` is for all that does not ask what becomes of the server.
    """
    processes: list[subprocess.Popen[str]] = []

    def run(settings: Settings, before: str = "") -> "subprocess.Popen[str]":
        script = tmp_path / f"run{len(processes)}.py"
        beginning = """
            import signal
            from pathlib import Path
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
            from harness.zoo.build import build
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
            env=os.environ | {"PYTHONPATH": str(ROOT)},
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
        for process in left:
            if process.is_running():
                os.kill(process.pid, signal.SIGKILL)


def run_build(address: str, settings: Settings, job: Any) -> None:
    """A run as `fork` starts it: its workers come from the server at the address, from which it was forked itself."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as at a terminal
    use_server(address)
    harness.zoo.build.train_job = job
    assert len(build(RECIPES, settings, progress=False)) == len(RECIPES)


@pytest.fixture
def fork() -> Iterator[Forked]:
    """A run of `build` on RECIPES in its own process, with `job` for train_job; it exits with 0 if all are stored."""
    processes: list[BaseProcess] = []

    def run(settings: Settings, job: Callable[..., Any] = train_job) -> BaseProcess:
        warm_up()
        arguments = (server_address(), settings, job)
        process = multiprocessing.get_context("forkserver").Process(target=run_build, args=arguments)
        process.start()
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()  # its workers end with it
        process.join()
