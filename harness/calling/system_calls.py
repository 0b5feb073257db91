"""Which system calls the process of a stranger's measure may not make: those by which something would outlive it.

A file's times and mode, a queue or a key in the kernel, another process's priority: each would let one call of a
measure tell the next one something, or do harm elsewhere, and Landlock forbids none of them. What it starts stays in
its group, which is ended at once.
https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

import ctypes
import functools
import platform
import struct
import sys
from typing import Any

from harness.errors import HarnessError

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # names of the kernel for them
NO_CALL = -1  # the architecture does not have it

# What a name stands for: (x86_64, aarch64).
NETWORK = {"socket": (41, 198)}
OTHER_PROCESSES = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
}
UNSEEN_BY_A_FILTER = {
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "open_by_handle_at": (304, 265),
}
MEMORY_OF_FILES = {  # which pages of a file the kernel has, and what becomes of them
    "fadvise64": (221, 223),
    "readahead": (187, 213),
    "mincore": (27, 232),
    "cachestat": (451, 451),
}
GROUPS = {"setsid": (112, 157), "setpgid": (109, 154)}  # who left the group would not be ended with it
WATCHES_OF_FILES = {
    "flock": (73, 32),  # a lock on its source is seen by a call on another model, at the same time
    "fanotify_init": (300, 262),
    "inotify_init": (253, NO_CALL),
    "inotify_init1": (294, 26),
}
MODES_TIMES_AND_NOTES_OF_FILES = {
    "chmod": (90, NO_CALL),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, NO_CALL),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "lchown": (94, NO_CALL),
    "utime": (132, NO_CALL),
    "utimes": (235, NO_CALL),
    "futimesat": (261, NO_CALL),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
}
KEPT_IN_THE_KERNEL = {
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "syslog": (103, 116),  # where a crash is noted
}
FORBIDDEN = (
    NETWORK
    | OTHER_PROCESSES
    | UNSEEN_BY_A_FILTER
    | MEMORY_OF_FILES
    | GROUPS
    | WATCHES_OF_FILES
    | MODES_TIMES_AND_NOTES_OF_FILES
    | KEPT_IN_THE_KERNEL
)
SOCKETPAIR, IOCTL, FCNTL, PRLIMIT, PREADV2 = (53, 199), (16, 29), (72, 25), (302, 261), (327, 286)
CLOCK_GETTIME, PRCTL = (228, 113), (157, 167)
CLOCKS_OF_PROCESSES = 0x80000000  # and above are the processor's time of a process, by its number
HIDING = (4,)  # PR_SET_DUMPABLE: what it has open is then not seen, nor how much it writes
STREAMS = tuple(1 | flags for flags in (0, 0o4000, 0o2000000, 0o2004000))  # SOCK_STREAM; a datagram goes anywhere
FLAGS_OF_FILES = (0x40086602, 0x401C5820, 0x40087602)  # FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR, FS_IOC_SETVERSION
HINTS_OF_FILES = (1036, 1038)  # F_SET_RW_HINT, F_SET_FILE_RW_HINT
LOCKS_OF_FILES = (6, 7, 37, 38, 1024, 1026)  # F_SETLK, F_SETLKW, the same of OFD; F_SETLEASE, F_NOTIFY

X32_CALLS = 0x40000000  # the second set of numbers that x86_64 has
LOAD, JUMP_IF_EQUAL, JUMP_IF_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 1  # EPERM
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # where struct seccomp_data has them
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2


def can_be_forbidden() -> bool:
    """Whether this platform can forbid system calls, by numbers that are known here."""
    return sys.platform == "linux" and platform.machine() in ARCHITECTURES


class Filter(ctypes.Structure):
    """As the kernel takes it: struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


@functools.cache
def libc() -> Any:
    """The C library, looked up once: the processes that the host forks find it ready."""
    return ctypes.CDLL(None, use_errno=True)


def filter_of_calls() -> Filter:
    """The filter of this machine, made once for all processes that have to keep to it."""
    code = program(platform.machine())
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in code))
    made = Filter(len(code), ctypes.cast(instructions, ctypes.c_void_p))
    made.kept = instructions  # it has the address alone
    return made


def forbid_calls(given: Filter) -> None:
    """Have the kernel refuse them from now on, for this process and what it starts. HarnessError if it does not."""
    libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc().prctl(PR_SET_SECCOMP, FILTER, ctypes.byref(given), 0, 0) != 0:
        raise HarnessError(f"the filter of system calls was refused (errno {ctypes.get_errno()})")


def program(machine: str) -> list[tuple[int, int, int, int]]:
    """The filter: these calls are refused, and all of another architecture's numbering. (code, if true, if not, k)"""
    column = list(ARCHITECTURES).index(machine)
    refused = [numbers[column] for numbers in FORBIDDEN.values() if numbers[column] != NO_CALL]
    by_argument = [
        *_if_argument(SOCKETPAIR[column], 1, STREAMS, allowed=True),  # a pair is one process's own
        *_if_argument(IOCTL[column], 1, FLAGS_OF_FILES),
        *_if_argument(FCNTL[column], 1, HINTS_OF_FILES + LOCKS_OF_FILES),
        *_if_argument(PRLIMIT[column], 0, (0,), allowed=True),  # of itself it may set limits
        *_if_argument(PREADV2[column], 5, (0,), allowed=True),  # RWF_NOWAIT tells whether the kernel has the page
    ]
    by_argument += _if_argument(PRCTL[column], 0, HIDING)
    by_argument += [
        (JUMP_IF_EQUAL, "", 2, CLOCK_GETTIME[column]),
        (LOAD, "", "", ARGUMENTS),
        (JUMP_IF_AT_LEAST, "refuse", "allow", CLOCKS_OF_PROCESSES),
    ]
    before = [(LOAD, "", "", ARCHITECTURE), (JUMP_IF_EQUAL, "", "refuse", ARCHITECTURES[machine])]
    before += [(LOAD, "", "", NUMBER), (JUMP_IF_AT_LEAST, "refuse", "", X32_CALLS)]
    each = [(JUMP_IF_EQUAL, "refuse", "", number) for number in refused]
    named = [*before, *each, *by_argument, (RETURN, "", "", ALLOW), (RETURN, "", "", REFUSE)]
    ends = {"allow": len(named) - 2, "refuse": len(named) - 1}

    def over(target: str | int, place: int) -> int:
        """How many instructions a jump passes over."""
        if isinstance(target, int):
            return target
        return ends[target] - place - 1 if target else 0

    return [(code, over(true, place), over(false, place), k) for place, (code, true, false, k) in enumerate(named)]


def _if_argument(
    number: int, argument: int, values: tuple[int, ...], allowed: bool = False
) -> list[tuple[int, str | int, str | int, int]]:
    """Refuse the call where the argument is one of these; `allowed`: where it is not."""
    found, otherwise = ("allow", "refuse") if allowed else ("refuse", "allow")
    tests: list[tuple[int, str | int, str | int, int]] = [(JUMP_IF_EQUAL, found, "", value) for value in values]
    tests[-1] = (JUMP_IF_EQUAL, found, otherwise, values[-1])
    return [(JUMP_IF_EQUAL, "", len(tests) + 1, number), (LOAD, "", "", ARGUMENTS + 8 * argument), *tests]
