"""One pytest run of the suites: what its options say, what its tests ask for, and what is known so far.

What is known grows as the run goes on, in the session's stash; everything else here is a function of its arguments.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.calling.confinement import lacking
from harness.errors import HarnessError
from harness.evaluation.first_try import when_tried
from harness.evaluation.measure_lookup import find_measures
from harness.evaluation.probe import Probe
from harness.judging.agreement import Recorded
from harness.judging.baseline import Baseline, expected
from harness.judging.plan import Plan
from harness.judging.questions.question import Question
from harness.judging.reads import Blindings
from harness.judging.results import Results
from harness.judging.run import Work, look, measure, train, try_out
from harness.records.estimate import estimate
from harness.records.record import public_origin
from harness.records.record_files import check_names, check_zoo, read_record
from harness.records.recorded_gate import recorded_gate
from harness.settings import Settings
from harness.zoo.checkpoints.alone import NOT_ASKED
from harness.zoo.checkpoints.doors import find_pairs
from harness.zoo.checkpoints.own_twins import OwnTwins, as_zoo, listed
from harness.zoo.definition import definition_of
from harness.zoo.opening import open_zoo
from harness.zoo.zoo import GATE, Zoo
from measures.registry import Measure

SUITES = ("gate", "finding", "contract", "reparametrization", "noise_floor", "cost", "reads")
"""The markers of suites; their arguments are what a suite asks for."""

RESULTS: pytest.StashKey[Results] = pytest.StashKey()
PREPARED: pytest.StashKey[list[Plan]] = pytest.StashKey()


@dataclasses.dataclass(frozen=True)
class Setup:
    """What the options say: what is judged on which zoo, how the work is done, and what is expected of the outcome.

    `ahead`: all is measured before the tests ask for it. Where several processes share the work (pytest-xdist), each
    trains ahead but measures what a test asks for when it asks. `recorded`: on the zoo itself, by measure, where the
    run is on fresh twins of it; else None.
    """

    zoo: Zoo
    measures: Sequence[Measure]
    work: Work
    ahead: bool
    baseline: Baseline | None
    recorded: Mapping[str, Recorded] | None = None

    @property
    def twins(self) -> bool:
        """Whether the zoo is twins that were trained elsewhere."""
        return isinstance(self.zoo, OwnTwins)

    @property
    def settings(self) -> Settings:
        return self.work.settings


def make_setup(config: pytest.Config, zoo: Zoo | None, settings: Settings, say: Callable[[str], None]) -> Setup:
    """The setup of a run; without a zoo, on the twins that it names. HarnessError for what cannot be had."""
    option = config.option
    alone = not hasattr(config, "workerinput")
    measures = find_measures(option.measure or ["all"], option.cost)
    if option.leaderboard:
        check_names([(measure.name, public_origin(measure)) for measure in measures], Path(option.leaderboard))
    if any(measure.family == "external" for measure in measures) and (missing := lacking()):
        say(f"on this platform nothing keeps a measure from what it must not do: {missing}")
    if zoo is not None:
        zoo, settings = open_zoo(zoo, settings)
        zoo = zoo if option.fresh is None else zoo.with_fresh(option.fresh)
        if option.leaderboard:
            check_zoo(definition_of(zoo), Path(option.leaderboard))
    work = Work(settings, say, progress=alone and config.get_verbosity() >= 0)
    if zoo is None:
        pairs = find_pairs(option.twins)
        zoo = as_zoo(listed(pairs)) if option.collectonly else look(pairs, work)
    recorded = None
    if option.fresh is not None:
        path = Path(option.baseline) if option.baseline else None
        recorded = {measure.name: recorded_gate(measure, zoo, path) for measure in measures}
    return Setup(
        zoo=zoo,
        measures=measures,
        work=work,
        ahead=alone,
        baseline=_baseline(option.baseline, zoo, measures, say) if option.baseline and recorded is None else None,
        recorded=recorded,
    )


def _baseline(path: str, zoo: Zoo, measures: Sequence[Measure], say: Callable[[str], None]) -> Baseline:
    found, said = expected(
        read_record(Path(path)), f"--baseline={path}", zoo.name, [measure.name for measure in measures]
    )
    if said:
        say(said)
    return found


def plan_of(items: Iterable[pytest.Item], zoo: Zoo) -> Plan:
    """What the tests ask for, by the arguments of their markers, with the measures that they are about.

    A string is a condition of the gate: of its verdict under the gate's own marker, else of the measures' values.
    Raises UsageError for an argument that is neither that nor a Question, a Probe or Blindings.
    """
    gate: dict[Any, dict[str, Measure]] = {}
    values: dict[Any, dict[str, Measure]] = {}
    questions: dict[str, tuple[Question, dict[str, Measure]]] = {}
    probes: dict[str, tuple[Probe, dict[str, Measure]]] = {}
    blinded: dict[str, Measure] = {}
    for item in items:
        about = _measure_of(item)
        for marker, asked in asked_by(item):
            if not_asked(asked, zoo):
                continue  # the test says why
            elif isinstance(asked, Question):
                questions.setdefault(asked.name, (asked, {}))[1].update(about)
            elif isinstance(asked, Probe):
                probes.setdefault(asked.name, (asked, {}))[1].update(about)
            elif isinstance(asked, Blindings):
                blinded.update(about)
            elif asked in GATE and asked not in zoo.gate:
                continue  # it has no meaning for the zoo's data, which the test says as well
            elif asked in GATE:
                (gate if marker == "gate" else values).setdefault(asked, {}).update(about)
            else:
                expected = f"a condition of the gate ({', '.join(GATE)}), a Question, a Probe or Blindings"
                raise pytest.UsageError(f"{item.nodeid}: the marker {marker} has {asked!r}; expected {expected}")
    return Plan(
        zoo=zoo,
        gate={condition: [*some.values()] for condition, some in gate.items()},
        values={condition: [*some.values()] for condition, some in values.items()},
        questions=[(question, [*some.values()]) for question, some in questions.values()],
        probes=[(probe, [*some.values()]) for probe, some in probes.values()],
        blinded=[*blinded.values()],
    )


def not_asked(asked: Any, zoo: Zoo) -> str:
    """Why a question or a probe is not asked of this zoo; "" if it is. Of twins from elsewhere what trains is not."""
    trains = isinstance(asked, Question | Blindings) or (isinstance(asked, Probe) and asked.of_zoo)
    return NOT_ASKED if trains and isinstance(zoo, OwnTwins) else ""


def asked_by(item: pytest.Item) -> Iterator[tuple[str, Any]]:
    """The arguments of the test's markers, each with its marker's name."""
    for marker in item.iter_markers():
        if marker.name in SUITES:
            yield from ((marker.name, argument) for argument in marker.args)


def suite_of(item: pytest.Item) -> str:
    """The name of the question, the probe or the blindings that the test's markers have."""
    return next(asked.name for _, asked in asked_by(item) if isinstance(asked, Question | Probe | Blindings))


def prepare(items: Sequence[pytest.Item], setup: Setup) -> None:
    """Train what the tests need, and measure it where this process works alone. UsageError if none could ever pass."""
    plan = plan_of(items, setup.zoo)
    if plan.nothing:
        return
    stash = items[0].config.stash
    try:  # outside of any test, pytest captures nothing: the progress is seen
        stash[RESULTS] = known = try_out(plan, known_of(stash, setup), setup.work)
        if none_left(setup, known):
            return
        stash.setdefault(PREPARED, []).append(plan)
        known = train(plan, known, setup.work)
    except HarnessError as problem:
        raise pytest.UsageError(str(problem)) from problem
    stash[RESULTS] = known  # should what follows be interrupted
    if setup.ahead:
        stash[RESULTS] = measure(plan, known, setup.work)


def none_left(setup: Setup, known: Results) -> bool:
    """Whether every measure of the run has crashed when it was tried: then nothing is trained."""
    return all(measure.name in known.crashed for measure in setup.measures)


def crash_of(item: pytest.Item, known: Results) -> Iterator[tuple[Measure, str]]:
    """The measure that the test is about and what became of it, if it crashed when it was tried."""
    for name, about in _measure_of(item).items():
        if name in known.crashed:
            row = known.crashed[name]
            yield about, f"{name} has no verdict: {row.reason}, {when_tried(known.zoo)}\n{row.traceback}".rstrip()


def results_for(item: pytest.Item, setup: Setup) -> Results:
    """What is known when this test asks: all that was measured ahead, else with what the test itself asks for.

    Skipped if that is not asked of this zoo.
    """
    if reason := next((reason for _, asked in asked_by(item) if (reason := not_asked(asked, setup.zoo))), ""):
        pytest.skip(reason)
    stash = item.config.stash
    known = known_of(stash, setup)
    if setup.ahead:
        return known
    plan = plan_of([item], setup.zoo)
    known = measure(plan, train(plan, known, setup.work), setup.work)
    stash[RESULTS] = dataclasses.replace(known, unmeasured="")  # another test's question may fare better
    return known


def known_of(stash: pytest.Stash, setup: Setup) -> Results:
    """What is known so far."""
    return stash.setdefault(RESULTS, Results(setup.zoo))


def estimated(items: Iterable[pytest.Item], setup: Setup) -> str:
    """How long it will take to train and evaluate what the tests ask for, as a sentence; "" if that is not known."""
    return estimate(plan_of(items, setup.zoo), setup.measures, setup.settings)


def _measure_of(item: pytest.Item) -> dict[str, Measure]:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    found = parameters.get("measure")
    return {found.name: found} if isinstance(found, Measure) else {}
