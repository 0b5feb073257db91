"""What of multiprocessing we edit, and why; if a version of Python renames it, this is the one file to change.

Two entries of the current process's `_config` have no public setter: the folder that sockets are made in, and whether
this process is a daemon. A process forked from the server starts a server of its own for its children, and imports
again what it was started as: both take seconds, and neither is needed.
"""

import atexit
import contextlib
import multiprocessing
import multiprocessing.forkserver
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

LONGEST_TEMPORARY = 70  # bytes; multiprocessing adds /pymp-xxxxxxxx/listener-xxxxxxxx


def ensure_short_temporary_folder() -> bool:
    """Whether the fork server's socket can have a name, which may have 107 bytes: a cluster's TMPDIR is often longer.

    Where it is, multiprocessing gets a folder in /tmp instead, which is removed when this process ends.
    """
    config = _config()
    if config.get("tempdir") is None and len(os.fsencode(tempfile.gettempdir())) > LONGEST_TEMPORARY:
        try:
            config["tempdir"] = tempfile.mkdtemp(prefix="pymp-", dir="/tmp")
        except OSError:
            return False
        atexit.register(shutil.rmtree, config["tempdir"], ignore_errors=True)
    return True


def allow_children() -> None:
    """Let this process start processes, though it may be a daemon: a Dask worker under its nanny is one.

    multiprocessing forbids daemons to have children because it would leave them behind. Ours end with their parent.
    """
    _config()["daemon"] = False


def server_address() -> str | None:
    """Of the server that this process's children are forked from; None where there is none."""
    address: str | None = multiprocessing.forkserver._forkserver._forkserver_address  # type: ignore[attr-defined]
    return address


def ensure_server() -> None:
    """Have the server run, unless this process's children come from another (`use_server`)."""
    multiprocessing.forkserver._forkserver.ensure_running()  # type: ignore[attr-defined]


def use_server(address: str | None) -> None:
    """Fork the children of this process from the server at the address, from which it was forked itself."""
    if address is not None:
        forkserver: Any = multiprocessing.forkserver._forkserver  # type: ignore[attr-defined]
        forkserver._forkserver_address = address
        forkserver.ensure_running = lambda: None  # it would start another


@contextlib.contextmanager
def without_main() -> Iterator[None]:
    """Within the block, a process that is started does not import again what this one was started as.

    multiprocessing would: all of pytest, or the user's script, though our jobs need neither.
    """
    main = sys.modules["__main__"]
    hidden = {name: vars(main)[name] for name in ("__file__", "__spec__") if name in vars(main)}
    try:
        for name in hidden:
            setattr(main, name, None)
        yield
    finally:
        for name, value in hidden.items():
            setattr(main, name, value)


def _config() -> dict[str, Any]:
    config: dict[str, Any] = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    return config
