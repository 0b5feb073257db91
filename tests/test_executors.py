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
from pathlib import Path
from typing import Any

import psutil
import pytest

import harness.elsewhere
from harness.build import build
from harness.elsewhere import Elsewhere, Place, adopt, differing, end_kept, run_elsewhere, versions
from harness.errors import HarnessError
from harness.evaluate import evaluate
from harness.executors import InThisProcess, run_anywhere
from harness.measure_lookup import find_measures
from harness.recipe import Recipe
from harness.settings import Settings, make_settings
from harness.store import Store
from harness.worker_process import Report
from harness.workers import Limits, _context
from harness.zoo import recipes
from tests.conftest import TINY
from tests.test_workers import wait_until

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
    "processes": lambda: ProcessPoolExecutor(2, mp_context=_context()),
    "random order": InRandomOrder,
}


@pytest.fixture(autouse=True)
def no_kept_workers() -> Iterator[None]:
    """What an executor of threads keeps for the next job is in this process: other tests count its workers."""
    yield
    end_kept()


NAMES = [pytest.param(name, marks=pytest.mark.slow) if name == "processes" else name for name in EXECUTORS]


@pytest.fixture(params=NAMES)
def executor(request: pytest.FixtureRequest) -> Iterator[Executor | None]:
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
@pytest.mark.parametrize("name", [name for name in EXECUTORS if name != "this process"])
def test_a_job_is_supervised_wherever_it_runs(name: str, settings: Settings) -> None:
    with EXECUTORS[name]() as executor:
        found = ends(["a", "die", "hang", "b"], settings, executor, Limits(silence=3))
    assert (found["a"], found["b"]) == (("done", "A"), ("done", "B"))
    assert found["die"] == ("died", "its process was ended by SIGKILL")
    assert found["hang"][0] == "silent"


def weights(settings: Settings, wanted: list[Recipe]) -> list[str]:
    entries = [Store(settings.cache_dir).verify(recipe) for recipe in wanted]
    return [entry.weights_sha256 for entry in entries if entry is not None]


@pytest.mark.slow
def test_the_same_models_and_values_come_of_every_executor(
    executor: Executor | None, settings: Settings, tmp_path: Path
) -> None:
    wanted = recipes(TINY, ["random_labels"])[:3]
    alone = make_settings(cache_dir=str(tmp_path / "alone"), workers=1)
    measures = find_measures(["l2_norm", "train_loss"])
    values = []
    for each, where in ((settings, executor), (alone, None)):
        entries = build(wanted, each, progress=False, executor=where)
        rows = evaluate(measures, entries, wanted[:1], each, progress=False, executor=where)
        values.append({place: row.value for place, row in rows.items()})
    assert values[0] == values[1] and len(values[0]) == 6
    assert weights(settings, wanted) == weights(alone, wanted)


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


@pytest.mark.slow
def test_a_model_that_is_seen_only_after_a_while_is_waited_for(settings: Settings) -> None:
    """As on a network file system, which remembers for a time that a name was not there."""
    recipe = recipes(TINY, ["random_labels"])[0]
    place = Store(settings.cache_dir).folder(recipe)

    class Late(InThisProcess):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
            future = super().submit(fn, *args, **kwargs)
            place.rename(settings.cache_dir / "unseen")
            threading.Timer(1.0, (settings.cache_dir / "unseen").rename, (place,)).start()
            return future

    entries = build(iter([recipe, recipe]), settings, progress=False, executor=Late())
    assert [*entries] == [recipe]


def test_a_model_that_was_removed_is_not_waited_for_long(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.build.VISIBLE_SECONDS", 0.5)
    recipe = recipes(TINY, ["random_labels"])[0]

    class Gone(InThisProcess):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
            future = super().submit(fn, *args, **kwargs)
            Store(settings.cache_dir).set_aside(recipe)
            return future

    with pytest.raises(HarnessError, match=r"is gone from .*; was it removed"):
        build([recipe], settings, progress=False, executor=Gone())


def test_workers_0_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="--workers is 0; expected 1 or more"):
        make_settings(cache_dir=str(tmp_path), workers=0)


@pytest.mark.slow
def test_a_worker_that_is_kept_serves_the_next_job_and_ends_when_none_comes(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.elsewhere.IDLE_SECONDS", 1.0)
    job = Elsewhere(tell_process, Act("", settings), LIMITS, Place(tmp_path, versions()))
    ((_, first),), ((_, second),) = run_elsewhere(job).events, run_elsewhere(job).events
    assert first == second and psutil.pid_exists(first)
    assert wait_until(lambda: not psutil.pid_exists(first))
    ((_, third),) = run_elsewhere(job).events
    assert psutil.pid_exists(third) and third != first
    other = dataclasses.replace(job, place=Place(tmp_path / "of another run", versions()))
    ((_, fourth),) = run_elsewhere(other).events
    assert fourth != third and not psutil.pid_exists(third)


def tell_process(job: Act, report: Report) -> int:
    return os.getpid()


# On a machine that does not see the caller's cache folder


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of this test's other machine, whose cache folder the variable names."""
    monkeypatch.setenv("SHATTERPROOF_CACHE", str(tmp_path / "remote"))
    return make_settings()


def sent(job: object, function: Callable[..., object], files: tuple[Any, ...] = ()) -> Elsewhere:
    return Elsewhere(function, job, LIMITS, Place(Path("/nowhere/token"), versions()), files)


def test_a_model_that_was_trained_elsewhere_is_sent_back_and_verified(settings: Settings, remote: Settings) -> None:
    from harness.train_jobs import TrainJob, train_job

    recipe = recipes(TINY, ["random_labels"])[0]
    result = run_elsewhere(sent(TrainJob(recipe, settings), train_job))
    assert [kind for kind, _ in result.events] == ["done"]
    assert Store(remote.cache_dir).holds(recipe) and not Store(settings.cache_dir).holds(recipe)
    adopt(result.files, settings)
    assert Store(settings.cache_dir).files(recipe) == Store(remote.cache_dir).files(recipe)
    ((key, header, content),) = result.files
    other = dataclasses.replace(settings, cache_dir=settings.cache_dir / "other")
    for damaged in ((key, header, content[:-1]), (key, header[:-2], content), ("0" * 64, header, content)):
        with pytest.raises(HarnessError, match="damaged on its way"):
            adopt((damaged,), other)
    assert not (other.cache_dir / "models").exists()


def test_a_model_that_is_needed_elsewhere_is_asked_for_and_sent(settings: Settings, remote: Settings) -> None:
    from harness.evaluate import Job, evaluate_job, reference_to

    recipe = recipes(TINY, ["random_labels"])[0]
    build([recipe], settings, progress=False)
    measure = find_measures(["l2_norm"])[0]
    job = Job(recipe, (reference_to(measure),), False, settings)
    result = run_elsewhere(sent(job, evaluate_job))
    assert result.missing == (recipe,) and not result.events
    result = run_elsewhere(sent(job, evaluate_job, ((recipe.key, *Store(settings.cache_dir).files(recipe)),)))
    assert [kind for kind, _ in result.events] == ["report", "report", "done"]
    assert Store(remote.cache_dir).files(recipe) == Store(settings.cache_dir).files(recipe)


def test_what_has_another_version_is_refused_with_a_sentence(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = sent(Act("a", settings), act)
    monkeypatch.setattr(harness.elsewhere, "versions", lambda: versions() | {"torch": "2.0.1"})
    expected = f"a worker has torch 2.0.1, where the run was started {versions()['torch']}; install the same"
    ((kind, sentence),) = run_elsewhere(job).events
    assert kind == "refused" and expected in sentence
    assert differing(versions(), versions()) == ""
    assert "code" in differing(versions(), versions() | {"code": "0" * 12})
