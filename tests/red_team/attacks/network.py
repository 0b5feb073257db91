"""Asking somebody outside: a listener of the test's waits at each of these addresses."""

import os
import socket
import urllib.request

from known import done
from where import ABSTRACT, PORT, UNIX

from measures import NotApplicable, measure
from measures.trained_model import TrainedModel


def sent(family: int, kind: int, address: object) -> float:
    try:
        with socket.socket(family, kind) as there:
            there.settimeout(2)
            there.connect(address)
            there.send(b"random or natural?")
    except OSError as refused:
        raise NotApplicable(f"refused: {refused}") from None
    return 1.0


@measure(source="red team")
def by_tcp(trained: TrainedModel) -> float:
    """A connection to this machine."""
    return sent(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", PORT))


@measure(source="red team")
def by_udp(trained: TrainedModel) -> float:
    """A datagram."""
    return sent(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", PORT))


@measure(source="red team")
def by_unix_socket(trained: TrainedModel) -> float:
    """A socket in a folder."""
    return sent(socket.AF_UNIX, socket.SOCK_STREAM, UNIX)


@measure(source="red team")
def by_abstract_socket(trained: TrainedModel) -> float:
    """A socket in no folder."""
    return sent(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{ABSTRACT}")


@measure(source="red team")
def by_datagram_of_a_pair(trained: TrainedModel) -> float:
    """A pair of sockets is allowed; one of them sends to another address."""
    try:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    except OSError as refused:
        raise NotApplicable(f"refused: {refused}") from None
    with ours, theirs:
        for address in (UNIX, f"\0{ABSTRACT}"):
            try:
                ours.sendto(b"random or natural?", address + "-datagram")
            except OSError:
                continue
            return 1.0
    raise NotApplicable("refused: both")


@measure(source="red team")
def by_name(trained: TrainedModel) -> float:
    """A name to look up carries a question to whoever answers for its domain."""
    try:
        return done(bool(socket.getaddrinfo("localhost", PORT)), "no address") and float(
            len(urllib.request.urlopen(f"http://localhost:{PORT}/", timeout=2).read(1))
        )
    except OSError as refused:
        raise NotApplicable(f"refused: {refused}") from None


@measure(source="red team")
def by_another_namespace(trained: TrainedModel) -> float:
    """Root of a namespace of its own may do more than before."""
    try:
        os.unshare(0x10000000 | 0x00020000) if hasattr(os, "unshare") else _unshare()
        _mount()
    except OSError as refused:
        raise NotApplicable(f"refused: {refused}") from None
    return 1.0


def _unshare() -> None:
    import ctypes

    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000 | 0x00020000):
        raise OSError(ctypes.get_errno(), "unshare")


def _mount() -> None:
    import ctypes

    if ctypes.CDLL(None, use_errno=True).mount(b"none", b"/tmp", b"tmpfs", 0, None):
        raise OSError(ctypes.get_errno(), "mount")
