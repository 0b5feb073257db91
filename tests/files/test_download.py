"""A download comes whole, or ends soon with a sentence, whatever the server does."""

import re
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.files import download as module
from harness.files.download import download
from tests.builders import https_server as server
from tests.builders.https_server import Answer, Authority, served

pytestmark = pytest.mark.slow

CONTENT = bytes(range(256)) * 4000
Ends = Callable[..., str]


@pytest.fixture
def ends(authority: Authority, tmp_path: Path) -> Ends:
    """The sentence with which the download of an answer ends."""

    def ends(answer: Answer, largest: int = 10_000_000, **others: Answer) -> str:
        answers = {"/archive": answer} | {f"/{name}": other for name, other in others.items()}
        with served(authority, answers) as (address, _), pytest.raises(HarnessError) as ended:
            download(f"{address}/archive", tmp_path / "file", largest=largest)
        said = str(ended.value)
        assert said.startswith(f"{address}/archive could not be downloaded: ") and said.isprintable()
        return said

    return ends


@pytest.mark.parametrize("answer", [server.whole, server.without_length])
def test_what_is_there_is_written_to_the_byte_and_heard_of(
    answer: Callable[[bytes], Answer], authority: Authority, tmp_path: Path
) -> None:
    heard: list[tuple[int, int | None]] = []
    with served(authority, {"/a": answer(CONTENT)}) as (address, _):
        download(f"{address}/a?b=c", tmp_path / "file", lambda more, total: heard.append((more, total)))
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert sum(more for more, _ in heard) == len(CONTENT)
    assert {total for _, total in heard} == {len(CONTENT) if answer is server.whole else None}


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_to_https_is_followed(code: int, authority: Authority, tmp_path: Path) -> None:
    answers = {"/a": server.status(code, Location="/b/c"), "/b/c": server.whole(CONTENT)}
    with served(authority, answers) as (address, asked):
        download(f"{address}/a", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT and asked == ["/a", "/b/c"]


def test_a_redirect_to_http_is_not_followed(ends: Ends) -> None:
    with served(None, {"/secret": server.whole(CONTENT)}) as (plain, asked):
        said = ends(server.status(302, Location=f"{plain}/secret?signed=yes"))
    assert f"it leads to {plain}/secret, which is not https but http" in said
    assert asked == [] and "signed" not in said


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://localhost/a", "data:text/plain,a", "https://a b/"])
def test_a_redirect_to_anything_else_is_not_followed(target: str, ends: Ends) -> None:
    assert re.search(
        "it leads to .*, which (is not https but|is not an address)", ends(server.status(301, Location=target))
    )


def test_a_redirect_does_not_carry_a_password_into_the_sentence(ends: Ends) -> None:
    said = ends(server.status(302, Location="https://me:secret@localhost/a"))
    assert "has a user's name or password" in said and "secret" not in said


def test_a_circle_of_redirects_ends(ends: Ends) -> None:
    circle = {"archive": server.status(302, Location="/b"), "b": server.status(302, Location="/archive")}
    assert "leads elsewhere more than 10 times" in ends(circle["archive"], b=circle["b"])


def test_of_a_redirect_no_body_is_read(authority: Authority, tmp_path: Path) -> None:
    answers = {"/a": server.redirect_with_endless_body, "/archive": server.whole(CONTENT)}
    with served(authority, answers) as (address, _):
        download(f"{address}/a", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("answer", [server.endless, server.endless_chunks])
def test_a_file_that_goes_on_for_ever_ends_at_the_limit_and_is_not_kept_in_memory(
    answer: Answer, ends: Ends, tmp_path: Path
) -> None:
    tracemalloc.start()
    try:
        said = ends(answer, largest=20_000_000)
        assert "it goes on after 20,000,000 bytes; no more are taken" in said
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert (tmp_path / "file").stat().st_size <= 20_000_000


def test_more_than_the_limit_is_refused_before_it_comes(ends: Ends, tmp_path: Path) -> None:
    said = ends(server.whole(CONTENT), largest=1000)
    assert f"it has {len(CONTENT):,} bytes; at most 1,000 are taken" in said
    assert (tmp_path / "file").stat().st_size == 0


def test_more_than_the_disk_takes_is_refused_before_it_comes(ends: Ends, tmp_path: Path) -> None:
    announced = 1 << 60
    said = ends(server.cut_short(b"", announced), largest=1 << 62)
    assert f"it has {announced:,} bytes, and {tmp_path} has room for " in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_disk_that_fills_is_told(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    def opened(file: Path, mode: str) -> object:
        return builtins.open("/dev/full", "wb", buffering=0)

    monkeypatch.setattr(module, "open", opened, raising=False)
    with served(authority, {"/a": server.without_length(CONTENT)}) as (address, _):
        with pytest.raises(
            HarnessError, match=r"could not be downloaded: .* cannot be written \(No space left on device"
        ):
            download(f"{address}/a", tmp_path / "file")


def test_a_folder_that_is_not_there_is_told(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"cannot be written \(No such file or directory\)"):
        download("https://localhost/a", tmp_path / "gone" / "file")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (server.cut_short(CONTENT[:1000], 5000), r"it was cut short, 1,000 bytes of 5,000 came"),
        (server.status(404), r"the server answers 404 \(Not Found\). Is the address right\?"),
        (server.status(500), r"the server answers 500 \(Internal Server Error\)"),
        (server.status(206), r"the server answers 206"),
        (server.status(304), r"the server answers 304"),
        (server.status(302), r"the server answers 302"),
        (server.not_http, r"the server does not speak HTTP as expected"),
        (server.endless_head, r"the server does not speak HTTP as expected"),
        (server.endless_heads, r"the server does not speak HTTP as expected \(Endless\)"),
        (server.endless_trailers, r"the server does not speak HTTP as expected \(Endless\)"),
    ],
    ids=[
        "cut short",
        "404",
        "500",
        "206",
        "304",
        "302 to nowhere",
        "not HTTP",
        "endless head",
        "endless heads",
        "endless trailers",
    ],
)
def test_any_other_answer_is_told(answer: Answer, sentence: str, ends: Ends) -> None:
    assert re.search(sentence, ends(answer))


@pytest.mark.parametrize("answer", [server.silent, server.held_up(CONTENT, 2 * len(CONTENT))])
def test_a_server_that_falls_silent_is_left(answer: Answer, ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENT_SECONDS", 0.3)
    begun = time.monotonic()
    assert "the server is silent" in ends(answer)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("answer", [server.dripping, server.dripping_head])
def test_a_server_that_is_never_silent_and_never_done_is_left(
    answer: Answer, ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WINDOW_SECONDS", 0.5)
    begun = time.monotonic()
    assert "which is too slow" in ends(answer)
    assert time.monotonic() - begun < 5


def test_a_certificate_that_is_not_trusted_is_told(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with served(authority, {"/a": server.whole(CONTENT)}) as (address, asked):
        with pytest.raises(HarnessError, match=r"its certificate is not trusted .*SSL_CERT_FILE"):
            download(f"{address}/a", tmp_path / "file")
        assert asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        (tmp_path / "file").unlink()
        with pytest.raises(HarnessError, match=r"its certificate is not trusted .*127\.0\.0\.1"):
            download(f"{address.replace('localhost', '127.0.0.1')}/a", tmp_path / "file")
        assert asked == []


def test_a_proxy_that_the_environment_names_stands_between(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for a tunnel, in which the server shows its certificate, and sees nothing of what comes."""
    monkeypatch.delenv("no_proxy")
    with server.proxy() as (proxy, tunnels), served(authority, {"/a": server.whole(CONTENT)}) as (address, _):
        monkeypatch.setenv("https_proxy", proxy)
        download(f"{address}/a", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert tunnels == [address.removeprefix("https://")]


def test_no_connection_is_told(authority: Authority, tmp_path: Path) -> None:
    with served(authority, {}) as (address, _):
        pass
    with pytest.raises(HarnessError, match=r"the connection failed .*Connection refused"):
        download(f"{address}/a", tmp_path / "file")
    with pytest.raises(HarnessError, match="its host is not known"):
        download("https://host.invalid/a", tmp_path / "other")
