"""Where jobs run: in supervised processes of this machine, on a Dask cluster, or wherever an executor takes them.

A job is a dataclass with `settings` and `needs` (the recipes whose models it reads). A function of a job publishes to
the store and returns what it published. Wherever it ran, its caller reads the same events (pool.py).
"""

import concurrent.futures
import contextlib
from collections.abc import Callable, Generator
from concurrent.futures import Executor, Future
from typing import Any

from harness.errors import HarnessError
from harness.training.recipe import Recipe
from harness.workers.pool import Event, Function, Limits, run_jobs
from harness.workers.remote import Caller, RemoteJob, Result, SentModel, adopt, as_caller, run_remotely
from harness.workers.worker_process import run_job

SECONDS_BETWEEN_LOOKS = 1.0


class InThisProcess(Executor):
    """Runs a job here when it is submitted, unsupervised: for a debugger, or where no process can be started."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as problem:
            future.set_exception(problem)
        return future


def run_anywhere(
    function: Function,
    next_job: Callable[[], Any | None],
    settings: Any,
    limits: Limits,
    executor: Executor | None = None,
    workers: int | None = None,
) -> Generator[Event, None, None]:
    """`run_jobs` on the executor; without one, on the cluster of the settings, or in `workers` processes here.

    The executor's processes run the same code with the same torch, or HarnessError says what they run. Where they have
    a cache folder of their own, models are sent there and back.
    """
    if executor is not None:
        yield from run_on(executor, function, next_job, settings, limits)
    elif settings.dask is not None:
        from harness.workers.dask_cluster import connected

        with connected(settings) as cluster:
            yield from run_on(cluster.executor, function, next_job, settings, limits, cluster.slots, cluster.check)
    else:
        yield from run_jobs(function, next_job, settings.workers if workers is None else workers, limits)


def run_on(
    executor: Executor,
    function: Function,
    next_job: Callable[[], Any | None],
    settings: Any,
    limits: Limits,
    slots: Callable[[], int] | None = None,
    check: Callable[[], None] = lambda: None,
) -> Generator[Event, None, None]:
    """`run_jobs` on any executor: twice as many jobs at a time as it has `slots`, each supervised where it runs.

    Reports come when their job has ended. `check` raises HarnessError where the executor is lost.
    """
    pending: dict[Future[Any], Any] = {}
    supervised = not isinstance(executor, InThisProcess)
    with contextlib.ExitStack() as stack:
        caller = stack.enter_context(as_caller(settings)) if supervised else None
        stack.callback(lambda: [future.cancel() for future in pending])

        def submit(job: Any, models: tuple[SentModel, ...] = ()) -> None:
            pending[_submitted(executor, function, job, limits, caller, models)] = job

        while True:
            most = max(1, 2 * slots()) if slots else 2 * settings.workers if supervised else 1
            while len(pending) < most and (job := next_job()) is not None:
                submit(job)
            if not pending:
                return
            done, _ = concurrent.futures.wait(
                pending, SECONDS_BETWEEN_LOOKS, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in done:
                job = pending.pop(future)
                result = _result(future, job, check)
                if isinstance(result, Event):
                    yield result
                elif result.missing:
                    submit(job, _models_to_send(result.missing, settings))
                else:
                    adopt(result.models, settings)
                    yield from (Event(kind, job, payload) for kind, payload in result.events)
            check()


def _submitted(
    executor: Executor,
    function: Function,
    job: Any,
    limits: Limits,
    caller: Caller | None,
    models: tuple[SentModel, ...],
) -> "Future[Any]":
    try:
        if caller is None:
            return executor.submit(_run_here, function, job)
        return executor.submit(run_remotely, RemoteJob(function, job, limits, caller, models))
    except concurrent.futures.BrokenExecutor as cause:
        raise _broken(cause) from cause


def _run_here(function: Function, job: Any) -> Result:
    reports: list[tuple[Any, Any]] = []
    end = run_job(function, job, lambda payload: reports.append(("report", payload)) if payload is not None else None)
    return Result(events=(*reports, end))


def _result(future: "Future[Any]", job: Any, check: Callable[[], None]) -> Any:
    """What came back; a "died" event where nothing can, because its process or machine is gone."""
    try:
        return future.result()
    except concurrent.futures.BrokenExecutor as cause:
        raise _broken(cause) from cause
    except (Exception, concurrent.futures.CancelledError) as cause:
        check()
        return Event("died", job, f"the executor lost it ({type(cause).__name__}: {cause})")


def _broken(cause: concurrent.futures.BrokenExecutor) -> HarnessError:
    return HarnessError(f"the executor is broken ({cause}); what was stored is kept: run again")


def _models_to_send(recipes: tuple[Recipe, ...], settings: Any) -> tuple[SentModel, ...]:
    from harness.store.store import Damaged, store_of

    store = store_of(settings)
    try:
        return tuple((recipe.key, *store.files(recipe)) for recipe in recipes)
    except Damaged as damage:
        raise HarnessError(f"damaged: {damage}; `python -m harness zoo verify --set-aside`, then run again") from damage
