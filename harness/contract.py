"""The contract: is it a well-behaved measure? Checked on two tiny trained networks, in worker processes.

Each clause is a function of a measure and a way to load a model afresh; it returns what is wrong, or nothing.
"""

import collections
import dataclasses
import functools
import math
import random
from collections.abc import Callable, Sequence

import numpy as np
import torch

from harness.errors import HarnessError
from harness.evaluate import MeasureReference, Reading, load_model, read
from harness.history import History
from harness.measure_lookup import reload_measure
from harness.purity import Witness
from harness.recipe import Recipe
from harness.settings import Settings
from harness.trained_model import TrainedModel
from harness.workers import Report, run_jobs
from harness.zoo import ATTEMPTS, progress_bar
from measures._registry import Measure

ROUNDING = 1e-3  # relative; sums of float32 in another order, or on another device, agree to this

RECIPES = tuple(
    Recipe(data_set="digits", network=network, learning_rate=rate, seed=0, num_train=100, batch_size=32)
    for network, rate in (("mlp_2x16", 0.1), ("convnet_bn", 0.05))
)

Load = Callable[[], TrainedModel]


@dataclasses.dataclass(frozen=True)
class Job:
    """Every clause for one measure, on every model of RECIPES."""

    measure: MeasureReference
    settings: Settings


@dataclasses.dataclass(frozen=True)
class Finding:
    """A clause's answer: `problem` is what is wrong ("" if nothing), `skipped` why it was not asked ("" if it was)."""

    problem: str = ""
    skipped: str = ""


def returns_one_finite_number(measure: Measure, load: Load) -> Finding:
    """A finite float, or NotApplicable."""
    reading = read(measure, load())
    return Finding(reading.reason if reading.status == "error" else "")


def repeats(measure: Measure, load: Load) -> Finding:
    """The same value from the same model, loaded anew."""
    return _compare(read(measure, load()), read(measure, load()), "again", 0.0)


def leaves_everything_as_it_was(measure: Measure, load: Load) -> Finding:
    """Model, data, history, gradients, modes, hooks and global random state are untouched (harness/purity.py)."""
    trained = load()
    witness = Witness(trained)
    witness.look()
    read(measure, trained)
    return Finding("; ".join(witness.changes()[:3]))


def draws_only_from_its_generator(measure: Measure, load: Load) -> Finding:
    """The global random state has no say."""
    readings = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        readings.append(read(measure, load()))
    first, second = readings
    return _compare(first, second, "with another global seed", 0.0)


def does_not_depend_on_the_order_of_examples(measure: Measure, load: Load) -> Finding:
    """The training set is a set; up to rounding."""
    if measure.cost == "retrain":
        return Finding(skipped="retraining draws held-out examples and batches by their place in the order")
    trained = load()
    order = torch.randperm(len(trained.labels), generator=torch.Generator().manual_seed(0))
    history = {field.name: getattr(trained.history, field.name) for field in dataclasses.fields(History)}
    history["correct"] = history["correct"][:, order]
    shuffled = dataclasses.replace(
        load(), inputs=trained.inputs[order], labels=trained.labels[order], history=History(**history)
    )
    return _compare(read(measure, trained), read(measure, shuffled), "with its examples reordered", ROUNDING)


def does_not_depend_on_the_device(measure: Measure, load: Load) -> Finding:
    """The same value on an accelerator, up to rounding."""
    if not torch.cuda.is_available():
        return Finding(skipped="there is no accelerator here to compare with")
    if measure.cost == "retrain":
        return Finding(skipped="training takes another course on another device")
    trained = load()
    moved = dataclasses.replace(
        trained,
        model=trained.model.to("cuda"),
        init=trained.init.to("cuda"),
        inputs=trained.inputs.to("cuda"),
        labels=trained.labels.to("cuda"),
    )
    return _compare(read(measure, load()), read(measure, moved), "on the accelerator", ROUNDING)


CLAUSES: tuple[Callable[[Measure, Load], Finding], ...] = (
    returns_one_finite_number,
    repeats,
    leaves_everything_as_it_was,
    draws_only_from_its_generator,
    does_not_depend_on_the_order_of_examples,
    does_not_depend_on_the_device,
)


def check(measures: Sequence[Measure], settings: Settings, progress: bool = True) -> dict[tuple[str, str], Finding]:
    """Every clause for every measure: {(measure, clause): Finding}. RECIPES must be in the store.

    A measure that hangs or ends its process is found to, by the clause that it was in; the clauses after it are
    skipped with a pointer to it.
    """
    todo = collections.deque(measures)
    found: dict[tuple[str, str], Finding] = {}
    asked: dict[str, str] = {}
    deaths: collections.Counter[str] = collections.Counter()
    by_name = {measure.name: measure for measure in measures}
    bar = progress_bar("contract", len(measures), "measures", progress)

    def next_job() -> Job | None:
        if not todo:
            return None
        measure = todo.popleft()
        return Job(MeasureReference(measure.name, measure.origin), settings)

    limit = settings.measure_timeout
    with bar:
        for event in run_jobs(check_job, next_job, settings.workers, limit):
            name = event.job.measure.name
            if event.kind == "report" and isinstance(event.payload, str):
                asked[name] = event.payload
            elif event.kind == "report":
                clause, finding = event.payload
                found[name, clause] = finding
            elif event.kind == "done":
                bar.update()
            elif event.kind == "died" and deaths[name] < ATTEMPTS - 1:
                deaths[name] += 1  # it may have been somebody else's fault: too little memory, say
                todo.append(by_name[name])
            elif event.kind in ("died", "silent") and name in asked:
                how = event.payload if event.kind == "died" else f"no answer within {limit:g} s (--measure-timeout)"
                found[name, asked[name]] = Finding(problem=how)
                for clause in (each.__name__ for each in CLAUSES):
                    found.setdefault((name, clause), Finding(skipped=f"{asked[name]} did not end: {how}"))
                bar.update()
            elif event.kind == "raised":
                raise RuntimeError(f"the contract of {name} could not be checked:\n{event.payload}")
            else:
                raise HarnessError(f"the contract of {name} could not be checked: {event.payload}")
    return found


def check_job(job: Job, report: Report) -> None:
    """In a worker: report each clause's name before it is asked, and (name, Finding) after."""
    report(CLAUSES[0].__name__)
    measure = reload_measure(job.measure.name, job.measure.origin)
    settings = dataclasses.replace(job.settings, device="cpu")
    for clause in CLAUSES:

        def load(recipe: Recipe, name: str = clause.__name__) -> TrainedModel:
            trained = load_model(recipe, settings)
            report(name)  # every call that follows has the measure's time to itself
            return trained

        findings = [clause(measure, functools.partial(load, recipe)) for recipe in RECIPES]
        report((clause.__name__, _combined(findings)))


def _combined(findings: Sequence[Finding]) -> Finding:
    for finding, recipe in zip(findings, RECIPES, strict=True):
        if finding.problem:
            return Finding(problem=f"{finding.problem} (on a tiny {recipe.network})")
    return findings[0]


def _compare(first: Reading, second: Reading, when: str, tolerance: float) -> Finding:
    if first.status == second.status != "value":
        return Finding()  # what is wrong with it, if anything, is another clause's
    a, b = first.value, second.value
    if a is not None and b is not None and math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance * 1e-6):
        return Finding()
    left, right = (reading.value if reading.value is not None else reading.reason for reading in (first, second))
    return Finding(problem=f"it gave {left}, and {right} {when}")
