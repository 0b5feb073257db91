"""Supervised processes: a job that dies, hangs or raises costs itself and nothing else."""

import collections
import os
import signal
import time
from collections.abc import Callable

import psutil
import pytest
import torch

from harness.errors import HarnessError
from harness.workers.pool import Event, Limits, run_jobs
from harness.workers.worker_process import Report


def act(job: str, report: Report) -> object:
    """A job that does what its text says."""
    if job == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if job == "exit":
        os._exit(3)
    if job == "hang":
        time.sleep(600)
    if job == "talk":
        for number in range(6):
            time.sleep(0.2)
            report(number)
    if job == "raise":
        raise ValueError("what it says")
    if job == "refuse":
        raise HarnessError("a sentence")
    if job == "threads":
        return torch.get_num_threads()
    return job.upper()


def ends(jobs: list[str], workers: int = 2, silence_limit: float = 60) -> dict[str, tuple[str, object]]:
    queue = collections.deque(jobs)
    events = run_jobs(act, lambda: queue.popleft() if queue else None, workers, Limits(silence_limit))
    return {event.job: (event.kind, event.payload) for event in events if event.kind != "report"}


def test_every_job_is_done_once() -> None:
    jobs = [f"job{number}" for number in range(9)]
    assert ends(jobs) == {job: ("done", job.upper()) for job in jobs}


def test_a_job_that_ends_its_process_costs_only_itself() -> None:
    found = ends(["a", "die", "b", "exit", "c"])
    assert found["die"] == ("died", "its process was ended by SIGKILL")
    assert found["exit"] == ("died", "its process ended with exit status 3")
    assert [found[job] for job in "abc"] == [("done", "A"), ("done", "B"), ("done", "C")]


@pytest.mark.slow
def test_a_silent_job_is_ended_and_the_others_go_on() -> None:
    found = ends(["hang", "a", "b"], silence_limit=1.0)
    assert found["hang"][0] == "silent"
    assert (found["a"], found["b"]) == (("done", "A"), ("done", "B"))


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1e7, 1e300, float("inf")])
def test_a_limit_may_be_as_long_as_one_likes(seconds: float) -> None:
    assert ends(["a"], silence_limit=seconds) == {"a": ("done", "A")}


def test_a_job_that_reports_is_not_silent() -> None:
    assert ends(["talk"], workers=1, silence_limit=1.0) == {"talk": ("done", "TALK")}


@pytest.mark.slow
def test_reports_arrive_in_order_before_the_end() -> None:
    queue = collections.deque(["talk"])
    events = list(run_jobs(act, lambda: queue.popleft() if queue else None, 1))
    assert [event.payload for event in events if event.kind == "report"] == list(range(6))
    assert events[-1] == Event("done", "talk", "TALK")


def test_what_a_job_raises_comes_back_as_text() -> None:
    found = ends(["raise", "refuse"])
    assert found["raise"][0] == "raised"
    assert "ValueError: what it says" in str(found["raise"][1])
    assert found["refuse"] == ("refused", "a sentence")


def test_a_lost_job_can_be_handed_out_again() -> None:
    queue = collections.deque(["die", "a"])
    kinds = []
    for event in run_jobs(act, lambda: queue.popleft() if queue else None, 2):
        kinds.append(event.kind)
        if event.kind == "died" and kinds.count("died") < 3:
            queue.append("die")
    assert sorted(kinds) == ["died", "died", "died", "done"]


@pytest.mark.long
@pytest.mark.slow
def test_where_processes_cannot_be_forked_they_are_started_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiprocessing.get_all_start_methods", lambda: ["spawn"])
    found = ends(["a", "die", "b"], workers=1)
    assert found["die"] == ("died", "its process was ended by SIGKILL")
    assert (found["a"], found["b"]) == (("done", "A"), ("done", "B"))


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_closing_the_iterator_leaves_no_process() -> None:
    others = workers_of(psutil.Process())
    queue = collections.deque(["a", "hang", "hang"])
    events = run_jobs(act, lambda: queue.popleft() if queue else None, 2)
    assert next(events).payload == "A"
    assert workers_of(psutil.Process()) > others
    events.close()
    assert wait_until(lambda: workers_of(psutil.Process()) == others)


def workers_of(process: psutil.Process) -> int:
    """Forked workers: the grandchildren that the fork server made; -1 while processes come and go."""
    try:
        return sum(len(child.children()) for child in process.children())
    except psutil.NoSuchProcess:
        return -1
