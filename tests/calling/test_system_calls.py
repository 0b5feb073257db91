"""The filter, run by hand as the kernel runs it: what it lets through, and what not."""

import re
from pathlib import Path

import pytest

from harness.calling.system_calls import (
    ALLOW,
    ARCHITECTURES,
    CLOCK_GETTIME,
    FCNTL,
    FLAGS_OF_FILES,
    FORBIDDEN,
    IOCTL,
    JUMP_IF_AT_LEAST,
    JUMP_IF_EQUAL,
    LOAD,
    LOCKS_OF_FILES,
    NO_CALL,
    PRCTL,
    PREADV2,
    PRLIMIT,
    REFUSE,
    RETURN,
    SOCKETPAIR,
    X32_CALLS,
    program,
)

HEADERS = (
    (Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm/unistd_64.h")),
    (Path("/usr/include/asm-generic/unistd.h"),),  # which aarch64 follows
)
X86_64, AARCH64 = ARCHITECTURES.values()
ORDINARY = {"read": (0, 63), "openat": (257, 56), "mmap": (9, 222), "clone": (56, 220), "newfstatat": (262, 79)}


def answer(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What the filter says of a call: classic BPF, as https://docs.kernel.org/networking/filter.html has it."""
    said = ARCHITECTURES[machine] if architecture is None else architecture
    data = {0: number, 4: said} | {16 + 8 * place: argument for place, argument in enumerate(arguments)}
    code, place, loaded = program(machine), 0, 0
    while True:
        kind, if_true, if_false, k = code[place]
        if kind == RETURN:
            return k
        if kind == LOAD:
            loaded = data.get(k, 0)
        else:
            holds = {JUMP_IF_EQUAL: loaded == k, JUMP_IF_AT_LEAST: loaded >= k}[kind]
            assert 0 <= if_true < 256 and 0 <= if_false < 256  # each is one byte
            place += if_true if holds else if_false
        place += 1


@pytest.mark.parametrize(("column", "machine"), [*enumerate(ARCHITECTURES)])
def test_what_is_forbidden_is_refused_and_the_ordinary_is_not(column: int, machine: str) -> None:
    for name, numbers in FORBIDDEN.items():
        assert numbers[column] == NO_CALL or answer(machine, numbers[column]) == REFUSE, name
    for name, numbers in ORDINARY.items():
        assert answer(machine, numbers[column]) == ALLOW, name


def test_numbers_of_another_architecture_are_refused() -> None:
    assert answer("x86_64", 0, architecture=AARCH64) == REFUSE
    assert answer("x86_64", 0, architecture=0x40000003) == REFUSE  # i386
    assert answer("x86_64", X32_CALLS | 0) == REFUSE
    assert answer("aarch64", 63, architecture=X86_64) == REFUSE


def test_some_calls_are_refused_by_their_arguments() -> None:
    assert answer("x86_64", 16, 3, 0x5401) == ALLOW  # ioctl(TCGETS)
    assert [answer("x86_64", 16, 3, flags) for flags in FLAGS_OF_FILES] == [REFUSE] * 3
    assert answer("x86_64", 72, 3, 1) == ALLOW  # fcntl(F_GETFD)
    assert answer("x86_64", 72, 3, 1036) == REFUSE
    assert [answer("x86_64", 72, 3, lock) for lock in LOCKS_OF_FILES] == [REFUSE] * 6
    assert (answer("x86_64", 327, 3, 0, 1, 0, 0, 0), answer("x86_64", 327, 3, 0, 1, 0, 0, 8)) == (ALLOW, REFUSE)
    assert (answer("x86_64", 302, 0), answer("x86_64", 302, 17)) == (ALLOW, REFUSE)  # prlimit64 of itself, of another
    assert (answer("aarch64", 261, 0), answer("aarch64", 261, 17)) == (ALLOW, REFUSE)
    assert (answer("x86_64", 157, 15), answer("x86_64", 157, 4, 0)) == (ALLOW, REFUSE)  # prctl(PR_SET_NAME), dumpable
    assert (answer("aarch64", 167, 15), answer("aarch64", 167, 4, 0)) == (ALLOW, REFUSE)
    own, of_process_17 = 2, (~17 << 3 | 2) % 2**32
    assert [answer("x86_64", 228, clock) for clock in (0, own, of_process_17)] == [ALLOW, ALLOW, REFUSE]
    assert [answer("aarch64", 113, clock) for clock in (0, own, of_process_17)] == [ALLOW, ALLOW, REFUSE]
    assert answer("x86_64", 53, 1, 1 | 0o2000000) == ALLOW  # socketpair(SOCK_STREAM | SOCK_CLOEXEC)
    assert (answer("x86_64", 53, 1, 2), answer("x86_64", 53, 1, 5)) == (REFUSE, REFUSE)


@pytest.mark.parametrize("column", [0, 1])
def test_numbers_are_those_of_the_kernel(column: int) -> None:
    header = next((path for path in HEADERS[column] if path.exists()), None)
    if header is None:
        pytest.skip("the kernel's headers are not installed here")
    known = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", header.read_text())}
    others = {"ioctl": IOCTL, "fcntl": FCNTL, "prlimit64": PRLIMIT, "socketpair": SOCKETPAIR, "preadv2": PREADV2}
    others |= {"clock_gettime": CLOCK_GETTIME, "prctl": PRCTL}
    table = {name: numbers[column] for name, numbers in (FORBIDDEN | ORDINARY | others).items()}
    assert {name: number for name, number in table.items() if known.get(name, number) not in (number, NO_CALL)} == {}
    assert sum(known.get(name) == number for name, number in table.items()) > 45
