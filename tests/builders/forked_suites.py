"""`pytest suites/` in a process of its own that need not import anything again, nor its workers' server."""

import multiprocessing
import os
import signal
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from harness.workers.multiprocessing_config import server_address, use_server
from harness.workers.pool import warm_up
from harness.zoo.zoo import Zoo
from harness.zoo.zoos import ZOOS


def fork_suites(root: Path, output: Path, zoo: Zoo, *arguments: str) -> BaseProcess:
    """Start `pytest` with these arguments, in the folder `root`, printing into `output`; `zoo` is known by its name.

    It is forked from the server that this process's workers come from, and its own come from there as well.
    """
    warm_up()
    given = (server_address(), root, output, zoo, arguments)
    process = multiprocessing.get_context("forkserver").Process(target=_run, args=given)
    process.start()
    return process


def _run(address: str, root: Path, output: Path, zoo: Zoo, arguments: tuple[str, ...]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as at a terminal
    use_server(address)
    os.chdir(root)
    ZOOS[zoo.name] = zoo
    descriptor = os.open(output, os.O_CREAT | os.O_WRONLY)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.exit(int(pytest.main([*arguments, "-p", "no:cacheprovider"])))
