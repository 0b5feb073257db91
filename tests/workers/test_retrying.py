"""A job that is lost is tried again, three times in all; its caller hears of every attempt."""

import collections
import dataclasses
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.settings import Settings
from harness.training.recipe import Recipe
from harness.workers.executors import InThisProcess
from harness.workers.pool import Event, EventKind, Limits
from harness.workers.retrying import Loss, Retries, run_retrying
from harness.workers.worker_process import Report


@dataclasses.dataclass(frozen=True)
class Act:
    """A job that does what its text says, up to the attempt at which it succeeds."""

    text: str
    settings: Settings
    attempt: int = 1
    succeeds: int = 4
    needs: tuple[Recipe, ...] = ()


def act(job: Act, report: Report) -> object:
    if job.attempt < job.succeeds:
        if job.text == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if job.text == "raise":
            raise ValueError("what it says")
        if job.text == "refuse":
            raise HarnessError("a sentence")
    return job.attempt


def run(*jobs: Act, lost: tuple[EventKind, ...] = ("died", "silent"), hopeless: bool = False) -> Iterator[Any]:
    """The events; those that die do so in processes, the others here, which is quicker."""
    queue = collections.deque(jobs)

    def again(job: Act) -> None:
        queue.append(dataclasses.replace(job, attempt=job.attempt + 1))

    retries = Retries(again, lambda job: job.text, lost, lambda event: hopeless)
    executor = None if any(job.text == "die" for job in jobs) else InThisProcess()
    settings = jobs[0].settings
    return run_retrying(act, lambda: queue.popleft() if queue else None, settings, Limits(60), retries, executor)


def test_a_job_that_dies_twice_is_done_at_the_third_attempt(settings: Settings) -> None:
    first, second, done = run(Act("die", settings, succeeds=3))
    assert (first.kind, first.how, first.final) == ("died", "its process was ended by SIGKILL", False)
    assert (first.attempt, second.attempt, second.final) == (1, 2, False)
    assert (done.kind, done.payload) == ("done", 3)


def test_after_three_losses_a_job_is_given_up_and_the_others_are_done(settings: Settings) -> None:
    events = list(run(Act("raise", settings), Act("a", settings), lost=("raised",)))
    losses = [event for event in events if isinstance(event, Loss)]
    assert [(loss.attempt, loss.final) for loss in losses] == [(1, False), (2, False), (3, True)]
    assert all("ValueError: what it says" in loss.how for loss in losses)
    assert [(event.kind, event.job.text) for event in events if isinstance(event, Event)] == [("done", "a")]


def test_a_loss_that_is_hopeless_is_final_at_once(settings: Settings) -> None:
    (loss,) = run(Act("raise", settings), lost=("raised",), hopeless=True)
    assert (loss.attempt, loss.final) == (1, True)


def test_what_does_not_count_as_lost_is_the_callers(settings: Settings) -> None:
    (event,) = run(Act("raise", settings))
    assert isinstance(event, Event) and event.kind == "raised"


def test_a_refusal_ends_the_run_with_its_sentence(settings: Settings) -> None:
    with pytest.raises(HarnessError, match=r"^a sentence$"):
        list(run(Act("a", settings), Act("refuse", settings)))
