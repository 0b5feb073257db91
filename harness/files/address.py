"""Where a file is: a path, or an https address, with the sha256 that is expected of it.

By https nothing is taken without its digest: an address says who answers, and not what the answer is.
"""

import dataclasses
import re
import urllib.parse
from pathlib import Path

from harness.errors import HarnessError

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(?=://)")
HOST = re.compile(r"[0-9A-Za-z._:-]+")
SHA256 = re.compile(r"[0-9a-f]{64}")
FRAGMENT = "sha256="


@dataclasses.dataclass(frozen=True)
class Address:
    """A file that a user names: `path`, or `url` (https, without its fragment); `sha256` in lower case, if known."""

    path: Path | None
    url: str
    sha256: str | None

    @property
    def shown(self) -> str:
        """For sentences."""
        return shown(self.url) if self.path is None else str(self.path)


def address_of(text: str, sha256: str | None = None) -> Address:
    """What `text` names: a path, `https://...`, or `https://...#sha256=...`, as pip writes it.

    HarnessError for another scheme, for an address that cannot be one, and where no digest is given with an address, or
    two that differ.
    """
    given = None if sha256 is None else _digest(sha256, "--sha256")
    if not SCHEME.match(text):
        return Address(Path(text), "", given)
    url, _, fragment = text.partition("#")
    check_https(url, shown(url))
    if fragment and not fragment.startswith(FRAGMENT):
        raise HarnessError(f"{shown(url)} ends with #{fragment:.80}; expected #{FRAGMENT}DIGEST, or no # at all")
    named = _digest(fragment.removeprefix(FRAGMENT), f"#{FRAGMENT}") if fragment else None
    if given and named and given != named:
        raise HarnessError(f"--sha256 is {given} and the address ends with {named}; give the one that is right")
    if not (given or named):
        raise HarnessError(
            f"{shown(url)} has no digest; by https expected --sha256 DIGEST, or #{FRAGMENT}DIGEST at the end of the "
            "address. Whoever released the file tells it, in SHA256SUMS"
        )
    return Address(None, url, given or named)


def check_https(url: str, called: str) -> None:
    """HarnessError unless this is an https address with a host, and without a name and password in it.

    `called` is what the sentence begins with.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as cause:
        raise HarnessError(f"{called} is not an address ({cause}); expected https://HOST/FILE") from cause
    if parts.scheme != "https":
        raise HarnessError(
            f"{called} is not https but {parts.scheme:.20}. Download the file yourself, and give its path"
        )
    if "@" in parts.netloc:
        raise HarnessError(f"{called} has a user's name or password in it; expected an address without them")
    if not HOST.fullmatch(host or "") or port == 0 or not re.fullmatch(r"[!-~]+", url):
        raise HarnessError(
            f"{called} is not an address; expected https://HOST/FILE in ASCII, without spaces (they are written %20)"
        )


def shown(url: str) -> str:
    """An address for sentences: without the name, password and query, which may be secrets, or signatures."""
    try:
        parts = urllib.parse.urlsplit(url)
        text = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    except ValueError:
        text = url.rpartition("@")[2].partition("?")[0]
    return "".join(letter if letter.isprintable() else "?" for letter in text[:200])


def _digest(text: str, where: str) -> str:
    digest = text.strip().lower()
    if not SHA256.fullmatch(digest):
        raise HarnessError(f"{where} is {text!r:.80}; expected a sha256: 64 digits of 0-9 and a-f")
    return digest
