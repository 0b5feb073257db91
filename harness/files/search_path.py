"""Where Python finds the modules of a user's own that stand in another folder than the file which imports them: in the
folders that imports are looked for in (PYTHONPATH), and where an editable installation has linked them from.

Python's own library and what is installed is not the user's own.
"""

import functools
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.files.source_text import PACKAGES

LIBRARY = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}

_found_installed: set[tuple[str, tuple[str, ...]]] = set()  # by name and search: it is asked for in every file


def search_now(others: Iterable[str] = ()) -> tuple[str, ...]:
    """The folders that this process looks for imports in, and then others; the empty one is the current."""
    return tuple(dict.fromkeys(path or os.getcwd() for path in (*sys.path, *others)))


def files_on_path(name: str, search: tuple[str, ...], hooks: bool = True) -> set[Path]:
    """The files that a dotted name is there; none if it is not the user's own, or of this project.

    `hooks`: also those to which import hooks lead, which are asked for what is in none of the folders.
    """
    outermost, *inner = name.split(".")
    if outermost in PACKAGES or (outermost, search) in _found_installed:
        return set()
    for place in _places(outermost, search, hooks):
        if is_installed(os.path.dirname(place)):
            _found_installed.add((outermost, search))
            return set()
        files = files_at(os.path.join(place, *inner))
        if files or not _is_open(place):
            return files
    return set()


def files_at(path: str) -> set[Path]:
    """The module and the package that a path without suffix is, as far as they are there."""
    candidates = (f"{path}.py", os.path.join(path, "__init__.py"))
    return {Path(candidate).resolve() for candidate in candidates if os.path.isfile(candidate)}


def _is_open(place: str) -> bool:
    """Whether it is a package without __init__.py, to which other folders may add."""
    return os.path.isdir(place) and not os.path.isfile(os.path.join(place, "__init__.py"))


@functools.cache
def is_installed(path: str) -> bool:
    """Whether a folder is of Python's own library, or a site-packages, by whatever name."""
    folder = Path(path).resolve()
    if {"site-packages", "dist-packages"} & {*folder.parts} or LIBRARY & {folder, *folder.parents}:
        return True
    return has_installations(folder)


@functools.cache
def has_installations(folder: Path) -> bool:
    """Whether packages were installed to it."""
    return any(folder.glob("*.dist-info"))


def _places(outermost: str, search: tuple[str, ...], hooks: bool) -> Iterator[str]:
    """The paths, without suffix, that the outermost package or module has, as Python looks for it."""
    of_python = outermost in sys.stdlib_module_names  # it may be compiled, and is then in no file of Python
    found = False
    for folder in search:
        path = os.path.join(folder, outermost)
        if (of_python and is_installed(folder)) or not (os.path.isdir(path) or os.path.isfile(f"{path}.py")):
            continue
        found = True
        yield path
    if hooks and not found and not of_python:
        yield from _linked(outermost)


def _linked(outermost: str) -> Iterator[str]:
    """The same of what an import hook finds, as some editable installations have one.

    Nothing is imported; nor does it count what this process has imported, which others have not.
    """
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(outermost, None)
        except (ImportError, ValueError, AttributeError):
            continue
        if spec is not None:
            yield from spec.submodule_search_locations or ()
            if spec.submodule_search_locations is None and spec.origin and spec.origin.endswith(".py"):
                yield spec.origin.removesuffix(".py")
            return
