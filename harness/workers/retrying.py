"""Jobs that were lost are tried again: the one loop behind training, evaluation and probes.

A loss may have been somebody else's fault (the system ended a process for want of memory, a machine went away), so one
attempt proves nothing against a job. After ATTEMPTS it is given up, and the caller decides what that means.
"""

import collections
import contextlib
import dataclasses
from collections.abc import Callable, Collection, Generator, Hashable
from concurrent.futures import Executor
from typing import Any

from harness.errors import HarnessError
from harness.workers.executors import run_anywhere
from harness.workers.pool import Event, EventKind, Function, Limits

ATTEMPTS = 3


@dataclasses.dataclass(frozen=True)
class Loss:
    """A job was lost: the event's `kind` and text (`how`), which attempt it was (from 1), and if no other follows."""

    job: Any
    kind: EventKind
    how: str
    attempt: int
    final: bool


@dataclasses.dataclass(frozen=True)
class Retries:
    """How a caller's jobs are retried.

    - `again` puts a lost job where `next_job` finds it, as its next attempt.
    - `suspect` is what a loss is held against: its third loss is final.
    - `lost`: the kinds of events that lose a job.
    - `hopeless`: whether a loss is final at once.
    """

    again: Callable[[Any], None]
    suspect: Callable[[Any], Hashable]
    lost: Collection[EventKind] = ("died", "silent")
    hopeless: Callable[[Event], bool] = lambda event: False


def run_retrying(
    function: Function,
    next_job: Callable[[], Any | None],
    settings: Any,
    limits: Limits,
    retries: Retries,
    executor: Executor | None = None,
    workers: int | None = None,
) -> Generator[Event | Loss, None, None]:
    """`run_anywhere`, but a lost job is tried again, and its caller hears of a Loss for every attempt that failed.

    What a job refuses to do is raised, as HarnessError. What remains are "report", "done" and, where it does not count
    as lost, "raised".
    """
    losses: collections.Counter[Hashable] = collections.Counter()
    with contextlib.closing(run_anywhere(function, next_job, settings, limits, executor, workers)) as events:
        for event in events:
            if event.kind == "refused":
                raise HarnessError(event.payload)
            if event.kind not in retries.lost:
                yield event
                continue
            suspect = retries.suspect(event.job)
            losses[suspect] += 1
            final = losses[suspect] >= ATTEMPTS or retries.hopeless(event)
            if not final:
                retries.again(event.job)
            yield Loss(event.job, event.kind, event.payload, losses[suspect], final)
