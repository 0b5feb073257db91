"""A tiny zoo (ten units: a twin each of ten MLPs on 100 digits), trained once a run, and the suites run on it.

`pytest tests/` leaves out what is marked `long`. `pytest tests/ --long=SECONDS` runs that alone, and with it the fuzz
on new examples: each once at least, and together for about so many seconds.
"""

import functools
import gc
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import threadpoolctl
import torch

import harness.evaluation.cost
import harness.evaluation.noise_floor
import harness.evaluation.reparametrization  # noqa: F401  (what an inner run imports first, pytester takes away after it)
import measures.registry as registry
from harness.settings import Settings, make_settings
from harness.store.export import export
from harness.store.store import Store
from harness.training.train import train
from harness.workers import pool
from harness.zoo.zoo import Zoo
from harness.zoo.zoos import ZOOS
from tests import ROOT
from tests.builders.archives import RECIPES
from tests.builders.https_server import Authority

pytest_plugins = ["pytester"]

SUITES = ROOT / "suites"
Run = Callable[..., pytest.RunResult]

# The same examples in every run: a test that fails on one draw in a thousand would fail for somebody else.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("new examples", deadline=None, database=None, print_blob=True)
hypothesis.settings.load_profile("repeatable")

WIDTHS = (64, 128, 48, 56, 72, 80, 88, 96, 104, 112)
TINY = Zoo("tiny", "digits", {f"mlp_1x{width}": 0.3 for width in WIDTHS}, seeds_per_network=1, num_train=100)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", type=float, metavar="SECONDS", help="run the long tests alone: once each, and for so long"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Each process has neighbouring tests, which share what is set up; one that is idle takes from the other."""
    if config.getoption("numprocesses", None) and config.getoption("dist") == "no":
        config.option.dist = "worksteal"


def pytest_configure(config: pytest.Config) -> None:
    """A warning is an error in our own tests; in a user's run of the suites it is not."""
    config.addinivalue_line("filterwarnings", "error")
    if config.getoption("--long") is not None:
        hypothesis.settings.load_profile("new examples")


def is_fuzz(item: pytest.Item) -> bool:
    function = getattr(item, "obj", None)
    return item.path.parent.name == "fuzz" and getattr(function, "is_hypothesis_test", False)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Under --long the long ones and the fuzz are left, else all but the long ones."""
    asked = config.getoption("--long") is not None
    left_out = []
    for item in items:
        is_long = item.get_closest_marker("long") is not None
        if (not is_long and not is_fuzz(item)) if asked else is_long:
            left_out.append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def pytest_report_header(config: pytest.Config) -> str | None:
    return None if config.getoption("--long") else "tests marked `long` are left out; --long=SECONDS runs them"


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """What is imported and collected stays: a search for garbage meanwhile finds next to none, and takes seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """What thousands of tests were collected into stays to the end: it need not be searched for garbage."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """A test draws the same alone and among others, and so do the fixtures that are set up for it."""
    torch.default_generator.manual_seed(0)  # torch.manual_seed imports the compiler first
    np.random.seed(0)
    random.seed(0)


def own_share(item: pytest.Function) -> float | None:
    """Of the seconds of --long, what is this test's: half is for the fuzz, half for those that ask for `seconds`."""
    given = item.config.getoption("--long")
    if given is None:  # looking through all tests for each of them would cost a quarter of the quick part
        return None
    alike = [other for other in item.session.items if is_fuzz(other) == is_fuzz(item) and asks_for_time(other)]
    return given / 2 / max(1, len(alike))


def asks_for_time(item: pytest.Item) -> bool:
    return is_fuzz(item) or "seconds" in getattr(item, "fixturenames", ())


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Under --long a test of the fuzz is called, with other examples each time, until its share is over."""
    share = own_share(pyfuncitem)
    if share is None or not is_fuzz(pyfuncitem):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    end = time.monotonic() + share
    while time.monotonic() < end:
        pyfuncitem.obj(**arguments)
    return True


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> float:
    """How long a test that is marked `long` may go on."""
    share = own_share(request.node)
    assert share is not None, "a test that asks for seconds is marked long"
    return share


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Small tensors and arrays gain nothing from threads, and tests run side by side."""
    torch.set_num_threads(1)
    threadpoolctl.threadpool_limits(1)


@pytest.fixture(autouse=True, scope="session")
def server_that_forks_fast() -> Iterator[None]:
    """Tests share the server of their process, and have it forked some thousand times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "warm_up", functools.partial(pool.warm_up, many_forks=True))
        yield


@pytest.fixture(autouse=True)
def own_import_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking a measure up adds its folder to sys.path; the next test must not find its modules there."""
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture(autouse=True, scope="session")
def tiny_zoo() -> Iterator[Zoo]:
    ZOOS["tiny"] = TINY
    yield TINY
    del ZOOS["tiny"]


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that the tests of all processes share; they may add to it but not damage it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return tmp_path_factory.mktemp("cache")
    folder = tmp_path_factory.getbasetemp().parent / "cache"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a cache folder of the test's own."""
    return make_settings(cache_dir=str(tmp_path / "cache"), workers=2, measure_timeout=60)


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, registry.Measure]:
    """Measures that a test registers are forgotten after it."""
    registry.load_builtin()
    before = dict(registry.registered)
    yield registry.registered  # type: ignore[misc]
    registry.registered.clear()
    registry.registered.update(before)


@pytest.fixture(scope="session")
def compiler_imported() -> None:
    """Before pytester is there, which takes away what comes later: optimizers import it, once a process."""
    import torch._dynamo  # noqa: F401


@pytest.fixture
def run(compiler_imported: None, pytester: pytest.Pytester, shared_cache: Path) -> Run:
    """pytest SUITES with the given arguments, in this process, on the tiny zoo."""

    def in_process(
        *arguments: object, suites: object = SUITES, benchmark: bool = True, plugin: bool = False
    ) -> pytest.RunResult:
        """`plugin`: load it for suites that are not ours."""
        fixed = ["-p", "harness.pytest_plugin"] if plugin else []
        fixed += ["-p", "no:cacheprovider", "--zoo=tiny", f"--cache-dir={shared_cache}", "--workers=2"]
        # What pytest would rewrite of an installed plugin is imported here already, which it warns about.
        fixed += ["-W", "ignore:Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning"]
        # In one of several processes nothing is timed, which pytest-benchmark warns about.
        if benchmark and "PYTEST_XDIST_WORKER" in os.environ:
            fixed.append("--benchmark-disable")
        return pytester.runpytest_inprocess(suites, *fixed, *arguments)

    return in_process


@pytest.fixture
def outside(pytester: pytest.Pytester, shared_cache: Path) -> Callable[..., list[str]]:
    """The command line of the same in a process of its own, which has to be told of the tiny zoo."""
    pytester.makepyfile(
        tiny="""
        import signal
        from harness.zoo.zoo import Zoo
        from harness.zoo.zoos import ZOOS

        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
        networks = {f"mlp_1x{width}": 0.3 for width in WIDTHS}
        ZOOS["tiny"] = Zoo("tiny", "digits", networks, seeds_per_network=1, num_train=100)
        """.replace("WIDTHS", str(WIDTHS))
    )

    def command(*arguments: object) -> list[str]:
        fixed = ["-p", "tiny", "-p", "no:cacheprovider", "--zoo=tiny", f"--cache-dir={shared_cache}", "--workers=2"]
        return [sys.executable, "-m", "pytest", str(SUITES), *fixed, *map(str, arguments)]

    return command


@pytest.fixture(scope="session")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with two small models, not to be altered."""
    store = Store(tmp_path_factory.mktemp("intact"))
    for recipe in RECIPES:
        store.publish(recipe, *train(recipe, store.cache_dir))
    return store


@pytest.fixture(scope="session")
def archive(intact: Store, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What `intact` exports."""
    file = tmp_path_factory.mktemp("archive") / "models.zip"
    assert export(intact, [recipe.key for recipe in RECIPES], file) == 2
    return file.read_bytes()


@pytest.fixture(scope="session")
def own_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def authority(own_authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Of certificates for localhost, trusted here and in other processes; no proxy stands between."""
    monkeypatch.setenv("SSL_CERT_FILE", str(own_authority.file))
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    return own_authority
