"""What the process of a stranger's measure may not do: open files that it has not been given, and use the network.

The kernel holds it (Landlock, and a filter of system calls), for the process and for all that it starts, and it cannot
be undone. It needs no privilege. Where the platform has no Landlock, `lacking` says what is not held.
"""

import ctypes
import sys
from collections.abc import Iterable
from pathlib import Path

from harness.calling.system_calls import can_be_forbidden, filter_of_calls, forbid_calls, libc

SINKS = (Path("/dev/null"), Path("/dev/zero"))
FIRST_WITH_SIGNALS = 6  # the version of Landlock that keeps a process from sending signals to others

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
SIGKILL = 9
CAPABILITIES_VERSION = 0x20080522


def lacking() -> str:
    """What this platform cannot forbid, as the end of a sentence; "" if it can forbid all."""
    missing = []
    version = _landlock_version()
    if version == 0:
        missing.append("read and write files (Landlock is not available here)")
    elif version < FIRST_WITH_SIGNALS:
        missing.append(f"send signals to other processes (this kernel's Landlock is version {version})")
    if not can_be_forbidden():
        missing.append("use the network")
    return " and ".join(missing)


def end_with_parent() -> None:
    """Have the kernel end this process when the one that it was forked from ends. Linux only."""
    if sys.platform == "linux":
        libc().prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)


def adopt_orphans() -> None:
    """Have what a child of this process leaves behind become a child of this one, so that it can be ended. Linux."""
    if sys.platform == "linux":
        libc().prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def drop_privileges() -> None:
    """Have root be nobody special: a device that it makes is the whole disk, and no rule of Landlock's names it."""
    if sys.platform != "linux":
        return
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    libc().capset(header, none)


class Confinement:
    """What may be read and written. It is made once, and then applied by each process that has to keep to it."""

    def __init__(self, read: Iterable[Path], listed: Iterable[Path], write: Path):
        """`read`: files, and folders with all that is in them; `listed`: folders whose names may be seen, as an
        import does; `write`: a folder to write to."""
        self.filter = filter_of_calls() if can_be_forbidden() else None
        self.ruleset = None
        if _landlock_version() == 0:
            return
        from landlockpy import AccessFS, Ruleset, Scope

        never = AccessFS.EXECUTE | AccessFS.MAKE_BLOCK | AccessFS.MAKE_CHAR | AccessFS.MAKE_SOCK
        self.ruleset = Ruleset(scoped=Scope.SIGNAL | Scope.ABSTRACT_UNIX_SOCKET)
        for path in read:
            inside = AccessFS.READ_DIR if path.is_dir() else AccessFS.NONE
            self.ruleset.allow_path(path, AccessFS.READ_FILE | AccessFS.EXECUTE | inside)
        for path in listed:
            self.ruleset.allow_path(path, AccessFS.READ_DIR)
        for path in SINKS:
            self.ruleset.allow_path(path, AccessFS.READ_FILE | AccessFS.WRITE_FILE)
        self.ruleset.allow_path(write, self.ruleset.handled_fs & ~never)

    def fileno(self) -> int:
        """The file descriptor that `apply` needs; -1 if it needs none."""
        return -1 if self.ruleset is None else self.ruleset.fileno()

    def apply(self, own: Path | None = None) -> None:
        """Hold this process, and what it starts from now on, to it for good. HarnessError if the kernel refuses.

        `own`: the folder, inside of the one to write to, that is this process's: the rest of that is then read alone.
        """
        drop_privileges()
        if self.ruleset is not None:
            self.ruleset.restrict()
            self.ruleset.close()  # whoever has it open may add rules for the next process that is held to it
            if own is not None:
                _write_only_to(own)
        if self.filter is not None:
            forbid_calls(self.filter)


def _write_only_to(folder: Path) -> None:
    """Of what this process may change, leave it that folder and the sinks. It reads what it could."""
    from landlockpy import AccessFS, AccessNet, Ruleset

    reading = AccessFS.EXECUTE | AccessFS.READ_FILE | AccessFS.READ_DIR
    with Ruleset(handled_fs=~reading, handled_net=AccessNet.NONE) as ruleset:
        ruleset.allow_path(folder, ruleset.handled_fs)
        for path in SINKS:
            ruleset.allow_path(path, AccessFS.WRITE_FILE)
        ruleset.restrict()


def _landlock_version() -> int:
    """0 where there is none."""
    if sys.platform != "linux":
        return 0
    from landlockpy import LandlockError, abi_version

    try:
        return abi_version()
    except (LandlockError, OSError):
        return 0
