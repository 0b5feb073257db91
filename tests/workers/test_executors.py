"""The same events wherever jobs run: processes of this machine, this process, any executor of concurrent.futures."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.evaluation.evaluate import evaluate
from harness.evaluation.measure_lookup import find_measures
from harness.settings import Settings, make_settings
from harness.store.store import Store
from harness.training.recipe import Recipe
from harness.workers.executors import InThisProcess, run_anywhere
from harness.workers.multiprocessing_config import server_address, use_server
from harness.workers.pool import Limits, process_context, warm_up
from harness.workers.worker_process import Report
from harness.zoo.build import build
from harness.zoo.zoo import recipes
from tests.conftest import TINY

pytestmark = pytest.mark.slow

LIMITS = Limits(silence=60)


@dataclasses.dataclass(frozen=True)
class Act:
    """A job that does what its text says."""

    text: str
    settings: Settings
    needs: tuple[Recipe, ...] = ()


def act(job: Act, report: Report) -> object:
    if job.text == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if job.text == "hang":
        time.sleep(600)
    if job.text == "raise":
        raise ValueError("what it says")
    if job.text == "refuse":
        raise HarnessError("a sentence")
    if job.text == "report":
        report(None)
        for number in range(3):
            report(("row", number))
    return job.text.upper()


class InRandomOrder(Executor):
    """Completes what was submitted one at a time, in any order: nothing may depend on it."""

    def __init__(self) -> None:
        self.choice, self.waiting, self.ended = random.Random(0), list[tuple[Any, ...]](), False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        self.waiting.append((future, fn, args))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.ended = True
        self.thread.join()

    def _run(self) -> None:
        while not self.ended:
            time.sleep(0.01)
            if self.waiting:
                future, fn, args = self.waiting.pop(self.choice.randrange(len(self.waiting)))
                if future.set_running_or_notify_cancel():
                    future.set_result(fn(*args))


EXECUTORS: dict[str, Callable[[], Any]] = {
    "workers": lambda: contextlib.nullcontext(None),
    "this process": InThisProcess,
    "threads": lambda: ThreadPoolExecutor(2),
    "random order": InRandomOrder,
}
NAMES = [*EXECUTORS, pytest.param("processes", marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    """Two processes, started once, when a test first asks for them."""
    warm_up()
    with ProcessPoolExecutor(2, process_context(), initializer=use_server, initargs=(server_address(),)) as made:
        yield made


@pytest.fixture(params=NAMES)
def executor(request: pytest.FixtureRequest) -> Iterator[Executor | None]:
    if request.param == "processes":
        yield request.getfixturevalue("processes")
    else:
        with EXECUTORS[request.param]() as made:
            yield made


def ends(
    texts: list[str], settings: Settings, executor: Executor | None, limits: Limits = LIMITS
) -> dict[str, tuple[str, Any]]:
    queue = collections.deque(Act(text, settings) for text in texts)
    events = run_anywhere(act, lambda: queue.popleft() if queue else None, settings, limits, executor)
    return {event.job.text: (event.kind, event.payload) for event in events if event.kind != "report"}


def test_what_becomes_of_a_job_is_the_same_everywhere(executor: Executor | None, settings: Settings) -> None:
    found = ends(["a", "raise", "b", "refuse", "c"], settings, executor)
    assert [found[text] for text in "abc"] == [("done", "A"), ("done", "B"), ("done", "C")]
    assert found["refuse"] == ("refused", "a sentence")
    assert found["raise"][0] == "raised" and "ValueError: what it says" in found["raise"][1]


def test_reports_come_in_order_before_the_end_and_signs_of_life_are_none(
    executor: Executor | None, settings: Settings
) -> None:
    queue = [Act("report", settings)]
    events = list(run_anywhere(act, lambda: queue.pop() if queue else None, settings, LIMITS, executor))
    kinds = [(event.kind, event.payload) for event in events]
    assert kinds == [("report", ("row", number)) for number in range(3)] + [("done", "REPORT")]


@pytest.mark.slow
@pytest.mark.parametrize("executor", [name for name in NAMES if name != "this process"], indirect=True)
def test_a_job_is_supervised_wherever_it_runs(executor: Executor | None, settings: Settings) -> None:
    found = ends(["a", "die", "hang", "b"], settings, executor, Limits(silence=1))
    assert (found["a"], found["b"]) == (("done", "A"), ("done", "B"))
    assert found["die"] == ("died", "its process was ended by SIGKILL")
    assert found["hang"][0] == "silent"


def weights(settings: Settings, wanted: list[Recipe]) -> list[str]:
    models = [Store(settings.cache_dir).verify(recipe) for recipe in wanted]
    return [model.weights_sha256 for model in models if model is not None]


WANTED = recipes(TINY, ["random_labels"])[:3]
Values = dict[tuple[str, Recipe], float | None]


def built_and_measured(settings: Settings, executor: Executor | None) -> tuple[Values, list[str]]:
    """The values of two measures on three models, and the models' weights."""
    models = build(WANTED, settings, progress=False, executor=executor)
    measures = find_measures(["l2_norm", "train_loss"])
    rows = evaluate(measures, models, WANTED[:1], settings, progress=False, executor=executor)
    return {place: row.value for place, row in rows.items()}, weights(settings, WANTED)


@pytest.fixture(scope="module")
def of_one_worker(tmp_path_factory: pytest.TempPathFactory) -> tuple[Values, list[str]]:
    return built_and_measured(make_settings(cache_dir=str(tmp_path_factory.mktemp("alone")), workers=1), None)


@pytest.mark.slow
def test_the_same_models_and_values_come_of_every_executor(
    executor: Executor | None, settings: Settings, of_one_worker: tuple[Values, list[str]]
) -> None:
    values, hashes = built_and_measured(settings, executor)
    assert len(values) == 6 and len(hashes) == 3
    assert (values, hashes) == of_one_worker


def test_an_executor_that_breaks_is_a_sentence_and_what_is_stored_stays(settings: Settings) -> None:
    class Broken(InThisProcess):
        count = 0

        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
            self.count += 1
            if self.count > 2:
                raise concurrent.futures.BrokenExecutor("a process of the pool was ended")
            return super().submit(fn, *args, **kwargs)

    wanted = recipes(TINY, ["random_labels"])[:4]
    with pytest.raises(HarnessError, match=r"the executor is broken \(a process .*\); what was stored is kept"):
        build(wanted, settings, progress=False, executor=Broken())
    assert sum(Store(settings.cache_dir).holds(recipe) for recipe in wanted) == 2
