"""What the suites share: the `measure` that each is run against, and how an answer becomes a test's outcome."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import pytest

from harness.errors import NoVerdict
from harness.pytest_plugin import FINDING, VERDICT, judging_of, strict

if TYPE_CHECKING:  # what takes long to import is imported beside the workers' server (judging_of)
    from harness.checklist import Finding
    from harness.judging import Judging
    from harness.questions.question import Answer
    from harness.recipe import Condition
    from measures import Measure


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """pytest-benchmark's table with the columns that a few rounds can fill, unless others were asked for."""
    if not any(argument.startswith("--benchmark-columns") for argument in config.invocation_params.args):
        config.option.benchmark_columns = ["median", "min", "max", "rounds"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Options that make no sense are usage errors before anything is collected."""
    judging_of(session.config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "measure" in metafunc.fixturenames:
        measures = judging_of(metafunc.config).measures
        metafunc.parametrize("measure", measures, ids=[measure.name for measure in measures])
    if "network" in metafunc.fixturenames:
        metafunc.parametrize("network", list(judging_of(metafunc.config).zoo.learning_rates))


@pytest.fixture(scope="session")
def judging(pytestconfig: pytest.Config) -> Judging:
    return judging_of(pytestconfig)


@pytest.fixture
def premise(judging: Judging) -> Callable[[Condition], None]:
    """Fail, naming the models, unless every model of the condition's twins fits its training set."""

    def check(condition: Condition) -> None:
        try:
            problems = judging.unfitted(condition)
        except NoVerdict as problem:
            pytest.fail(str(problem), pytrace=False)
        if problems:
            pytest.fail("\n".join(problems), pytrace=False)

    return check


@pytest.fixture
def question_premise(judging: Judging, request: pytest.FixtureRequest) -> Callable[[], None]:
    """xfailed, or failed under --strict, with what is not as the suite's question supposes: nobody is judged then."""

    def check() -> None:
        try:
            problems = judging.premise(request.module.QUESTION)
        except NoVerdict as problem:
            pytest.fail(str(problem), pytrace=False)
        if problems:
            falls_short("\n".join(problems), request.config)

    return check


@pytest.fixture
def answers(judging: Judging, found: Callable[..., None], request: pytest.FixtureRequest) -> Callable[..., None]:
    """A finding, xfailed with the answer's sentence where the measure falls short; failed under --strict."""

    def check(measure: Measure, answer: Answer) -> None:
        from harness.checklist import Finding

        question = request.module.QUESTION
        try:
            if problems := judging.premise(question):
                found(measure, answer.__name__, Finding(skipped=f"the premise does not hold: {problems[0]}"))
            finding = judging.answer(measure, question, answer)
        except NoVerdict as problem:
            pytest.fail(str(problem), pytrace=False)
        found(measure, answer.__name__, finding)

    return check


@pytest.fixture
def separates(judging: Judging, request: pytest.FixtureRequest) -> Callable[[Measure, Condition], None]:
    """Fail with the verdict's sentence unless the measure tells the condition's twins apart."""

    def check(measure: Measure, condition: Condition) -> None:
        try:
            verdict = judging.verdict(measure, condition)
        except NoVerdict as problem:
            pytest.fail(str(problem), pytrace=False)
        # Straight to the item: the record_property fixture warns under the default JUnit family.
        request.node.user_properties += [
            ("measure", measure.name),
            ("verdict", verdict.status),
            ("p_value", verdict.p_value),
            (VERDICT, json.dumps(verdict.to_json(), allow_nan=False)),
        ]
        changed = judging.baseline.changed_verdict(verdict) if judging.baseline else None
        if changed:
            pytest.fail(f"{measure.name} on {condition}: {changed}\n{verdict.explain()}", pytrace=False)
        if changed == "" and not verdict.passes:
            pytest.xfail(f"as recorded: {verdict.explain()}")
        if not verdict.passes:
            lines = [verdict.explain(), _reproduce(measure, request), verdict.traceback]
            pytest.fail("\n".join(line for line in lines if line), pytrace=False)

    return check


@pytest.fixture
def keeps(judging: Judging, found: Callable[..., None], request: pytest.FixtureRequest) -> Callable[..., None]:
    """A finding, xfailed with what is wrong unless the measure keeps the checklist's clause; failed under --strict.

    `completed` adds to the finding what the other suites know.
    """

    def check(
        measure: Measure, clause: Callable[..., Finding], completed: Callable[[Finding], Finding] | None = None
    ) -> None:
        checklist = request.module.CHECKLIST
        try:
            finding = judging.finding(measure, checklist, clause.__name__)
            finding = completed(finding) if completed else finding
        except NoVerdict as problem:
            pytest.fail(str(problem), pytrace=False)
        found(measure, clause.__name__, finding)

    return check


@pytest.fixture
def found(request: pytest.FixtureRequest) -> Callable[[Measure, str, Finding], None]:
    """Hand a finding, by the name of its question, to whoever reports and records; make it the test's outcome."""

    def tell(measure: Measure, clause: str, finding: Finding) -> None:
        answer = dataclasses.asdict(finding) | {
            "measure": measure.name,
            "suite": (getattr(request.module, "QUESTION", None) or request.module.CHECKLIST).name,
            "clause": clause,
        }
        request.node.user_properties.append((FINDING, json.dumps(answer, allow_nan=False)))
        changed = None
        if baseline := judging_of(request.config).baseline:
            changed = baseline.changed_finding(measure.name, answer["suite"], clause, finding)
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


def falls_short(sentence: str, config: pytest.Config, more: str = "") -> NoReturn:
    """The outcome of a finding that is not as it should be."""
    if not strict(config):
        pytest.xfail(sentence)
    pytest.fail("\n".join([sentence, more] if more else [sentence]), pytrace=False)


def _reproduce(measure: Measure, request: pytest.FixtureRequest) -> str:
    from harness.measure_lookup import short_path, spec_of

    file = short_path(request.path)
    zoo = request.config.option.zoo
    scale = "" if zoo == "digits" else f" --zoo={zoo}"
    return f"  reproduce: pytest {file} --measure={spec_of(measure)}{scale}"
