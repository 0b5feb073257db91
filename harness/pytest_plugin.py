"""The front door for pytest: options, markers, what happens before the suites, the summary, the record.

Imports neither torch nor the measures until a suite is collected, or one of its options used: any other pytest run in
this environment stays as quick as without it. What the suites share with it stands in suites/conftest.py.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.judging import Judging
    from measures import Measure

VERDICT = "shatterproof_verdict"  # properties of test reports, by which answers reach the process that reports
FINDING = "shatterproof_finding"
REPORTING = "shatterproof_reporting"
JUDGING: pytest.StashKey["Judging"] = pytest.StashKey()
REST_PREPARED: pytest.StashKey[bool] = pytest.StashKey()

MARKERS = (
    "gate: decides whether a measure passes",
    "finding: what does a passing measure really see?",
    "contract: is it a well-behaved measure?",
    "reparametrization: is it unmoved by what leaves the function unchanged?",
    "noise_floor: do its draws drown its signal?",
    "cost: what does it cost?",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("shatterproof", "generalization measures")
    option = group.addoption
    option(
        "--measure",
        action="append",
        metavar="SPEC",
        help="measure to judge: a name, path/file.py[::function], package.module:function, or all (the default); "
        "repeat it or separate by commas",
    )
    option("--cost", choices=("fast", "slow", "retrain"), default="retrain", help="limit all to this tier and cheaper")
    option("--zoo", default="digits", metavar="NAME", help="scale of the trained models (default: digits)")
    option("--cache-dir", metavar="DIR", help="where models and rows are kept (default: $SHATTERPROOF_CACHE)")
    option("--data-dir", metavar="DIR", help="where data sets are read from and downloaded to")
    option("--device", default="cpu", help="device to train and evaluate on (default: cpu)")
    option("--workers", type=int, metavar="N", help="local processes (default: one a core)")
    option("--dask", metavar="ADDRESS", help="work on this cluster instead: tcp://host:8786 or scheduler.json")
    option("--worker-memory", metavar="SIZE", help="end a worker that comes to more memory: 2GB (default: no limit)")
    option("--measure-timeout", type=float, default=300.0, metavar="S", help="seconds a measure may take on a model")
    option(
        "--training-timeout", type=float, default=1800.0, metavar="S", help="seconds a training may go without a step"
    )
    option("--shared-cache", metavar="DIR", help="use what this cache folder has (default: $SHATTERPROOF_SHARED_CACHE)")
    option("--leaderboard", metavar="PATH", help="write the record of this run, as JSON")
    option("--baseline", metavar="PATH", help="a record whose outcomes are expected: what changed, either way, fails")
    option("--list-measures", action="store_true", help="list the registered measures and stop")


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    if not config.option.list_measures:
        return None
    from harness.errors import HarnessError
    from harness.measure_lookup import describe, find_measures

    try:
        measures = find_measures(config.option.measure or ["all"], config.option.cost)
    except HarnessError as problem:
        raise pytest.UsageError(str(problem)) from problem
    print(describe(measures))
    return 0


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """A misspelt measure is a usage error before anything is collected, in the process that the user started."""
    option = session.config.option
    if option.measure or option.leaderboard or option.baseline:
        judging_of(session.config)


def strict(config: pytest.Config) -> bool:
    """Was --strict given? It is pytest's own option; here it also makes findings fail."""
    try:
        return bool(config.getini("strict"))
    except (ValueError, KeyError):  # before pytest 9
        return bool(config.getoption("strict", default=False))


def judging_of(config: pytest.Config) -> "Judging":
    """This run's Judging, made when first asked for; usage errors for options that make no sense."""
    if JUDGING not in config.stash:
        from harness.errors import HarnessError
        from harness.workers import warm_up

        hands_out = getattr(config.option, "dist", "no") != "no"  # pytest-xdist's other processes run the tests
        if not (config.option.collectonly or hands_out):
            warm_up()  # its imports run beside ours
        try:
            judging = config.stash[JUDGING] = _make_judging(config)
        except HarnessError as problem:
            raise pytest.UsageError(str(problem)) from problem
        if not hasattr(config, "workerinput"):  # only the process that the user started reports and writes
            from harness.pytest_report import Reporting

            config.pluginmanager.register(Reporting(judging, config.option.leaderboard), REPORTING)
    return config.stash[JUDGING]


def _make_judging(config: pytest.Config) -> "Judging":
    from harness.baseline import baseline_of
    from harness.judging import Judging
    from harness.measure_lookup import find_measures
    from harness.record_files import check_place, read_record
    from harness.settings import cores, make_settings
    from harness.zoo import find_zoo, pinned

    option = config.option
    if option.leaderboard:
        check_place(Path(option.leaderboard).absolute())
    crowd = int(getattr(config, "workerinput", {}).get("workercount", 1))
    workers = option.workers if option.workers is not None else max(1, cores() // crowd)
    alone = crowd == 1 and not hasattr(config, "workerinput")
    measures = find_measures(option.measure or ["all"], option.cost)
    zoo = find_zoo(option.zoo)
    settings = make_settings(
        option.cache_dir,
        option.data_dir,
        option.device,
        workers,
        option.measure_timeout,
        option.training_timeout,
        option.worker_memory,
        option.dask,
        option.shared_cache,
    )
    return Judging(
        zoo=pinned(zoo, settings),
        measures=measures,
        settings=settings,
        say=lambda text: _say(config, text),
        progress=alone and config.get_verbosity() >= 0,
        ahead=alone,
        baseline=baseline_of(read_record(Path(option.baseline))) if option.baseline else None,
    )


def _say(config: pytest.Config, text: str) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # a process of pytest-xdist
        print(text, file=sys.stderr, flush=True)
    else:
        reporter.ensure_newline()
        reporter.write_line(text, yellow=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """The gate first: its verdict need not wait for the models of the other suites."""
    if JUDGING in session.config.stash:
        items.sort(key=_is_finding)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Train and evaluate what the gate needs, before the first test, with progress on the screen."""
    option = session.config.option
    if option.collectonly or (session.testsfailed and not option.continue_on_collection_errors):
        return
    if JUDGING in session.config.stash:
        _estimate(session)
        _prepare([item for item in session.items if not _is_finding(item)], session.config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Before the first test beyond the gate, the same for all of these."""
    config = item.config
    if JUDGING in config.stash and _is_finding(item) and REST_PREPARED not in config.stash:
        config.stash[REST_PREPARED] = True
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        reporting = config.pluginmanager.get_plugin(REPORTING)
        if reporter is not None and reporting is not None:
            reporter.ensure_newline()  # below the dots
            reporting.say_gate(reporter)
        _prepare([each for each in item.session.items if _is_finding(each)], config)


def _estimate(session: pytest.Session) -> None:
    """Say how long it will take, where that is known."""
    from harness.estimate import estimate

    judging = judging_of(session.config)
    if judging.progress:
        modules = {module: _is_finding(item) for item in session.items if (module := getattr(item, "module", None))}
        gate = any(hasattr(module, "CONDITIONS") for module, finding in modules.items() if not finding)
        questions = [module.QUESTION for module in modules if hasattr(module, "QUESTION")]
        if text := estimate(judging, gate, questions):
            _say(session.config, text)


def _prepare(items: Iterable[pytest.Item], config: pytest.Config) -> None:
    """Have ready what the suites of these items declare: CONDITIONS of the gate, a CHECKLIST, a QUESTION."""
    about: dict[object, list[pytest.Item]] = {}
    for item in items:
        about.setdefault(getattr(item, "module", None), []).append(item)
    conditions = dict.fromkeys(name for module in about for name in getattr(module, "CONDITIONS", ()))
    judged = _measures_of(item for module, some in about.items() if hasattr(module, "CONDITIONS") for item in some)
    checked = [(module.CHECKLIST, _measures_of(some)) for module, some in about.items() if hasattr(module, "CHECKLIST")]
    asked = [(module.QUESTION, _measures_of(some)) for module, some in about.items() if hasattr(module, "QUESTION")]
    if not (conditions or checked or asked):
        return
    from harness.errors import HarnessError

    try:  # outside of any test, pytest captures nothing: the progress is seen
        judging_of(config).prepare(list(conditions), judged, checked, asked)
    except HarnessError as problem:
        raise pytest.UsageError(str(problem)) from problem


def _is_finding(item: pytest.Item) -> bool:
    return item.get_closest_marker("gate") is None


def _measures_of(items: Iterable[pytest.Item]) -> "list[Measure]":
    """The measures that the items are about, each once."""
    specs = [getattr(item, "callspec", None) for item in items]
    found = [spec.params["measure"] for spec in specs if spec is not None and "measure" in spec.params]
    return list({measure.name: measure for measure in found}.values())
