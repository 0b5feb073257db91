"""What more workers bring, what supervision costs, and how a store behaves that has ten thousand models.

    pytest tests/benchmarks/test_scale.py

Efficiency (what two workers do in a minute, over twice what one does) stands in the extra info of the second of the
two, measured side by side: on a machine that has other things to do it is less.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.evaluation.evaluate import evaluate
from harness.evaluation.measure_lookup import find_measures
from harness.settings import Settings, make_settings
from harness.store.listing import keys, read_stored_model
from harness.store.store import Store
from harness.store.stored_model import HEADER, WEIGHTS, as_bytes, sha256_of_json
from harness.training.recipe import Recipe
from harness.training.train import train
from harness.workers.executors import run_anywhere
from harness.workers.pool import Limits, run_jobs, warm_up
from harness.workers.remote import end_kept
from harness.workers.worker_process import Report
from harness.zoo.build import build
from tests.benchmarks.digits_networks import TWINS
from tests.workers.test_executors import Act

pytestmark = pytest.mark.slow

ENTRIES = 10_000
ROUNDS = 5


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """The server that workers are forked from has imported what they need."""
    warm_up()
    queue = [1]
    assert len(list(run_jobs(nothing, lambda: queue.pop() if queue else None, 1))) == 1


def nothing(job: object, report: Report) -> None:
    """A job that costs nothing but its way there and back."""


def seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def alternating(
    benchmark: BenchmarkFixture, timed: dict[int, Callable[[int], float]], items: int, rounds: int, of: str
) -> None:
    """The seconds for the same work with one and two workers, in turn; the ratio of medians is the efficiency."""
    found: dict[int, list[float]] = {workers: [] for workers in timed}

    def both() -> None:
        for workers, call in timed.items():
            found[workers].append(call(len(found[workers])))

    benchmark.pedantic(both, rounds=rounds)
    one, two = (statistics.median(found[workers]) for workers in (1, 2))
    benchmark.extra_info[f"{of}, 1 worker [a minute]"] = round(60 * items / one, 1)
    benchmark.extra_info[f"{of}, 2 workers [a minute]"] = round(60 * items / two, 1)
    benchmark.extra_info["efficiency at 2"] = round(one / two / 2, 3)


def test_models_trained_a_minute(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Sixteen models of the digits zoo: twins of each network."""

    def trained(workers: int) -> Callable[[int], float]:
        def call(number: int) -> float:
            cache = str(tmp_path / f"{workers}-{number}")
            return seconds(lambda: build(TWINS, make_settings(cache, workers=workers), progress=False))

        return call

    alternating(benchmark, {workers: trained(workers) for workers in (1, 2)}, len(TWINS), rounds=2, of="models")


def test_rows_evaluated_a_minute(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """All fast measures on those models."""
    settings = make_settings(str(tmp_path / "cache"), workers=2)
    entries = build(TWINS, settings, progress=False)
    measures = find_measures(["all"], "fast")

    def evaluated(workers: int) -> Callable[[int], float]:
        def call(number: int) -> float:
            forgotten = Settings(cache_dir=settings.cache_dir, data_dir=settings.data_dir, workers=workers)
            for rows in (settings.cache_dir / "rows").glob("*.jsonl"):
                rows.unlink()
            return seconds(lambda: evaluate(measures, dict(entries), [], forgotten, progress=False))

        return call

    rows = len(TWINS) * len(measures)
    alternating(benchmark, {workers: evaluated(workers) for workers in (1, 2)}, rows, rounds=2, of="rows")


@pytest.mark.parametrize("where", ["supervised worker", "executor"])
def test_a_job_costs_its_supervision(benchmark: BenchmarkFixture, where: str, tmp_path: Path) -> None:
    """A hundred jobs that do nothing, each to a worker and back; in the first case the start of the worker as well."""
    from concurrent.futures import ThreadPoolExecutor

    settings = make_settings(str(tmp_path), workers=1)
    with ThreadPoolExecutor(1) as threads:
        executor = threads if where == "executor" else None

        def hundred() -> None:
            queue = [Act(str(number), settings) for number in range(100)]
            jobs = run_anywhere(
                nothing, lambda: queue.pop() if queue else None, settings, Limits(60.0, 10**12), executor
            )
            assert sum(event.kind == "done" for event in jobs) == 100

        benchmark.pedantic(hundred, rounds=ROUNDS, warmup_rounds=1)
    end_kept()
    benchmark.extra_info["a job [ms]"] = round(1000 * benchmark.stats.stats.median / 100, 2)


@pytest.mark.parametrize("command", [["zoo", "list"], ["--help"]], ids=["zoo list", "help"])
def test_start_up_of_the_command(benchmark: BenchmarkFixture, command: list[str], tmp_path: Path) -> None:
    """In a process of its own, on an empty store."""
    more = ["--cache-dir", str(tmp_path)] if command[0] == "zoo" else []
    arguments = [sys.executable, "-m", "harness", *command, *more]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    benchmark.pedantic(
        lambda: subprocess.run(arguments, check=True, env=environment, stdout=subprocess.DEVNULL),
        rounds=ROUNDS,
        warmup_rounds=1,
    )


# The store


MODEL = Recipe(data_set="digits", network="convnet", learning_rate=0.06, seed=0, max_epochs=1)


@pytest.mark.parametrize("what", ["publish", "find", "verify", "load"])
def test_a_model_of_the_digits_zoo(benchmark: BenchmarkFixture, what: str, tmp_path: Path) -> None:
    """One convnet, 0.2 million weights twice: written durably, found, verified to the byte, loaded with its data."""
    trained = train(MODEL, tmp_path)
    header, weights, _ = as_bytes(MODEL, *trained)
    store = Store(tmp_path)
    store.put(MODEL.key, header, weights)
    numbers = iter(range(10**6))
    calls: dict[str, Callable[[], object]] = {
        "publish": lambda: store.put(f"{next(numbers):064x}", header, weights),
        "find": lambda: store.find(MODEL),
        "verify": lambda: store.verify(MODEL),
        "load": lambda: store.load(MODEL, tmp_path),
    }
    benchmark.pedantic(calls[what], rounds=50, warmup_rounds=2)
    benchmark.extra_info["size [bytes]"] = len(header) + len(weights)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, list[Recipe]]:
    """A store of ten thousand entries: the weights of one small model, under ten thousand recipes."""
    settings = make_settings(str(tmp_path_factory.mktemp("large")))
    wanted = [
        Recipe(data_set="digits", network="mlp_1x4", learning_rate=0.1, seed=seed, num_train=20, max_epochs=1)
        for seed in range(ENTRIES)
    ]
    header, weights, _ = as_bytes(wanted[0], *train(wanted[0], settings.data_dir))
    content = {name: value for name, value in json.loads(header).items() if name != "sha256"}
    for recipe in wanted:
        content["recipe"] = recipe.canonical()
        folder = Store(settings.cache_dir).folder(recipe)
        folder.mkdir(parents=True)
        (folder / HEADER).write_text(json.dumps(content | {"sha256": sha256_of_json(content)}))
        (folder / WEIGHTS).write_bytes(weights)
    return settings, wanted


@pytest.mark.parametrize("count", [1000, ENTRIES])
def test_planning(benchmark: BenchmarkFixture, count: int, large: tuple[Settings, list[Recipe]]) -> None:
    """Which of so many recipes have to be trained? None: all are there."""
    settings, wanted = large
    assert len(benchmark.pedantic(lambda: build(wanted[:count], settings, progress=False), rounds=ROUNDS)) == count


def test_listing(benchmark: BenchmarkFixture, large: tuple[Settings, list[Recipe]]) -> None:
    """Every entry of the store, found by looking, with what it holds."""
    store = Store(large[0].cache_dir)
    found = benchmark.pedantic(lambda: [read_stored_model(store.own_folder(key)) for key in keys(store)], rounds=ROUNDS)
    assert len(found) == ENTRIES


def test_planning_what_is_missing(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Ten thousand recipes on an empty store."""
    store = Store(tmp_path)
    wanted = [Recipe(data_set="digits", network="mlp_1x4", learning_rate=0.1, seed=seed) for seed in range(ENTRIES)]
    assert benchmark.pedantic(lambda: [store.find(recipe) for recipe in wanted], rounds=ROUNDS) == [None] * ENTRIES
