"""Packages that a stranger's measure names are imported before it: by the host, once, and not again in every call.

Only those that this project itself depends on, and only as they are installed: what the host imports runs outside the
seal. So their tests are not among them, which read the packages' data sets when they are imported. Which ones is a
function of the measure's text alone, and is found without running it.
"""

import contextlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.calling.readable import is_installed
from harness.calling.request import Request
from measures.registry import PACKAGE

PACKAGES = ("scipy", "sklearn", "torchvision")  # of numpy and torch the host has imported what is used
NAMED = re.compile(
    rf"(?<![\w.])((?:{'|'.join(PACKAGES)})\b(?:\.\w+)*)(?:[ \t]+import[ \t]+\(?([\w \t\n,]+))?".encode(), re.ASCII
)


def import_what_is_named(request: Request) -> None:
    """Import the modules of PACKAGES that the file, or the function that a notebook has sent, names."""
    for name in dict.fromkeys(_modules_named_in(_text_of(request))):
        if name not in sys.modules and not _is_of_tests(name) and _is_as_installed(name.partition(".")[0]):
            with contextlib.suppress(Exception):  # no module, or a broken one: whoever imports it is told
                importlib.import_module(name)


def _is_of_tests(module: str) -> bool:
    """Whoever imports it in the call is refused what it reads."""
    return any(part.strip("_").startswith(("test", "conftest")) for part in module.split("."))


def _is_as_installed(package: str) -> bool:
    """Not a file of that name in a folder of the user's."""
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None and is_installed(Path(spec.origin).parent)


def _text_of(request: Request) -> bytes:
    if request.function_bytes:
        return request.function_bytes  # a pickle has the names of modules as they are
    with contextlib.suppress(OSError):
        if request.origin.endswith(".py"):
            return Path(request.origin).read_bytes()
        if request.origin.partition(".")[0] == PACKAGE.name:
            return PACKAGE.parent.joinpath(*request.origin.split(".")).with_suffix(".py").read_bytes()
    return b""  # it cannot be read: its import says so


def _modules_named_in(text: bytes) -> Iterator[str]:
    """`from scipy import stats, signal` names three; a member may be taken for a module, and is then not found."""
    for match in NAMED.finditer(text):
        module, members = (part.decode() for part in match.groups(b""))
        yield module
        for member in members.split(","):
            if words := member.split():  # what follows `as` is another's name
                yield f"{module}.{words[0]}"
