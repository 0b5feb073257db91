"""All networks of a list are loaded once, by workers where they can be sent there, and put together as twins."""

import collections
import contextlib
import dataclasses
from collections.abc import Iterator, Sequence

import torch

from harness.settings import Settings
from harness.training.recipe import Condition, Recipe
from harness.workers.pool import Limits
from harness.workers.progress import progress_bar
from harness.workers.retrying import Loss, Retries, run_retrying
from harness.zoo.checkpoints.doors import Listed
from harness.zoo.checkpoints.look import LookJob, Seen, SeenPair, look_job
from harness.zoo.checkpoints.own_twins import OwnTwins, listed
from harness.zoo.checkpoints.premise import problems_of_condition
from harness.zoo.checkpoints.reference import CheckpointReference, as_recipe
from harness.zoo.checkpoints.remarks import remarks_on
from harness.zoo.twin import SIDES, Twin


def look_at(pairs: Listed, settings: Settings, progress: bool = True) -> OwnTwins:
    """The twins when all of them were loaded once, in worker processes, else in this one where they cannot be sent.

    HarnessError where the list is not what it was.
    """
    jobs = jobs_of(pairs, settings)
    found: dict[LookJob, SeenPair] = {}
    with progress_bar("looking at", len(jobs), "pairs", progress) as bar:
        for job, pair in look_here(jobs) if pairs.unsent else _by_workers(jobs, settings):
            found[job] = pair
            bar.update()
    return put_together(listed(pairs), [(job, found[job]) for job in jobs])


def jobs_of(pairs: Listed, settings: Settings) -> list[LookJob]:
    numbers: collections.Counter[str] = collections.Counter()
    jobs = []
    for place, pair in enumerate(pairs.pairs):
        natural, randomized = (pairs.reference(place, side, numbers[pair.condition]) for side in SIDES)
        jobs.append(LookJob(natural, randomized, settings))
        numbers[pair.condition] += 1
    return jobs


def _by_workers(jobs: Sequence[LookJob], settings: Settings) -> Iterator[tuple[LookJob, SeenPair]]:
    waiting = collections.deque(jobs)
    retries = Retries(again=waiting.append, suspect=lambda job: job, hopeless=lambda event: event.kind == "silent")
    limits = Limits(settings.measure_timeout, settings.worker_memory)
    events = run_retrying(look_job, lambda: waiting.popleft() if waiting else None, settings, limits, retries)
    with contextlib.closing(events):
        for event in events:
            name = f"{event.job.natural.name}[{event.job.natural.place}]"
            if isinstance(event, Loss):
                if event.final:
                    yield event.job, SeenPair(None, None, (f"{name} could not be looked at: {event.how}",))
            elif event.kind == "raised":
                how = event.payload.strip().splitlines()[-1]
                yield event.job, SeenPair(None, None, (f"{name} could not be looked at: {how}",))
            elif event.kind == "done":
                yield event.job, event.payload


def look_here(jobs: Sequence[LookJob]) -> Iterator[tuple[LookJob, SeenPair]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a worker, so that values are the same to the bit
    try:
        for job in jobs:
            yield job, look_job(job, lambda payload: None)
    finally:
        torch.set_num_threads(threads)


def put_together(twins: OwnTwins, found: Sequence[tuple[LookJob, SeenPair]]) -> OwnTwins:
    names = _names([seen for _, pair in found for seen in (pair.natural, pair.randomized) if seen is not None])
    first: dict[str, Recipe] = {}  # a network that stands in several pairs is one
    seen: dict[Recipe, Seen] = {}

    def recipe(reference: CheckpointReference, of: Seen) -> Recipe:
        network = names[of.architecture]
        known = dataclasses.replace(reference, network=network, contents=of.contents, function=of.function)
        place = first.setdefault(f"{known.key}:{known.condition}", as_recipe(known))
        seen[place] = of
        return place

    pairs: dict[Condition, list[Twin]] = {}
    problems: dict[Condition, list[str]] = {}
    remarks: list[str] = []
    for condition in twins.gate:
        alike = [(job.natural, job.randomized, pair) for job, pair in found if job.randomized.condition == condition]
        problems[condition] = problems_of_condition(condition, alike)
        remarks += remarks_on(condition, alike)
        pairs[condition] = [
            Twin(recipe(natural, pair.natural), recipe(randomized, pair.randomized))
            for natural, randomized, pair in alike
            if pair.natural is not None and pair.randomized is not None
        ]
    return dataclasses.replace(twins, pairs=pairs, seen=seen, problems=problems, remarks=remarks)


def _names(seen: Sequence[Seen]) -> dict[str, str]:
    """A name for each architecture: that of its class; where two share that, with more that tells them apart."""
    kinds = {each.architecture: each for each in seen}
    names = {architecture: each.kind for architecture, each in kinds.items()}
    for more in ("parameters", "architecture"):
        taken = collections.Counter(names.values())
        for architecture, name in names.items():
            if taken[name] > 1:
                names[architecture] = f"{name}_{getattr(kinds[architecture], more)!s:.12}"
    return names
