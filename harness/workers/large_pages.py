"""A process with torch is forked in a third of the time when its memory lies in large pages.

What a fork takes is the copying of tables with a line for every page in use; of 2 MB pages there are 500 times fewer.
Linux gathers small pages into large ones when it is asked to (since 6.1), and glibc takes large ones at once for what
it manages (since 2.35); where they do not, nothing is lost.
"""

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

WANTED = "SHATTERPROOF_MANY_FORKS"
"""Set in the environment where the server that is about to start will fork a process for every call."""

LARGE = 2 << 20  # bytes
COLLAPSE = 25  # MADV_COLLAPSE
SIZE = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
TUNABLES, HUGE_HEAP = "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"


@contextlib.contextmanager
def wanted() -> Iterator[None]:
    """Within the block, a server that is started has its memory in large pages."""
    changed = {WANTED: "1"}
    with contextlib.suppress(OSError):
        if int(SIZE.read_text()) == LARGE:
            changed[TUNABLES] = ":".join(filter(None, (os.environ.get(TUNABLES), HUGE_HEAP)))
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def gather_if_wanted() -> None:
    """In the server, when it has imported all: gather its memory into large pages, beside what it does next."""
    if sys.platform == "linux" and os.environ.get(WANTED):
        threading.Thread(target=_gather, daemon=True).start()  # what is forked meanwhile, is forked more slowly


def _gather() -> None:
    with contextlib.suppress(OSError, AttributeError):
        madvise = ctypes.CDLL(None, use_errno=True).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for line in Path("/proc/self/maps").read_text().splitlines():
            span, access, _, _, inode, *name = line.split(None, 5)
            if access.startswith("rw") and inode == "0" and name in ([], ["[heap]"]):
                first, last = (int(end, 16) for end in span.split("-"))
                start, end = -(-first // LARGE) * LARGE, last // LARGE * LARGE
                if end > start:
                    madvise(start, end - start, COLLAPSE)
