"""judge in threads of one process, which share torch's generator and the zoo that is opened."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

import harness.notebook as notebook
from harness.errors import HarnessError


def test_threads_judge_one_after_the_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def networks(*arguments: object) -> NoReturn:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.05)
        inside.pop()
        raise HarnessError("told")

    def judged() -> None:
        with pytest.raises(HarnessError, match="told"):
            notebook.judge("l2_norm", cache_dir=tmp_path)

    monkeypatch.setattr(notebook, "networks_to_judge_on", networks)
    monkeypatch.setattr(notebook, "_measure", lambda given: SimpleNamespace(family="norms"))
    monkeypatch.setattr(notebook, "warm_up", lambda **arguments: None)
    threads = [threading.Thread(target=judged) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 4
