"""A tiny zoo (ten twins of two MLPs on 100 digits), trained once a run, and the suites run on it."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import torch

import harness.cost
import harness.noise_floor
import harness.reparametrization  # noqa: F401  (what an inner run imports first, pytester takes away after it)
import measures._registry as registry
from harness.settings import Settings, make_settings
from harness.zoo import ZOOS, Zoo

pytest_plugins = ["pytester"]

SUITES = Path(__file__).parent.parent / "suites"
Run = Callable[..., pytest.RunResult]

# The same examples in every run: a test that fails on one draw in a thousand would fail for somebody else.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")

TINY = Zoo("tiny", "digits", {"mlp_1x64": 0.3, "mlp_1x128": 0.3}, num_train=100)


def pytest_configure(config: pytest.Config) -> None:
    """A warning is an error in our own tests; in a user's run of the suites it is not."""
    config.addinivalue_line("filterwarnings", "error")


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Small tensors gain nothing from threads, and tests run side by side."""
    torch.set_num_threads(1)


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
    """A cache folder that tests share; they may add to it but not damage it."""
    return tmp_path_factory.mktemp("cache")


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


@pytest.fixture
def run(pytester: pytest.Pytester, shared_cache: Path) -> Run:
    """pytest SUITES with the given arguments, in this process, on the tiny zoo."""

    def in_process(*arguments: object, suites: object = SUITES) -> pytest.RunResult:
        fixed = ["-p", "no:cacheprovider", "--zoo=tiny", f"--cache-dir={shared_cache}", "--workers=2"]
        if "PYTEST_XDIST_WORKER" in os.environ:  # in one of several processes nothing is timed, which it warns about
            fixed.append("--benchmark-disable")
        return pytester.runpytest_inprocess(suites, *fixed, *arguments)

    return in_process


@pytest.fixture
def outside(pytester: pytest.Pytester, shared_cache: Path) -> Callable[..., list[str]]:
    """The command line of the same in a process of its own, which has to be told of the tiny zoo."""
    pytester.makepyfile(
        tiny="""
        import signal
        from harness.zoo import ZOOS, Zoo

        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
        ZOOS["tiny"] = Zoo("tiny", "digits", {"mlp_1x64": 0.3, "mlp_1x128": 0.3}, num_train=100)
        """
    )

    def command(*arguments: object) -> list[str]:
        fixed = ["-p", "tiny", "-p", "no:cacheprovider", "--zoo=tiny", f"--cache-dir={shared_cache}", "--workers=2"]
        return [sys.executable, "-m", "pytest", str(SUITES), *fixed, *map(str, arguments)]

    return command
