"""A server that will be forked often has its memory in large pages; what it takes is not left in our environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.workers.large_pages import HUGE_HEAP, KEPT, SIZE, TUNABLES, WANTED, kept, wanted

HUGE = Path("/sys/kernel/mm/transparent_hugepage/enabled")
SCRIPT = """
import mmap
from harness.workers.large_pages import _gather
def large():
    with open("/proc/self/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("AnonHugePages"))
with mmap.mmap(-1, 16 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
    for place in range(0, 16 << 20, 4096):
        memory[place] = 1
    before = large()
    _gather()
    print(large() - before)
"""


def can_be_gathered() -> bool:
    release = tuple(int(part) for part in os.uname().release.split(".")[:2]) if sys.platform == "linux" else (0, 0)
    return release >= (6, 1) and HUGE.exists() and "[never]" not in HUGE.read_text()


@pytest.mark.skipif(not can_be_gathered(), reason="this kernel does not gather pages when asked to")
def test_small_pages_are_gathered_into_large_ones() -> None:
    said = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert int(said.stdout) >= 12 << 10  # kB


def test_the_environment_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TUNABLES, "glibc.malloc.check=0")
    monkeypatch.delenv(WANTED, raising=False)
    before = dict(os.environ)
    with wanted():
        assert os.environ[WANTED] == "1"
        if SIZE.exists() and SIZE.read_text() == "2097152\n":
            assert os.environ[TUNABLES] == f"glibc.malloc.check=0:{HUGE_HEAP}"
    assert dict(os.environ) == before
    with kept():
        if SIZE.exists() and SIZE.read_text() == "2097152\n":
            assert os.environ[TUNABLES] == ":".join(("glibc.malloc.check=0", HUGE_HEAP, *KEPT))
    assert dict(os.environ) == before


TAKES_MEMORY_AGAIN = """
import ctypes, resource
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, (ctypes.c_size_t,), (ctypes.c_void_p,)
def take():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    place = libc.malloc(64 << 20)
    ctypes.memset(place, 1, 64 << 20)
    libc.free(place)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
take()
print(take())
"""


@pytest.mark.skipif(not SIZE.exists() or os.uname().sysname != "Linux", reason="this system has no large pages")
def test_memory_that_was_freed_is_kept_and_taken_again_without_the_kernel() -> None:
    def faults() -> int:
        command = [sys.executable, "-c", TAKES_MEMORY_AGAIN]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    as_usual = faults()
    with kept():
        assert faults() < 10 < as_usual
