"""A server by https on this machine, which answers as it is told: honestly, or as one that means harm does.

Its certificate is made for the run. Who connects trusts it by SSL_CERT_FILE, as with an authority of one's own.
"""

import contextlib
import http.server
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import trustme

Answer = Callable[["Handler"], None]


class Handler(http.server.BaseHTTPRequestHandler):
    """What an answer has: `wfile`, `send_response` and the like, and `over`, which is set when the server ends."""

    over: threading.Event
    answers: Mapping[str, Answer]
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        with contextlib.suppress(OSError):  # whoever asked has gone
            self.answers[self.path.partition("?")[0]](self)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def head(self, status: int = 200, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class Authority:
    """Certificates for localhost, and the file by which they are trusted."""

    def __init__(self, folder: Path):
        authority = trustme.CA()
        self.file = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.file))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self.context)


@contextlib.contextmanager
def served(authority: Authority | None, answers: Mapping[str, Answer]) -> Iterator[tuple[str, list[str]]]:
    """The answers by their paths: the server's address, and what it has been asked for. Without authority by http."""
    asked: list[str] = []
    over = threading.Event()
    server = _Server(("127.0.0.1", 0), type("H", (Handler,), {"over": over, "answers": answers, "asked": asked}))
    if authority is not None:
        server.socket = authority.context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"{'http' if authority is None else 'https'}://localhost:{server.server_address[1]}", asked
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def whole(content: bytes, kind: str = "application/zip") -> Answer:
    def answer(to: Handler) -> None:
        to.head(Content_Length=len(content), Content_Type=kind)
        to.wfile.write(content)

    return answer


def without_length(content: bytes) -> Answer:
    def answer(to: Handler) -> None:
        to.head()
        to.wfile.write(content)

    return answer


def cut_short(content: bytes, announced: int) -> Answer:
    """Announces more than it sends."""

    def answer(to: Handler) -> None:
        to.head(Content_Length=announced)
        to.wfile.write(content)

    return answer


def held_up(content: bytes, announced: int) -> Answer:
    """Sends this, and then nothing more."""

    def answer(to: Handler) -> None:
        to.head(Content_Length=announced)
        to.wfile.write(content)
        to.wfile.flush()
        to.over.wait()

    return answer


def endless(to: Handler) -> None:
    to.head()
    while not to.over.is_set():
        to.wfile.write(b"x" * 65536)


def endless_chunks(to: Handler) -> None:
    to.protocol_version = "HTTP/1.1"
    to.head(Transfer_Encoding="chunked")
    while not to.over.is_set():
        to.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def endless_head(to: Handler) -> None:
    to.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not to.over.is_set():
        to.wfile.write(b"X-More: " + b"x" * 60_000 + b"\r\n")


def endless_heads(to: Handler) -> None:
    """There is no end of what comes before the answer."""
    while not to.over.is_set():
        to.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def endless_trailers(to: Handler) -> None:
    """There is no end of what comes after it."""
    to.protocol_version = "HTTP/1.1"
    to.head(Transfer_Encoding="chunked")
    to.wfile.write(b"3\r\nabc\r\n0\r\n")
    while not to.over.is_set():
        to.wfile.write(b"X-More: y\r\n" * 1000)


def dripping_head(to: Handler) -> None:
    """Never silent for long, and never done."""
    to.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not to.over.wait(0.02):
        to.wfile.write(b"x")


def dripping(to: Handler) -> None:
    to.head(Content_Length=1_000_000)
    while not to.over.wait(0.02):
        to.wfile.write(b"x")


def silent(to: Handler) -> None:
    to.over.wait()


def status(code: int, **headers: object) -> Answer:
    return lambda to: to.head(code, Content_Length=0, **headers)


def redirect_with_endless_body(to: Handler) -> None:
    to.head(302, Location="/archive")
    while not to.over.is_set():
        to.wfile.write(b"x" * 65536)


def not_http(to: Handler) -> None:
    to.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n" * 3)


@contextlib.contextmanager
def proxy() -> Iterator[tuple[str, list[str]]]:
    """A proxy that gives a tunnel to whatever it is asked for: its address, and where the tunnels led."""
    tunnels: list[str] = []

    class Tunnel(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            target = self.rfile.readline().split()[1].decode()
            tunnels.append(target)
            while self.rfile.readline().strip():
                pass
            host, _, port = target.rpartition(":")
            with socket.create_connection((host, int(port))) as there:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                other = threading.Thread(target=_pass_on, args=(self.request, there))
                other.start()
                _pass_on(there, self.request)
                other.join()

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", tunnels
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(65536):
            target.sendall(content)
        target.shutdown(socket.SHUT_WR)
