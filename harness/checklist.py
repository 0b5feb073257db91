"""Questions asked of a measure on a few models, in worker processes: the findings of the suites beyond the gate.

A clause is a function of a measure and a way to load a model afresh; a Checklist is some clauses and the models. A
measure that hangs or ends its process costs the clause that it was in, and the others go on.
"""

import collections
import contextlib
import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.evaluate import MeasureReference, Notice, load_model, reference_to
from harness.executors import run_anywhere
from harness.measure_lookup import reload_measure
from harness.progress import progress_bar
from harness.recipe import Recipe
from harness.settings import Settings
from harness.trained_model import TrainedModel
from harness.worker_process import Report
from harness.workers import ATTEMPTS, Limits
from measures._registry import Measure

if TYPE_CHECKING:
    from harness.zoo import Zoo

Load = Callable[[], TrainedModel]


@dataclasses.dataclass(frozen=True)
class Finding:
    """A clause's answer: `problem` is what is wrong ("" if nothing), `skipped` why it was not asked ("" if it was).

    `numbers` are what it measured, by name; over several models, the largest of each. Where a question has more than
    two answers (harness/questions), `status` is which of them in a word, `detail` its numbers in a few.
    """

    problem: str = ""
    skipped: str = ""
    numbers: dict[str, float] = dataclasses.field(default_factory=dict)
    status: str = ""
    detail: str = ""


Clause = Callable[[Measure, Load], Finding]


@dataclasses.dataclass(frozen=True)
class Checklist:
    """A suite's clauses (functions of a module, so that a worker finds them), and the models they are asked on."""

    name: str
    clauses: tuple[Clause, ...]
    recipes: Callable[["Zoo"], tuple[Recipe, ...]]


@dataclasses.dataclass(frozen=True)
class Job:
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
    todo = collections.deque(measures)
    found: dict[tuple[str, str], Finding] = {}
    asked: dict[str, str] = {}
    deaths: collections.Counter[str] = collections.Counter()
    by_name = {measure.name: measure for measure in measures}
    bar = progress_bar(name, len(measures), "measures", progress)

    def next_job() -> Job | None:
        if not todo:
            return None
        measure = todo.popleft()
        return Job(reference_to(measure), tuple(clauses), tuple(recipes), settings)

    limit = settings.measure_timeout
    events = run_anywhere(check_job, next_job, settings, Limits(limit, settings.worker_memory))
    with bar, contextlib.closing(events):
        for event in events:
            measure = event.job.measure.name
            if event.kind == "report" and isinstance(event.payload, Notice):
                bar.write(event.payload.text)
            elif event.kind == "report" and isinstance(event.payload, str):
                asked[measure] = event.payload
            elif event.kind == "report":
                clause, finding = event.payload
                found[measure, clause] = finding
            elif event.kind == "done":
                bar.update()
            elif event.kind == "died" and deaths[measure] < ATTEMPTS - 1:
                deaths[measure] += 1  # it may have been somebody else's fault: too little memory, say
                todo.append(by_name[measure])
            elif event.kind in ("died", "silent") and measure in asked:
                how = event.payload if event.kind == "died" else f"no answer within {limit:g} s (--measure-timeout)"
                found[measure, asked[measure]] = Finding(problem=how)
                for clause in (each.__name__ for each in clauses):
                    found.setdefault((measure, clause), Finding(skipped=f"{asked[measure]} did not end: {how}"))
                bar.update()
            elif event.kind == "raised":
                raise RuntimeError(f"{name} of {measure} could not be checked:\n{event.payload}")
            else:
                raise HarnessError(f"{name} of {measure} could not be checked: {event.payload}")
    return found


def check_job(job: Job, report: Report) -> None:
    """In a worker: report each clause's name before it is asked, and (name, Finding) after."""
    report(job.clauses[0].__name__)
    measure = reload_measure(**vars(job.measure))
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
    numbers = {name: max(each.numbers[name] for each in findings if name in each.numbers) for name in names}
    for finding, recipe in zip(findings, recipes, strict=True):
        if finding.problem:
            size = f"{recipe.network} trained on {recipe.num_train}" if recipe.num_train else recipe.network
            return Finding(problem=f"{finding.problem} (on {size})", numbers=numbers)
    skipped = "" if any(not each.skipped for each in findings) else findings[0].skipped
    return Finding(skipped=skipped, numbers=numbers)
