"""Benchmarks run when they are asked for by name: they measure, and take minutes on a quiet machine.

pytest tests/benchmarks --write     writes what they measured into baselines/performance.md
"""

import datetime
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
MEASURED = pytest.StashKey[list[dict[str, Any]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write", action="store_true", help="write what was measured into baselines/performance.md")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Left out of `pytest tests/`; `pytest tests/benchmarks` runs them."""
    asked = [(config.invocation_params.dir / argument.split("::")[0]).resolve() for argument in config.args]
    return None if any(path == HERE or HERE in path.parents for path in asked) else True


@pytest.hookimpl(wrapper=True)
def pytest_benchmark_group_stats(
    config: pytest.Config, benchmarks: list[dict[str, Any]]
) -> Generator[None, object, object]:
    """pytest-benchmark hands over everything that it measured, to be grouped: it is kept for the page."""
    config.stash[MEASURED] = benchmarks
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Replace the sections of the files that ran, keep the others."""
    if not config.getoption("--write", False) or not config.stash.get(MEASURED, []):
        return
    from tests.benchmarks.performance_page import machine, measured, page, parse, recorded

    baselines = config.rootpath / "baselines"
    path = baselines / "performance.md"
    sections = parse(path.read_text()) if path.exists() else {}
    said = f"Measured on {datetime.date.today()}: {machine()}."
    sections |= measured(config.stash[MEASURED], config.rootpath, said) | recorded(baselines)
    path.write_text(page(sections))
    terminalreporter.write_line(f"written: {path}")
