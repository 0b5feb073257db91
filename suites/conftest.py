"""What the suites share: the `measure` that each is run against, and what a verdict or a finding makes of a test.

A suite's markers say what it asks for (harness/pytest_session.py): it is trained and measured before its first test.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from harness.errors import NoVerdict
from harness.judging.report_properties import FINDING, VERDICT
from harness.pytest_plugin import setup_of, told_before

if TYPE_CHECKING:  # what takes long to import is imported beside the workers' server (setup_of)
    from harness.evaluation.finding import Finding
    from harness.evaluation.probe import Probe
    from harness.judging.agreement import Judged
    from harness.judging.questions.question import Clause, Question
    from harness.judging.results import Results
    from harness.judging.verdict import Verdict
    from harness.pytest_session import Setup
    from harness.training.recipe import Condition
    from measures import Measure

Tell = Callable[["Measure", str, "Finding"], None]


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Where no plugin is loaded by itself (PYTEST_DISABLE_PLUGIN_AUTOLOAD), ours is all the same, if it is time yet.

    UsageError if it is not, because a folder above the suites was named: their options are not known then.
    """
    config = pluginmanager.get_plugin("pytestconfig")
    if isinstance(config, pytest.Config) and not hasattr(config.option, "list_measures"):
        if config.args:
            folder = Path(__file__).parent
            raise pytest.UsageError(f"the suites' options are known only where they are named: pytest {folder}")
        pluginmanager.import_plugin("harness.pytest_plugin")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """pytest-benchmark's table with the columns that a few rounds can fill, unless others were asked for."""
    if not any(argument.startswith("--benchmark-columns") for argument in config.invocation_params.args):
        config.option.benchmark_columns = ["median", "min", "max", "rounds"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Options that make no sense are usage errors before anything is collected."""
    setup_of(session.config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "measure" in metafunc.fixturenames:
        measures = setup_of(metafunc.config).measures
        metafunc.parametrize("measure", measures, ids=[measure.name for measure in measures])
    if "network" in metafunc.fixturenames:
        metafunc.parametrize("network", list(setup_of(metafunc.config).zoo.networks))


@pytest.fixture(scope="session")
def setup(pytestconfig: pytest.Config) -> Setup:
    """The zoo, the measures and the settings of this run."""
    return setup_of(pytestconfig)


@pytest.fixture
def results(setup: Setup, request: pytest.FixtureRequest) -> Results:
    """What was measured for this test, by what its markers ask for."""
    from harness.pytest_session import results_for

    return results_for(request.node, setup)


def _failure(problem: NoVerdict) -> pytest.fail.Exception:
    """A failure with the sentence alone; raised from None, it is not shown below the sentence that it was made of."""
    return pytest.fail.Exception(str(problem), pytrace=False)


@pytest.fixture
def fits(results: Results, setup: Setup) -> Callable[[Condition], None]:
    """Fail, naming the models, unless every model of the condition's twins fits its training set."""

    def check(condition: Condition) -> None:
        skip_without_meaning(setup, condition)
        try:
            problems = results.unfitted(condition)
        except NoVerdict as problem:
            raise _failure(problem) from None
        if problems:
            pytest.fail("\n".join(problems), pytrace=False)

    return check


@pytest.fixture
def separates(results: Results, setup: Setup, request: pytest.FixtureRequest) -> Callable[[Measure, Condition], None]:
    """Fail with the verdict's sentence unless the measure tells the condition's twins apart."""

    def check(measure: Measure, condition: Condition) -> None:
        skip_without_meaning(setup, condition)
        try:
            verdict = results.verdict(measure, condition)
        except NoVerdict as problem:
            raise _failure(problem) from None
        # Straight to the item: the record_property fixture warns under the default JUnit family.
        request.node.user_properties += [
            ("measure", measure.name),
            ("verdict", verdict.status),
            ("p_value", verdict.p_value),
            (VERDICT, json.dumps(verdict.to_json(), allow_nan=False)),
        ]
        if setup.recorded is not None and not verdict.passes:
            _as_recorded(setup.recorded[measure.name].verdicts.get(condition), verdict, _reproduce(measure, request))
        changed = setup.baseline.changed_verdict(verdict) if setup.baseline else None
        if changed:
            pytest.fail(f"{measure.name} on {condition}: {changed}\n{verdict.explain()}", pytrace=False)
        if changed == "" and not verdict.passes:
            pytest.xfail(f"as recorded: {verdict.explain()}")
        if verdict.crashed and told_before(measure, request.node):
            pytest.fail(f"{measure.name} has no verdict on {condition.replace('_', ' ')} either", pytrace=False)
        if not verdict.passes:
            lines = [verdict.explain(), _reproduce(measure, request), verdict.traceback]
            pytest.fail("\n".join(line for line in lines if line), pytrace=False)

    return check


@pytest.fixture
def premise_holds(results: Results, request: pytest.FixtureRequest) -> Callable[[Question], None]:
    """xfailed, or failed under --findings=fail, with what is not as the question supposes: nothing is judged."""

    def check(question: Question) -> None:
        try:
            problems = results.premise(question)
        except NoVerdict as problem:
            raise _failure(problem) from None
        if problems:
            falls_short("\n".join(problems), request.config)

    return check


@pytest.fixture
def holds(results: Results, tell: Tell) -> Callable[[Measure, Question, Clause], None]:
    """A finding, xfailed with its sentence where the measure falls short; failed under --findings=fail."""

    def check(measure: Measure, question: Question, clause: Clause) -> None:
        from harness.evaluation.finding import Finding

        try:
            if problems := results.premise(question):
                tell(measure, clause.__name__, Finding(skipped=f"the premise does not hold: {problems[0]}"))
            finding = results.clause(measure, question, clause)
        except NoVerdict as problem:
            raise _failure(problem) from None
        tell(measure, clause.__name__, finding)

    return check


@pytest.fixture
def keeps(results: Results, tell: Tell) -> Callable[..., None]:
    """A finding, xfailed with what is wrong unless the measure keeps the probe's clause; failed under --findings=fail.

    `completed` adds to the finding what the other suites know.
    """

    def check(
        measure: Measure,
        probe: Probe,
        clause: Callable[..., Finding],
        completed: Callable[[Finding], Finding] | None = None,
    ) -> None:
        try:
            finding = results.probed(measure, probe, clause.__name__)
            finding = completed(finding) if completed else finding
        except NoVerdict as problem:
            raise _failure(problem) from None
        tell(measure, clause.__name__, finding)

    return check


@pytest.fixture
def reading(results: Results, tell: Tell) -> Callable[[Measure], None]:
    """A finding that says what the measure reads; whatever that is, the test passes."""

    def check(measure: Measure) -> None:
        from harness.judging.reads import CLAUSE

        try:
            finding = results.reads(measure)
        except NoVerdict as problem:
            raise _failure(problem) from None
        tell(measure, CLAUSE, finding)

    return check


@pytest.fixture
def tell(setup: Setup, request: pytest.FixtureRequest) -> Tell:
    """Hand a finding, by its suite and clause, to the process that reports and records; make it the test's outcome."""
    from harness.pytest_session import suite_of

    def tell(measure: Measure, clause: str, finding: Finding) -> None:
        suite = suite_of(request.node)
        told = dataclasses.asdict(finding) | {"measure": measure.name, "suite": suite, "clause": clause}
        request.node.user_properties.append((FINDING, json.dumps(told, allow_nan=False)))
        changed = None
        if setup.baseline:
            changed = setup.baseline.changed_finding(measure.name, suite, clause, finding)
        if changed:
            said = finding.problem or finding.skipped or finding.detail
            pytest.fail(f"{measure.name}, {clause}: {changed}\n{said}", pytrace=False)
        if changed == "" and finding.problem:
            pytest.xfail(f"as recorded: {measure.name}: {finding.problem}")
        if finding.skipped:
            pytest.skip(finding.skipped)
        if finding.problem:
            falls_short(f"{measure.name}: {finding.problem}", request.config, _reproduce(measure, request))

    return tell


def skip_without_meaning(setup: Setup, condition: Condition) -> None:
    """A randomization of inputs that has no meaning for the zoo's data is not part of its gate; nor is one that twins
    from elsewhere do not have."""
    if condition not in setup.zoo.gate and setup.twins:
        pytest.skip(f"there are no pairs of {condition} in {setup.zoo.name}")
    if condition not in setup.zoo.gate:
        what = condition.replace("_", " ")
        pytest.skip(
            f"not in the gate of the {setup.zoo.name} zoo: {what} has no meaning for {', '.join(setup.zoo.data_sets)}"
        )


def _as_recorded(recorded: Judged | None, verdict: Verdict, reproduce: str) -> None:
    """Of a verdict on fresh twins that is no pass: it fails where the record says one, and is expected elsewhere."""
    if recorded is None:
        return  # judged as ever
    if recorded.status != "separates":
        pytest.xfail(f"recorded as {recorded.status}: {verdict.explain()}")
    said = f"{verdict.measure} on {verdict.condition}: recorded as separates, on fresh twins {verdict.status}"
    pytest.fail(
        "\n".join(line for line in (said, verdict.explain(), reproduce, verdict.traceback) if line), pytrace=False
    )


def falls_short(sentence: str, config: pytest.Config, more: str = "") -> NoReturn:
    """The outcome of a finding that is not as it should be."""
    if config.option.findings == "report":
        pytest.xfail(sentence)
    pytest.fail("\n".join([sentence, more] if more else [sentence]), pytrace=False)


def _reproduce(measure: Measure, request: pytest.FixtureRequest) -> str:
    from harness.evaluation.measure_lookup import short_path, spec_of

    file = short_path(request.path)
    options = {"measure": spec_of(measure)}
    options |= {name: getattr(request.config.option, name) for name in ("zoo", "twins", "fresh")}
    given = "".join(f" --{name}={shlex.quote(str(spec))}" for name, spec in options.items() if spec)
    return f"  reproduce: pytest {shlex.quote(file)}{given}"
