"""The process that workers are forked from imports what they need, and says nothing of Ctrl-C meanwhile."""

import gc
import runpy
import signal

import pytest

from tests import ROOT


def test_an_interrupt_while_it_imports_is_no_traceback_and_workers_hear_later_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = signal.getsignal(signal.SIGINT)
    heard: list[str] = []

    def interrupted() -> None:
        heard.append("sent")
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("harness.workers.large_pages.gather_if_wanted", interrupted)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    runpy.run_path(str(ROOT / "harness" / "worker_imports.py"))
    assert heard == ["sent"] and signal.getsignal(signal.SIGINT) is before
