"""The clock is set back while models are trained: limits and the store do not care."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.settings import Settings
from tests.faults.conftest import ROOT, Started

SET_BACK = """
import time
started, now, now_ns = time.monotonic(), time.time, time.time_ns
def hours_back():
    # Every half second another hour: it goes back again and again while the run is under way.
    return 3600 * int((time.monotonic() - started) / 0.5)
time.time = lambda: now() - hours_back()
time.time_ns = lambda: now_ns() - hours_back() * 10**9
"""


@pytest.mark.slow
def test_a_clock_that_goes_backwards_changes_nothing(
    settings: Settings, start: Started, complete: Callable[[], None], tmp_path: Path
) -> None:
    folder = tmp_path / "clock"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SET_BACK)
    before = """
import time
first = time.time()
time.sleep(0.6)
assert time.time() < first - 3000, "the clock was not set back"
"""
    run = start(settings, before=before, PYTHONPATH=f"{folder}:{ROOT}")
    out, errors = run.communicate(timeout=120)
    assert out.strip() == "8", errors
    complete()
