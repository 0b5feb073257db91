"""A job in another machine's process, which may not see the caller's cache folder."""

import dataclasses
import multiprocessing.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import harness.workers.remote
from harness.errors import HarnessError
from harness.evaluation.measure_lookup import find_measures
from harness.settings import Settings, make_settings
from harness.store.secret_folder import found_in
from harness.store.store import Store
from harness.workers import pool
from harness.workers.remote import Caller, RemoteJob, adopt, differing, run_remotely, versions
from harness.workers.worker_process import Report
from harness.zoo.build import build
from harness.zoo.zoo import recipes
from tests.conftest import TINY
from tests.workers.test_executors import LIMITS, Act, act
from tests.workers.test_pool import wait_until


@pytest.mark.slow
def test_a_worker_that_is_kept_serves_the_next_job_and_ends_when_none_comes(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.workers.remote.IDLE_SECONDS", 1.0)
    job = RemoteJob(tell_process, Act("", settings), LIMITS, Caller(tmp_path, versions()))
    ((_, first),), ((_, second),) = run_remotely(job).events, run_remotely(job).events
    assert first == second and psutil.pid_exists(first)
    assert wait_until(lambda: not psutil.pid_exists(first))
    ((_, third),) = run_remotely(job).events
    assert psutil.pid_exists(third) and third != first
    other = dataclasses.replace(job, caller=Caller(tmp_path / "of another run", versions()))
    ((_, fourth),) = run_remotely(other).events
    assert fourth != third and not psutil.pid_exists(third)


def tell_process(job: Act, report: Report) -> int:
    return os.getpid()


# On a machine that does not see the caller's cache folder
@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of this test's other machine, whose cache folder the variable names."""
    monkeypatch.setenv("SHATTERPROOF_CACHE", str(tmp_path / "remote"))
    return make_settings()


def sent(job: object, function: Callable[..., object], files: tuple[Any, ...] = ()) -> RemoteJob:
    return RemoteJob(function, job, LIMITS, Caller(Path("/nowhere/token"), versions()), files)


def test_a_model_that_was_trained_remotely_is_sent_back_and_verified(settings: Settings, remote: Settings) -> None:
    from harness.zoo.train_jobs import TrainJob, train_job

    recipe = recipes(TINY, ["random_labels"])[0]
    result = run_remotely(sent(TrainJob(recipe, settings), train_job))
    assert [kind for kind, _ in result.events] == ["done"]
    assert Store(remote.cache_dir).holds(recipe) and not Store(settings.cache_dir).holds(recipe)
    adopt(result.models, settings)
    assert Store(settings.cache_dir).files(recipe) == Store(remote.cache_dir).files(recipe)
    ((key, header, content),) = result.models
    other = dataclasses.replace(settings, cache_dir=settings.cache_dir / "other")
    for damaged in ((key, header, content[:-1]), (key, header[:-2], content), ("0" * 64, header, content)):
        with pytest.raises(HarnessError, match="damaged on its way"):
            adopt((damaged,), other)
    assert not (found_in(other.cache_dir) / "models").exists()


def test_a_model_that_is_needed_remotely_is_asked_for_and_sent(settings: Settings, remote: Settings) -> None:
    from harness.evaluation.evaluate_job import EvaluateJob, evaluate_job
    from harness.evaluation.measure_reference import reference_to

    recipe = recipes(TINY, ["random_labels"])[0]
    build([recipe], settings, progress=False)
    measure = find_measures(["l2_norm"])[0]
    job = EvaluateJob(recipe, (reference_to(measure),), False, settings)
    result = run_remotely(sent(job, evaluate_job))
    assert result.missing == (recipe,) and not result.events
    result = run_remotely(sent(job, evaluate_job, ((recipe.key, *Store(settings.cache_dir).files(recipe)),)))
    assert [kind for kind, _ in result.events] == ["report", "report", "done"]
    assert Store(remote.cache_dir).files(recipe) == Store(settings.cache_dir).files(recipe)


def test_what_has_another_version_is_refused_with_a_sentence(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = sent(Act("a", settings), act)
    monkeypatch.setattr(harness.workers.remote, "versions", lambda: versions() | {"torch": "2.0.1"})
    expected = f"a worker has torch 2.0.1, where the run was started {versions()['torch']}; install the same"
    ((kind, sentence),) = run_remotely(job).events
    assert kind == "refused" and expected in sentence
    assert differing(versions(), versions()) == ""
    assert "code" in differing(versions(), versions() | {"code": "0" * 12})


def _is_registered_where_a_worker_is_kept(answers: Any) -> None:
    harness.workers.remote._end_kept_later()
    callbacks = [finalizer._callback for finalizer in multiprocessing.util._finalizer_registry.values()]
    answers.send(callbacks.count(harness.workers.remote.end_kept))


def test_a_process_from_the_server_ends_what_it_keeps_before_it_waits_for_it() -> None:
    """The server has imported remote.py; what was registered there would be lost to the processes forked from it."""
    context = pool.process_context()
    ours, theirs = context.Pipe()
    process = context.Process(target=_is_registered_where_a_worker_is_kept, args=(theirs,))
    process.start()
    assert ours.poll(timeout=60) and ours.recv() == 1
    process.join(timeout=30)
    assert process.exitcode == 0
