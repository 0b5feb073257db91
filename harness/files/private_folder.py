"""Folders in which files are written before they are moved, whole, to where others see them.

Such a folder is named after the process that writes it. Of a process that was killed it stays, and `sweep` removes it;
what belongs to a process that lives, or to one on another machine, is left alone.
"""

import contextlib
import functools
import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil


@contextlib.contextmanager
def private_folder(beside: Path) -> Iterator[Path]:
    """A new folder in `beside`, which is made if it is not there; removed at the end, with what is left in it."""
    beside.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_machine()}-{os.getpid()}-{_started(os.getpid())}-", dir=beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # what cannot be removed now is swept later


def abandoned(beside: Path) -> list[Path]:
    """The private folders of this machine's processes that are gone."""
    return [path for path in sorted(beside.glob(f"{_machine()}-*-*-*")) if not _is_alive(path.name)]


def of_other_machines(beside: Path) -> list[Path]:
    """The private folders of processes that cannot be asked after here; a container that was ended is one as well."""
    return [path for path in sorted(beside.glob("*-*-*-*")) if not path.name.startswith(f"{_machine()}-")]


def sweep(beside: Path) -> None:
    """Remove the private folders of this machine's processes that are gone."""
    for path in abandoned(beside):
        shutil.rmtree(path, ignore_errors=True)  # another run may sweep beside us


def _is_alive(name: str) -> bool:
    _, pid, started, _ = name.split("-", 3)
    return not pid.isdecimal() or _started(int(pid)) == started


def _started(pid: int) -> str:
    """When the process was started, in a unit of the machine's that no setting of the clock moves; "" if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]  # ticks since the machine started
    except (OSError, IndexError):
        pass
    try:
        return str(round(psutil.Process(pid).create_time()))
    except psutil.Error:
        return ""


@functools.cache
def _machine() -> str:
    """A short name for where process numbers mean the same: the machine, and the container if it is one."""
    try:
        numbering = os.readlink("/proc/self/ns/pid")
    except OSError:
        numbering = ""
    return hashlib.sha256(f"{platform.node()}:{numbering}".encode()).hexdigest()[:12]
