"""A process with torch is forked in a third of the time when its memory lies in large pages.

What a fork takes is the copying of tables with a line for every page in use; of 2 MB pages there are 500 times fewer.
Linux gathers small pages into large ones when it is asked to (since 6.1), and glibc takes large ones at once for what
it manages (since 2.35); where they do not, nothing is lost.

Training gains too: memory that every step frees and takes again need not come from the kernel, page by page. A step of
the paper's MLP takes 40% less in bfloat16, of its AlexNet 11%, of its Inception 3 to 11%; on small images nothing.
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
KEPT = ("glibc.malloc.mmap_max=0", "glibc.malloc.trim_threshold=100000000000")


@contextlib.contextmanager
def wanted() -> Iterator[None]:
    """Within the block, a server that is started has its memory in large pages."""
    with _environment({WANTED: "1"} | _tunables()):
        yield


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Within the block, a server that is started, and what is forked from it, has its memory in large pages and gives
    none of it back: a step of training takes again what the last one has freed."""
    with _environment(_tunables(*KEPT)):
        yield


def _tunables(*more: str) -> dict[str, str]:
    with contextlib.suppress(OSError):
        if int(SIZE.read_text()) == LARGE:
            return {TUNABLES: ":".join(filter(None, (os.environ.get(TUNABLES), HUGE_HEAP, *more)))}
    return {}


@contextlib.contextmanager
def _environment(changed: dict[str, str]) -> Iterator[None]:
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
