"""The front door for notebooks: a measure in, a judgement that shows itself out.

from harness import judge

result = judge(my_measure, zoo="digits")
"""

import dataclasses
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.calling.confinement import lacking
from harness.calling.reading import Reading
from harness.errors import INTERRUPTED, HarnessError, NoVerdict, check_given, check_not_empty
from harness.evaluation.any_callable import measure_from
from harness.evaluation.finding import Finding
from harness.evaluation.first_try import TELLS, when_tried
from harness.evaluation.measure_lookup import find_measures
from harness.evaluation.measure_reference import in_a_notebook, reference_to, sealed
from harness.evaluation.rows import Row
from harness.judgement import Judgement, Value
from harness.judging.agreement import Agreement, agreement_of
from harness.judging.measure_here import measure_here, try_here
from harness.judging.plan import Plan, measures_to_judge
from harness.judging.questions import QUESTIONS
from harness.judging.questions.question import Question
from harness.judging.reads import BLINDINGS, CLAUSE
from harness.judging.results import Results
from harness.judging.run import Work, look, train, try_out
from harness.judging.run import measure as measure_by_workers
from harness.judging.verdict import Verdict
from harness.options import in_python
from harness.records.estimate import estimate
from harness.records.recorded_gate import recorded_gate
from harness.settings import MEASURE_TIMEOUT, TRAINING_TIMEOUT, Settings, make_settings
from harness.training.recipe import Recipe
from harness.workers.pool import warm_up
from harness.zoo.checkpoints.alone import check_arguments_with_twins
from harness.zoo.checkpoints.doors import find_pairs
from harness.zoo.checkpoints.own_twins import OwnTwins
from harness.zoo.opening import find_zoo, open_zoo
from harness.zoo.zoo import Zoo, recipes
from harness.zoo.zoos import DEFAULT_ZOO
from measures.registry import Measure

if TYPE_CHECKING:
    from harness.zoo.checkpoints.pair import Pair
    from measures.trained_model import TrainedModel

__all__ = ["Judgement", "Verdict", "judge"]

ONE_AT_A_TIME = threading.RLock()
"""Threads of a process have one generator of torch, and one zoo whose networks are found by their names."""


def judge(
    measure: "str | Measure | Callable[[TrainedModel], float]",
    zoo: str | Path | Zoo | None = None,
    *,
    twins: "str | Sequence[Pair] | None" = None,
    fresh: int | None = None,
    findings: bool = False,
    cache_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
    shared_cache: str | Path | None = None,
    workers: int | None = None,
    device: str = "cpu",
    dask: str | None = None,
    worker_memory: str | None = None,
    measure_timeout: float = MEASURE_TIMEOUT,
    training_timeout: float = TRAINING_TIMEOUT,
) -> Judgement:
    """Judge a measure by the gate, and with `findings` by what is asked beyond it. Missing models are trained first.

    - `measure`: a registered measure's name (or `path/file.py::function`), a function under @measure, or whatever
      can be called with one TrainedModel and returns a float: a function, a partial with its arguments, an object.
    - `zoo`: the models' scale: `digits` (the default); or your
      own, as `path/file.py::zoo`, `package.module:zoo`, or a Zoo that was imported from a file.
    - `twins`: networks that were trained elsewhere, in place of a zoo: a list of harness.Pair, or where one is
      (`path/file.py::twins`, `package.module:twins`).
    - `fresh`: a number from which the zoo's recipes get other seeds: twins that nobody has seen. The judgement then
      says whether it agrees with the record of the measure on the zoo itself.
    - `findings`: what does it really see? Trains several times as many models.
    - `cache_dir`: where models and values are kept, by default $SHATTERPROOF_CACHE, else the platform's cache folder;
      `shared_cache`: another such folder that is only read; `data_dir`: where data sets are read from and downloaded
      to, by default a folder in the cache.
    - `workers`: local processes, by default one a core; `device`: what torch trains and evaluates on, as "cuda:0";
      `dask`: the address of a cluster's scheduler, whose workers take the place of the local ones.
    - `worker_memory`: ends a worker that uses more, as "2GB"; `measure_timeout` and `training_timeout`: seconds that a
      measure may take on a model, and a training without a step.

    The measure is called in worker processes; one from outside the project in a process of its own for every call,
    which sees the trained model and nothing else. A function of a notebook is sent there with what it refers to; its
    values are not kept. One that refers to what cannot be sent (a lock, an open file) is called in this process, which
    is said: the same checks, but no timeout, and nothing between it and the kernel if it hangs or ends its process. So
    are twins whose functions cannot be sent.

    Raises HarnessError for an unknown measure or zoo, a function of another signature, or models that did not fit.

    >>> from harness import judge
    >>> def weight_norm(trained):
    ...     return sum(float(weight.detach().square().sum()) for weight in trained.model.parameters())
    >>> judgement = judge(weight_norm, zoo="digits")
    tried on one tiny network first: weight_norm gave ..., in ... s
    >>> judgement.passes
    True
    >>> judgement.verdicts["random_labels"].status
    'separates'
    >>> judge("l2_nrom")
    Traceback (most recent call last):
    harness.errors.HarnessError: unknown measure 'l2_nrom'; did you mean 'l2_norm'?
    """
    try:
        settings = make_settings(
            cache_dir=cache_dir,
            data_dir=data_dir,
            shared_cache=shared_cache,
            workers=workers,
            device=device,
            dask=dask,
            worker_memory=worker_memory,
            measure_timeout=measure_timeout,
            training_timeout=training_timeout,
        )
        asked = {"zoo": zoo, "twins": twins, "fresh": fresh, "findings": findings}
        check_given(judge, asked)
        check_not_empty({"measure": measure, **asked})
        zoo = str(zoo) if isinstance(zoo, Path) else zoo
        with ONE_AT_A_TIME:
            judged = _measure(measure)
            warm_up(many_forks=judged.family == "external")
            networks, settings = networks_to_judge_on(zoo, twins, findings, settings, fresh)
            return _in_python(judge_with(judged, networks, settings, findings))
    except HarnessError as problem:
        raise HarnessError(in_python(str(problem))) from problem
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(INTERRUPTED)
        raise


def _in_python(judgement: Judgement) -> Judgement:
    """The same, with options named as arguments: in what it says of values that are missing, too."""
    verdicts = {
        condition: dataclasses.replace(verdict, reason=in_python(verdict.reason))
        for condition, verdict in judgement.verdicts.items()
    }
    values = tuple(dataclasses.replace(value, reason=in_python(value.reason)) for value in judgement.values)
    return dataclasses.replace(judgement, verdicts=verdicts, values=values, crash=in_python(judgement.crash))


def networks_to_judge_on(
    zoo: str | Zoo | None,
    twins: "str | Sequence[Pair] | None",
    findings: bool,
    settings: Settings,
    fresh: int | None = None,
) -> tuple[Zoo, Settings]:
    """The zoo, opened, or the twins, looked at; and the settings with which other processes find what it declares."""
    check_arguments_with_twins(twins, zoo, findings, fresh)
    if twins is not None:
        return look(find_pairs(twins), Work(settings)), settings
    opened, settings = open_zoo(find_zoo(zoo or DEFAULT_ZOO) if zoo is None or isinstance(zoo, str) else zoo, settings)
    return opened if fresh is None else opened.with_fresh(fresh), settings


def judge_with(measure: Measure, zoo: Zoo, settings: Settings, findings: bool = False) -> Judgement:
    """`judge` of a measure that was looked up, on networks that are ready; errors name options of a command line."""
    return _judged(measure, zoo, findings, Work(settings))


def _judged(judged: Measure, zoo: Zoo, findings: bool, work: Work) -> Judgement:
    questions = QUESTIONS if findings else ()
    by_workers = [judged] if _can_be_sent(judged) and _can_be_had_there(zoo) else []
    if not by_workers and not in_a_notebook(judged):
        judged = sealed(judged)  # as a worker would
    plan = Plan(
        zoo=zoo,
        gate=dict.fromkeys(zoo.gate, by_workers),
        questions=[(question, by_workers) for question in questions],
        blinded=by_workers if findings else (),
    )
    if crash := _crash(judged, plan, work):
        return Judgement(judged.name, zoo.name, {}, (), {}, crash=crash)
    if text := estimate(plan, [judged], work.settings):
        print(text, flush=True)
    known = train(plan, Results(zoo), work)
    try:
        if problems := [problem for condition in zoo.gate for problem in known.unfitted(condition)]:
            raise HarnessError(f"no verdict on {judged.name}: {problems[0]}")
        if by_workers:
            known = measure_by_workers(plan, known, work)
        else:
            known = measure_here(judged, plan, known, work, reads=findings)
        verdicts = {condition: known.verdict(judged, condition) for condition in zoo.gate}
        return Judgement(
            measure=judged.name,
            zoo=zoo.name,
            verdicts=verdicts,
            values=tuple(_value(recipe, known.rows[judged.name, recipe]) for recipe in recipes(zoo, zoo.gate)),
            findings={question.name: _findings(known, judged, question) for question in questions}
            | ({BLINDINGS.name: {CLAUSE: _reads(known, judged)}} if findings else {}),
            agreement=_agreement(judged, zoo, [*verdicts.values()]),
        )
    except NoVerdict as problem:
        raise HarnessError(str(problem)) from problem


def _agreement(judged: Measure, zoo: Zoo, verdicts: Sequence[Verdict]) -> Agreement | None:
    """With the record of the zoo itself, where the twins are fresh."""
    if isinstance(zoo, OwnTwins) or not zoo.fresh:
        return None
    return agreement_of(judged.name, zoo.fresh, recorded_gate(judged, zoo), {each.condition: each for each in verdicts})


def _crash(judged: Measure, plan: Plan, work: Work) -> str:
    """What became of the measure on one tiny network, with its traceback, if it gave nothing there; else ""."""
    found: Row | Reading | None
    if measures_to_judge(plan):
        found = try_out(plan, Results(plan.zoo), work).crashed.get(judged.name)
    else:
        found = try_here(judged, plan.zoo, work)
    if found is None or found.status in TELLS:
        return ""
    return f"{found.reason}, {when_tried(plan.zoo)}\n{found.traceback}".rstrip()


def _measure(given: object) -> Measure:
    if isinstance(given, str):
        found = find_measures([given])
        if len(found) != 1:
            raise HarnessError(f"{given!r} names {len(found)} measures; judge takes one")
        return found[0]
    return measure_from(given)


def _can_be_sent(measure: Measure) -> bool:
    """Whether it is called in other processes; what is not held against it there, or why it is not, is printed."""
    try:
        reference_to(measure)
    except HarnessError as problem:
        print(f"{problem}: it is called in this process, without a time limit, and may see all that is in it")
        return False
    if measure.family == "external" and (missing := lacking()):
        print(f"on this platform nothing keeps {measure.name} from what a measure must not do: {missing}")
    return True


def _can_be_had_there(zoo: Zoo) -> bool:
    """Whether other processes find the networks; why they do not is printed."""
    if not isinstance(zoo, OwnTwins) or not zoo.unsent:
        return True
    print(f"{zoo.unsent}: all are loaded and measured in this process, without a time limit")
    return False


def _value(recipe: Recipe, row: Row) -> Value:
    return Value(recipe.data_set, recipe.network, recipe.seed, recipe.condition, row.value, row.reason)


def _findings(known: Results, measure: Measure, question: Question) -> dict[str, Finding]:
    found = {}
    for clause in question.clauses:
        try:
            found[clause.__name__] = known.clause(measure, question, clause)
        except NoVerdict as problem:
            found[clause.__name__] = Finding(skipped=str(problem))
    return found


def _reads(known: Results, measure: Measure) -> Finding:
    try:
        return known.reads(measure)
    except NoVerdict as problem:
        return Finding(skipped=str(problem))
