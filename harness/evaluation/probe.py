"""A probe: clauses that call a measure on a few models, in worker processes, and say what they found of it.

A clause is a function of a measure and a way to load a model again; a Probe is some clauses and the models. A
measure that hangs or ends its process costs the clause that it was in, and the others go on.
"""

import collections
import contextlib
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.calling.call import make_ready
from harness.errors import HarnessError
from harness.evaluation.finding import Finding
from harness.evaluation.load_model import TrainedAgain, load_model
from harness.evaluation.measure_reference import MeasureReference, reference_to, referenced
from harness.evaluation.strangers import Unusable
from harness.settings import Settings
from harness.training.recipe import Recipe
from harness.workers.pool import Limits
from harness.workers.progress import progress_bar
from harness.workers.retrying import Loss, Retries, run_retrying
from harness.workers.worker_process import Report
from harness.zoo.opening import reopen
from measures.registry import Measure
from measures.trained_model import TrainedModel

if TYPE_CHECKING:
    from harness.zoo.zoo import Zoo

Load = Callable[[], TrainedModel]
"""Reads the model again: nothing that an earlier call computed or changed is in it."""

Clause = Callable[[Measure, Load], Finding]


@dataclasses.dataclass(frozen=True)
class Probe:
    """A suite's clauses (functions of a module, so that a worker finds them), and the models they are asked on.

    `of_zoo`: these are trained by the zoo's own recipes, so that it is not asked of networks from elsewhere.
    """

    name: str
    clauses: tuple[Clause, ...]
    recipes: Callable[["Zoo"], tuple[Recipe, ...]]
    of_zoo: bool = False


@dataclasses.dataclass(frozen=True)
class ProbeJob:
    """Some clauses for one measure, each on all the models."""

    measure: MeasureReference
    clauses: tuple[Clause, ...]
    recipes: tuple[Recipe, ...]
    settings: Settings

    @property
    def needs(self) -> tuple[Recipe, ...]:
        """The models that it reads."""
        return self.recipes


def check(
    name: str,
    clauses: Sequence[Clause],
    measures: Sequence[Measure],
    recipes: Sequence[Recipe],
    settings: Settings,
    progress: bool = True,
) -> dict[tuple[str, str], Finding]:
    """Every clause for every measure: {(measure, clause): Finding}. The models must be in the store.

    A measure that hangs or ends its process is found to, by the clause that it was in; the clauses after it are
    skipped with a pointer to it.
    """
    jobs = collections.deque(
        ProbeJob(reference_to(measure), tuple(clauses), tuple(recipes), settings)
        for measure in measures
        if not isinstance(measure.function, Unusable)
    )
    found = {
        (measure.name, clause.__name__): Finding(problem=measure.function.problem)
        for measure in measures
        if isinstance(measure.function, Unusable)
        for clause in clauses
    }
    current: dict[str, str] = {}  # the clause that is being asked of a measure
    retries = Retries(again=jobs.append, suspect=lambda job: job.measure, hopeless=lambda event: event.kind == "silent")
    limits = Limits(settings.measure_timeout, settings.worker_memory)
    events = run_retrying(probe_job, lambda: jobs.popleft() if jobs else None, settings, limits, retries)
    with progress_bar(name, len(measures), "measures", progress) as bar, contextlib.closing(events):
        for event in events:
            measure = event.job.measure.name
            if isinstance(event, Loss):
                if event.final:
                    found |= _findings_of_loss(event, current.get(measure), found)
                    bar.update()
            elif event.kind == "raised":
                how = f"it could not be checked: {event.payload.strip().splitlines()[-1]}"
                found = {(measure, clause.__name__): Finding(problem=how) for clause in clauses} | found
                bar.update()
            elif event.kind == "done":
                bar.update()
            elif isinstance(event.payload, TrainedAgain):
                bar.write(event.payload.text)
            elif isinstance(event.payload, str):
                current[measure] = event.payload
            else:
                clause, finding = event.payload
                found[measure, clause] = finding
    return found


def _findings_of_loss(
    loss: Loss, clause: str | None, found: Mapping[tuple[str, str], Finding]
) -> dict[tuple[str, str], Finding]:
    """A problem for the clause that the measure was in, and a pointer to it for those that were not asked."""
    job, how = loss.job, loss.how
    if clause is None:
        raise HarnessError(f"{job.measure.name} could not be checked: {how}")
    if loss.kind == "silent":
        how = f"no answer within {job.settings.measure_timeout:g} s (--measure-timeout)"
    names = [asked.__name__ for asked in job.clauses]
    skipped = Finding(skipped=f"{clause} did not end: {how}")
    unasked = {(job.measure.name, name): skipped for name in names if (job.measure.name, name) not in found}
    return unasked | {(job.measure.name, clause): Finding(problem=how)}


def probe_job(job: ProbeJob, report: Report) -> None:
    """In a worker: report each clause's name before it is asked, and (name, Finding) after."""
    reopen(job.settings)
    report(job.clauses[0].__name__)
    measure = referenced(job.measure, job.settings.worker_memory)
    make_ready(measure)
    report(None)  # what was before is not the measure's time
    settings = dataclasses.replace(job.settings, device="cpu")
    for clause in job.clauses:

        def load(recipe: Recipe, name: str = clause.__name__) -> TrainedModel:
            trained = load_model(recipe, settings, report)
            report(name)  # every call that follows has the measure's time to itself
            return trained

        findings = [clause(measure, functools.partial(load, recipe)) for recipe in job.recipes]
        report((clause.__name__, _combined(findings, job.recipes)))


def _combined(findings: Sequence[Finding], recipes: Sequence[Recipe]) -> Finding:
    """The first problem, with the name of its network; asked at all if it was on any of the models."""
    names = dict.fromkeys(name for finding in findings for name in finding.numbers)
    numbers = {name: max(finding.numbers[name] for finding in findings if name in finding.numbers) for name in names}
    for finding, recipe in zip(findings, recipes, strict=True):
        if finding.problem:
            size = f"{recipe.network} trained on {recipe.num_train}" if recipe.num_train else recipe.network
            return Finding(problem=f"{finding.problem} (on {size})", numbers=numbers)
    skipped = "" if any(not finding.skipped for finding in findings) else findings[0].skipped
    return Finding(skipped=skipped, numbers=numbers)
