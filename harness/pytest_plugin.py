"""The front door for pytest: options, markers, what happens before the suites, the summary, the record.

It is loaded in a run of the suites (installed/shatterproof_guest), or by `-p harness.pytest_plugin`. Imports neither
torch nor the measures until a suite is collected, or one of its options used. What the suites share with it stands in
suites/conftest.py.
"""

import argparse
import sys
from typing import TYPE_CHECKING

import pytest

from harness.errors import HarnessError, check_not_empty
from harness.installed.shatterproof_guest import SUITES, is_ours, named_paths
from harness.options import OF_PYTEST, add_to_pytest, settings_of

if TYPE_CHECKING:
    from harness.pytest_session import Setup
    from measures import Measure

REPORTING = "shatterproof_reporting"
SETUP: pytest.StashKey["Setup"] = pytest.StashKey()
TOLD: pytest.StashKey[set[str]] = pytest.StashKey()
"""Measures whose crash was told by an earlier test."""
REST_PREPARED: pytest.StashKey[bool] = pytest.StashKey()

MARKERS = (
    "gate(*conditions): decides whether a measure passes, by its verdicts on these conditions",
    "finding(question): what does a passing measure really see?",
    "contract(probe): is it a well-behaved measure?",
    "reparametrization(probe): is it unmoved by what leaves the function unchanged?",
    "noise_floor(probe, condition): do its draws drown its signal under this condition?",
    "cost(probe): what does it cost?",
    "reads(blindings): which parts of a trained model does it read, and which suffice?",
)

OUR_TESTS = {"python_files": "test_*.py", "python_functions": "test"}


def pytest_addoption(parser: pytest.Parser) -> None:
    add_to_pytest(parser.getgroup("shatterproof", "generalization measures").addoption)


def pytest_configure(config: pytest.Config) -> None:
    """Where nothing but the suites is asked for, they are found whatever a project's own tests are named."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if all(map(is_ours, named_paths(config, config.args))):
        for setting, ours in OUR_TESTS.items():
            config.addinivalue_line(setting, ours)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """A misspelt measure is a usage error before anything is imported or started for it; listing needs no conftest.

    The suites' own conftest is found where they are named as a package too; where nothing but the suites is asked for,
    none above them or in the working folder is read: it may add options of the same names.
    """
    option = early_config.known_args_namespace
    paths = [path for path in named_paths(early_config) if path.exists() or path.with_suffix(".py").exists()]
    if any(map(is_ours, paths)):
        option.file_or_dir = [*option.file_or_dir, str(SUITES)]
        if all(map(is_ours, paths)) and SUITES.parent not in [path.resolve() for path in paths]:
            option.confcutdir = str(SUITES)
    if option.measure:
        from harness.evaluation.measure_lookup import check_names

        try:
            check_names(option.measure)
        except HarnessError as problem:
            raise pytest.UsageError(str(problem)) from problem
    if option.list_measures:
        option.noconftest = True


def _check_not_empty(option: argparse.Namespace) -> None:
    """A variable that is not set would leave out a comparison, or choose what nobody asked for."""
    try:
        check_not_empty({each.flag: getattr(option, each.name) for each in OF_PYTEST})
    except HarnessError as problem:
        raise pytest.UsageError(str(problem)) from problem


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    option = config.option
    _check_not_empty(option)
    if not option.list_measures:
        return None
    from harness.evaluation.measure_lookup import describe, list_measures

    try:
        print(describe(list_measures(option.measure or ["all"], option.cost)))
    except HarnessError as problem:
        raise pytest.UsageError(str(problem)) from problem
    return 0


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Other options that make no sense are usage errors before anything is collected, where the user started it."""
    option = session.config.option
    if option.measure or option.leaderboard or option.baseline or option.twins or option.fresh is not None:
        setup_of(session.config)


def setup_of(config: pytest.Config) -> "Setup":
    """What this run's options say, found out when first asked for; usage errors for those that make no sense."""
    if SETUP not in config.stash:
        try:
            config.stash[SETUP] = _make_setup(config)
        except HarnessError as problem:
            raise pytest.UsageError(str(problem)) from problem
        if not hasattr(config, "workerinput"):  # only the process that the user started reports and writes
            from harness.pytest_report import Reporting

            config.pluginmanager.register(Reporting(config.stash[SETUP], config.option.leaderboard), REPORTING)
    return config.stash[SETUP]


def _make_setup(config: pytest.Config) -> "Setup":
    from harness.evaluation.measure_lookup import names_strangers
    from harness.records.record_files import check_path
    from harness.settings import cores
    from harness.workers.pool import warm_up
    from harness.zoo.checkpoints.alone import check_options_with_twins
    from harness.zoo.opening import find_zoo
    from harness.zoo.zoos import DEFAULT_ZOO

    option = config.option
    if option.twins:
        check_options_with_twins({name: getattr(option, name) for name in ("zoo", "fresh", "leaderboard", "baseline")})
    if option.leaderboard:
        check_path(option.leaderboard)
    crowd = int(getattr(config, "workerinput", {}).get("workercount", 1))
    zoo = None if option.twins else find_zoo(option.zoo or DEFAULT_ZOO)
    workers = option.workers if option.workers is not None else max(1, cores() // crowd)
    settings = settings_of({**vars(option), "workers": workers})
    hands_out = getattr(option, "dist", "no") != "no"  # pytest-xdist's other processes run the tests
    strangers = names_strangers(option.measure or [])
    if not (option.collectonly or hands_out) and (strangers or crowd == 1):  # each of a crowd may find all done
        warm_up(many_forks=strangers)  # its imports run beside ours
    from harness.pytest_session import make_setup

    return make_setup(config, zoo, settings, lambda text: _say(config, text))


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
    if SETUP in session.config.stash:
        items.sort(key=_is_finding)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Train and evaluate what the gate needs, before the first test, with progress on the screen."""
    option = session.config.option
    if option.collectonly or (session.testsfailed and not option.continue_on_collection_errors):
        return
    if SETUP in session.config.stash:
        from harness.pytest_session import estimated, prepare

        setup = session.config.stash[SETUP]
        if setup.work.progress:
            for text in (estimated(session.items, setup), _chosen(session.config, setup)):
                if text:
                    _say(session.config, text)
        prepare([item for item in session.items if not _is_finding(item)], setup)


def _chosen(config: pytest.Config, setup: "Setup") -> str:
    """How to choose, where no measure was named and all are judged."""
    if config.option.measure:
        return ""
    return (
        f"all {len(setup.measures)} measures, since none was named: --measure=NAME judges one, -m gate asks for the "
        "verdict alone, --cost=fast leaves out the dear ones"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Before the first test beyond the gate, the same for all of these."""
    config = item.config
    if SETUP in config.stash and _is_finding(item) and REST_PREPARED not in config.stash:
        from harness.pytest_session import prepare

        config.stash[REST_PREPARED] = True
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        reporting = config.pluginmanager.get_plugin(REPORTING)
        if reporter is not None and reporting is not None:
            reporter.ensure_newline()  # below the dots
            reporting.say_gate(reporter)
        prepare([other for other in item.session.items if _is_finding(other)], config.stash[SETUP])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A measure that crashed is told once, and is not a verdict."""
    if SETUP in item.config.stash:
        from harness.pytest_session import crash_of, known_of, none_left

        setup = item.config.stash[SETUP]
        known = known_of(item.config.stash, setup)
        for measure, crash in crash_of(item, known):
            if told_before(measure, item):
                pytest.skip(f"{measure.name} crashed, as is told above")
            pytest.fail(crash, pytrace=False)
        if known.crashed and none_left(setup, known):
            pytest.skip("nothing was trained: there is no measure left to be judged")


def told_before(measure: "Measure", item: pytest.Item) -> bool:
    """Whether what became of a measure was told by an earlier test of this process; from now on it was."""
    told = item.config.stash.setdefault(TOLD, set())
    before = measure.name in told
    told.add(measure.name)
    return before


def _is_finding(item: pytest.Item) -> bool:
    return item.get_closest_marker("gate") is None
