"""A worker's life: jobs in, events out, on one torch thread, until its parent closes the pipe or is gone."""

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any

from harness.errors import HarnessError
from harness.workers.multiprocessing_config import use_server

Report = Callable[[Any], None]
"""A job calls it on its way, with what there is to report, or with None to say only that it goes on."""


def work(connection: Connection, server: str | None) -> None:
    """Say that it has started, then call `function(job, report)` for every (function, job) that comes.

    `server` is the address of the server that it was forked from, if it was.
    """
    use_server(server)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends us
    if hasattr(os, "setsid"):
        os.setsid()  # a group of its own, so that what a measure has started ends with it
    threading.Thread(target=_end_with_parent, daemon=True).start()

    import torch

    torch.set_num_threads(1)
    connection.send(("started", None))
    while True:
        try:
            function, job = connection.recv()
        except EOFError:
            return
        connection.send(run_job(function, job, lambda payload: connection.send(("report", payload))))


def run_job(function: Callable[[Any, Report], Any], job: Any, report: Report) -> tuple[str, Any]:
    """How the job ended: ("done", what it returned), ("refused", the sentence) or ("raised", the traceback)."""
    try:
        return "done", function(job, report)
    except HarnessError as refusal:
        return "refused", str(refusal)
    except Exception:
        return "raised", traceback.format_exc()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    if hasattr(os, "killpg"):
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)
