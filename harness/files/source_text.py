"""The text of a file of Python that counts for a digest: what it is now.

Of a module of this project that this process has imported it is what it was when it was first asked for: that is what
runs here, however the file is edited.
"""

import functools
import sys
from pathlib import Path

from harness.files.code_digest import code_digest

PACKAGES = ("harness", "measures")
ROOT = Path(__file__).resolve().parents[2]

_imported_as: dict[Path, bytes] = {}


def text_of(path: Path) -> bytes:
    """OSError if it cannot be read."""
    if _module_of(path) not in sys.modules:
        return path.read_bytes()
    if path not in _imported_as:
        _imported_as[path] = path.read_bytes()
    return _imported_as[path]


def edited_since() -> set[Path]:
    """The files of this project whose code is not what this process runs of them."""
    return {path for path, text in _imported_as.items() if _is_edited(path, text)}


def _is_edited(path: Path, before: bytes) -> bool:
    try:
        now = path.read_bytes()
        return now != before and code_digest(now, _none) != code_digest(before, _none)
    except (OSError, SyntaxError, ValueError):
        return True


def _none(module: str) -> bool:
    return False


@functools.cache
def is_of_this_project(path: Path) -> bool:
    """Whether the file stands in one of its packages."""
    return any(ROOT / package in path.parents for package in PACKAGES)


@functools.cache
def _module_of(path: Path) -> str:
    """The module that a file of this project is; "" for any other."""
    if not is_of_this_project(path):
        return ""
    *folders, name = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(folders if name == "__init__" else [*folders, name])
