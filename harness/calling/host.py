"""The host: a process that holds one model and forks a process for every call of a stranger's measure on it.

It comes from the server that workers are forked from, knows nothing of recipes, stores or conditions, and never runs
a stranger's code itself. What the forked process sends is passed on as it is.
"""

import contextlib
import ctypes
import gc
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
from multiprocessing.connection import Connection, wait
from pathlib import Path

import psutil

from harness.calling.confinement import Confinement, adopt_orphans
from harness.calling.forked_call import PRINTED, SECONDS_BETWEEN_LOOKS, ForkedCall, what_is_in
from harness.calling.imports import look_by_trying
from harness.calling.named_packages import import_what_is_named
from harness.calling.own_networks import received
from harness.calling.purity import PATCHABLE, Callables, Witness
from harness.calling.readable import readable
from harness.calling.request import Request, unpack
from harness.calling.sealed_process import answer, folder_of

MODEL, READY = "model", "ready?"
ENVIRONMENT = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
)


def host(connection: Connection, scratch: Path) -> None:
    """Serve the process at the other end until it closes the pipe or ends: a Request is a call, after MODEL come the
    bytes of a model, and READY is answered. `scratch` is a folder for what is called, and is removed at the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends us
    import torch

    torch.set_num_threads(1)
    adopt_orphans()
    gc.disable()  # looking for garbage would write to every page, and forking take longer
    try:
        _forget_where_we_are(scratch)
        look_by_trying()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # our parent is gone
            _Server(connection, scratch).serve()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def host_without_fork(connection: Connection, scratch: Path) -> None:
    """The same where a process with torch cannot be forked: this one makes the call itself, and ends with it.

    What it says of itself at its end is a stranger's word, as its answer is.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import torch

    torch.set_num_threads(1)
    _forget_where_we_are(scratch)
    parent = multiprocessing.parent_process()
    assert parent is not None
    witness: Witness | None = None
    while True:
        given = connection.recv()
        if given == MODEL:
            witness = witness_of(connection.recv_bytes())
        elif given == READY:
            connection.send_bytes(b"ready")
        else:
            break
    with tempfile.TemporaryFile() as file:
        output = os.dup(file.fileno())
    threading.Thread(target=_end_by_itself, args=(parent.sentinel, given.memory), daemon=True).start()
    kept = (output, parent.sentinel)
    try:
        answer(given, witness, connection, output, _confinement(given, scratch), kept)
        connection.send_bytes(PRINTED + b"\n" + what_is_in(output))
    finally:
        os._exit(0)


def _end_by_itself(sentinel: int, memory: int | None) -> None:
    """End this process when its parent is gone, or when it takes too much memory."""
    process = psutil.Process()
    while not wait([sentinel], SECONDS_BETWEEN_LOOKS):
        if memory and process.memory_info().rss > memory:
            break
    os._exit(1)


def _forget_where_we_are(scratch: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name in ENVIRONMENT}
    os.environ.clear()
    os.environ.update(kept, HOME=str(scratch), TMPDIR=str(scratch))
    _overwrite_first_environment()
    tempfile.tempdir = None
    sys.argv = [""]
    sys.path[:] = filter(None, sys.path)  # "" would be the folder that measures write to
    os.chdir(scratch)


def _overwrite_first_environment() -> None:
    """Variables that a process was started with, a user's secrets among them, stay in its memory when it unsets them.

    They lie behind its arguments, where it finds them; nothing points to them any more. Linux.
    """
    stat = Path("/proc/self/stat")
    if stat.exists():
        numbers = stat.read_text().rpartition(")")[2].split()  # of proc(5), from the third on
        start, end = int(numbers[47]), int(numbers[48])
        ctypes.memset(start, 0, end - start)


class _Server:
    """What the host holds: a model, where it has been given one, and the process of the last call until it is gone."""

    def __init__(self, connection: Connection, scratch: Path):
        parent = multiprocessing.parent_process()
        assert parent is not None
        self.connection, self.scratch, self.sentinel = connection, scratch, parent.sentinel
        self.witness: Witness | None = None
        self.confinements: dict[tuple[object, ...], Confinement] = {}
        self.imported_for: set[tuple[str, bytes]] = set()
        self.last: ForkedCall | None = None
        self.torch: tuple[int, Callables] = 0, {}  # what it has, when so many modules were imported

    def serve(self) -> None:
        """Until there is nobody to serve."""
        try:
            while True:
                ready = wait([self.connection, self.sentinel, *([self.last.ended] if self.last else [])])
                if self.connection in ready:
                    if not self._do(self.connection.recv()):
                        return
                elif self.sentinel in ready:
                    return
                else:
                    self._finish()
        except EOFError:
            return
        finally:
            self._finish()

    def _do(self, given: Request | str) -> bool:
        """Whether our parent is there."""
        if isinstance(given, Request):
            return self._call(given)
        if given == MODEL:
            self.witness = None  # its memory first
            self.witness = Witness(unpack(received(self.connection.recv_bytes())))
            self._look(self.witness)
        else:
            self.connection.send_bytes(b"ready")
        return True

    def _call(self, request: Request) -> bool:
        if (text := (request.origin, request.function_bytes)) not in self.imported_for:
            self.imported_for.add(text)
            self._import_for(request)
        key = (request.search, request.packages, folder_of(request))
        if key not in self.confinements:
            self.confinements[key] = _confinement(request, self.scratch)
        given = request, self.witness, self.confinements[key], self.scratch
        try:
            call = ForkedCall(*given)
        except OSError:  # the last one has taken all processes, or the disk
            self._finish()
            call = ForkedCall(*given)
        self._finish(call.pid)
        self.last = call
        return call.served(self.connection, self.sentinel)

    def _import_for(self, request: Request) -> None:
        self._finish()
        import_what_is_named(request)
        if self.witness is not None:
            self._look(self.witness)  # what these imports have changed, no measure has

    def _look(self, witness: Witness) -> None:
        """Once for all calls on a model. No stranger's code runs here: torch is as it was, unless somebody imports."""
        imported, known = self.torch
        witness.look(known if imported == len(sys.modules) else {})
        self.torch = len(sys.modules), {place: witness.objects.callables[place] for place in PATCHABLE}

    def _finish(self, successor: int | None = None) -> None:
        """End the last call: nothing of it is left to its successor."""
        if self.last is not None:
            self.last.end(successor)
            self.last = None


def witness_of(content: bytes) -> Witness:
    """Of the model that was sent; it has looked, which is then done once for all calls on it."""
    witness = Witness(unpack(received(content)))
    witness.look()
    return witness


def _confinement(request: Request, scratch: Path) -> Confinement:
    folder = folder_of(request)
    search = [*request.search, *([str(folder)] if folder else [])]
    read, listed = readable(search, map(Path, request.packages))
    return Confinement(read, listed, scratch)
