"""A file by https, from a server that may be anybody's: it comes whole and within limits, or a sentence says why not.

Python's own urllib, with its handlers for https and for a proxy alone: there is none for http, ftp, files or data,
wherever a redirect leads. What comes is bytes; whoever wants them verifies their digest.
"""

import functools
import http.client
import io
import shutil
import socket
import ssl
import string
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from harness.errors import HarnessError
from harness.files.address import check_https, shown

SILENT_SECONDS = 30.0  # without a byte
WINDOW_SECONDS, WINDOW_BYTES = 60.0, 60 << 10  # in any such time at least so many, headers included
LARGEST, BESIDE = 16 << 30, 1 << 20  # bytes of a file, and of what else is sent with it
REDIRECTS, LEADS_ELSEWHERE = 10, (301, 302, 303, 307, 308)
AT_ONCE = 1 << 18
BY_HAND = "Download it by other means, and give the path"

Heard = Callable[[int, int | None], None]
"""What hears of a download: how many more bytes have come, and how many are announced in all (None: it is not said)."""


def download(url: str, file: Path, heard: Heard = lambda more, total: None, largest: int = LARGEST) -> None:
    """Write what is at an https address to `file`, which is not there yet.

    HarnessError if it cannot be had whole: no connection, a certificate that is not trusted, no such file, a redirect
    that leaves https, more than `largest` bytes or than the disk takes, fewer than were announced, or too slow.
    """
    called = f"{shown(url)} could not be downloaded"
    try:
        written = open(file, "xb")
    except OSError as cause:
        raise HarnessError(f"{called}: {file.parent} cannot be written ({cause.strerror or cause})") from cause
    try:
        with written, _answer_of(url, called, largest) as response:
            _check(response, called, file.parent, largest)
            _copy(response, called, written, heard, largest)
    except urllib.error.URLError as cause:
        raise HarnessError(f"{called}: {_in_words(cause.reason)}") from cause
    except (OSError, http.client.HTTPException, ValueError) as cause:
        raise HarnessError(f"{called}: {_in_words(cause)}") from cause


def _answer_of(url: str, called: str, largest: int) -> http.client.HTTPResponse:
    """The answer there, or where it leads. Of an answer that leads elsewhere nothing but its headers is read."""
    check_https(url, shown(url))
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), _PacedHandler(largest)):  # a proxy is what the environment says
        opener.add_handler(handler)
    for _ in range(1 + REDIRECTS):
        request = urllib.request.Request(url, headers={"User-Agent": "shatterproof", "Accept-Encoding": "identity"})
        response = opener.open(request, timeout=SILENT_SECONDS)
        target = response.headers.get("Location") if response.status in LEADS_ELSEWHERE else None
        if target is None:
            return response
        response.close()
        url = urllib.parse.urljoin(url, urllib.parse.quote(target, encoding="iso-8859-1", safe=string.punctuation))
        check_https(url, f"{called}: it leads to {shown(url)}, which")
    raise HarnessError(f"{called}: it leads elsewhere more than {REDIRECTS} times. {BY_HAND}")


def _check(response: http.client.HTTPResponse, called: str, folder: Path, largest: int) -> None:
    if response.status != 200:
        meaning = http.client.responses.get(response.status, "unknown")
        raise HarnessError(f"{called}: the server answers {response.status} ({meaning}). Is the address right?")
    announced = response.length or 0
    if announced > largest:
        raise HarnessError(f"{called}: it has {announced:,} bytes; at most {largest:,} are taken. {BY_HAND}")
    if announced > (free := shutil.disk_usage(folder).free):
        raise HarnessError(f"{called}: it has {announced:,} bytes, and {folder} has room for {free:,}; make room")


def _copy(response: http.client.HTTPResponse, called: str, file: IO[bytes], heard: Heard, largest: int) -> None:
    announced, count = response.length, 0
    while content := response.read1(AT_ONCE):
        count += len(content)
        if count > largest:
            raise HarnessError(f"{called}: it goes on after {largest:,} bytes; no more are taken. {BY_HAND}")
        _write(file, content, called)
        heard(len(content), announced)
    if announced is not None and count < announced:
        raise HarnessError(f"{called}: it was cut short, {count:,} bytes of {announced:,} came. Try again")


def _write(file: IO[bytes], content: bytes, called: str) -> None:
    try:
        file.write(content)
        file.flush()
    except OSError as cause:
        raise HarnessError(
            f"{called}: {Path(file.name).parent} cannot be written ({cause.strerror or cause})"
        ) from cause


class _Endless(http.client.HTTPException):
    """Heads, lengths of chunks or trailers, which Python reads for as long as they come."""


class _Paced(io.RawIOBase):
    """What a server sends, all of it: for as long as it keeps a pace, and up to a number of bytes.

    A single read waits SILENT_SECONDS, the socket's timeout.
    """

    def __init__(self, connection: io.RawIOBase, largest: int):
        self.connection = connection
        self.since, self.count, self.left = time.monotonic(), 0, largest + BESIDE

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        now = time.monotonic()
        if now - self.since > WINDOW_SECONDS:
            if self.count < WINDOW_BYTES:
                raise TimeoutError(f"{self.count} bytes in {now - self.since:.0f} seconds, which is too slow")
            self.since, self.count = now, 0
        count = self.connection.readinto(buffer)
        self.count += count or 0
        self.left -= count or 0
        if self.left < 0:
            raise _Endless
        return count

    def close(self) -> None:
        self.connection.close()
        super().close()


class _PacedResponse(http.client.HTTPResponse):
    def __init__(self, largest: int, sock: socket.socket, *arguments: Any, **named: Any):
        super().__init__(sock, *arguments, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_Paced(sock.makefile("rb", buffering=0), largest))


class _PacedConnection(http.client.HTTPSConnection):
    def __init__(self, largest: int, *arguments: Any, **named: Any):
        super().__init__(*arguments, **named)
        paced: Any = functools.partial(_PacedResponse, largest)
        self.response_class = paced


class _PacedHandler(urllib.request.HTTPSHandler):
    def __init__(self, largest: int):
        super().__init__()
        self.largest = largest

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        paced: Any = functools.partial(_PacedConnection, self.largest)
        return self.do_open(paced, req, context=ssl.create_default_context())


def _in_words(cause: object) -> str:
    """Why a connection did not come about, or did not last."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({cause.verify_message}). Is the address right? An authority of your own "
            "is trusted through the variable SSL_CERT_FILE"
        )
    if isinstance(cause, socket.gaierror):
        return f"its host is not known ({cause.strerror}). Is the address right, and this machine connected?"
    if isinstance(cause, TimeoutError):
        return f"{str(cause) if 'slow' in str(cause) else 'the server is silent'}. Try again later"
    if isinstance(cause, http.client.HTTPException):
        return f"the server does not speak HTTP as expected ({type(cause).__name__.strip('_')}). Is the address right?"
    said = (isinstance(cause, OSError) and cause.strerror) or str(cause)
    return f"the connection failed ({said:.120}). Is this machine connected?"
