"""Which files a file of Python depends on: those of this project, or of its own folder or package, that it imports; of
a file of the user's, also the user's own that Python finds elsewhere (search_path.py).
"""

import ast
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from harness.files.search_path import files_at, files_on_path, has_installations, search_now
from harness.files.source_text import PACKAGES, ROOT, is_of_this_project, text_of

Import = ast.Import | ast.ImportFrom


NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What reading a text as Python raises if it is not, or has too much in each other."""


class ReadFile(NamedTuple):
    """A file of Python by its text, and by the files that this imports."""

    text: bytes
    imports: tuple[Path, ...]


_imports: dict[Path, tuple[bytes, tuple[Import, ...]]] = {}  # by file, with the text that they stand in
_of_this_project: dict[Path, ReadFile] = {}  # what it imports stands in this project, and does not come and go


def imported_files(path: Path) -> tuple[Path, ...]:
    """Files named by any import statement in it, where they are the user's own or this project's."""
    return read_file(path, search_now()).imports


def read_file(path: Path, search: tuple[str, ...]) -> ReadFile:
    """The file as it counts (source_text.py); `search`: the folders that a user's imports are looked for in.

    A user's that is not Python imports nothing: whoever imports it is told, or has an `except` for that.
    """
    text = text_of(path)
    if not is_of_this_project(path):
        try:
            return ReadFile(text, files_named_in(text, path, search))
        except NOT_PYTHON:
            return ReadFile(text, ())
    known = _of_this_project.get(path)
    if known is None or known.text != text:
        known = _of_this_project[path] = ReadFile(text, files_named_in(text, path, ()))
    return known


def texts_of(path: Path) -> dict[Path, bytes]:
    """The text of a user's file, and those of their own files that it imports, directly or not; b"" of one that cannot
    be read."""
    texts: dict[Path, bytes] = {}
    todo = [path]
    while todo:
        file = todo.pop()
        if file in texts or is_of_this_project(file):
            continue
        texts[file] = b""
        with contextlib.suppress(OSError, SyntaxError, ValueError):  # importing it says what is wrong
            texts[file] = file.read_bytes()
            todo += files_named_in(texts[file], file)
    return texts


def files_named_in(text: bytes, path: Path, search: tuple[str, ...] | None = None) -> tuple[Path, ...]:
    """The same of a file with this text. SyntaxError, or ValueError, if it is not Python."""
    search = search_now() if search is None else search
    files: set[Path] = set()
    for node in _imports_in(text, path):
        files |= named_by(node, path, search)
    return tuple(sorted(files - {path}))


def named_by(node: ast.AST, path: Path, search: tuple[str, ...] | None = None) -> set[Path]:
    """Those that one statement of the file names; none if it is not an import."""
    search = search_now() if search is None else search
    files: set[Path] = set()
    for name in _names(node):
        if name.startswith("."):
            relative = name.lstrip(".")
            above = path.parents[len(name) - len(relative) - 1 :]
            files |= files_of(relative, above[0] if above else None)
        else:
            files |= files_named(name, path, search)
    return files


def files_named(name: str, path: Path, search: tuple[str, ...] | None = None) -> set[Path]:
    """The files that an absolute import of the file names."""
    beside = files_of(name, start_of(name, path))
    if is_of_this_project(path):
        return beside
    return beside | files_on_path(name, search_now() if search is None else search, hooks=not beside)


def start_of(name: str, path: Path) -> Path | None:
    """Where an absolute import starts: this project's root, else the folder that the outermost package stands in.

    None for what is of another distribution: what stands beside ours, or beside any package that is installed.
    """
    outermost = name.split(".")[0]
    if outermost in PACKAGES:
        return ROOT
    folder, own = path.parent, path.stem
    while (folder / "__init__.py").is_file():
        folder, own = folder.parent, folder.name
    return None if outermost != own and (folder == ROOT or has_installations(folder)) else folder


def files_of(name: str, base: Path | None) -> set[Path]:
    """The files that a dotted name is below a folder, if there is one: a module, a package."""
    return set() if base is None else files_at(os.path.join(base, *name.split(".")))


def _imports_in(text: bytes, path: Path) -> tuple[Import, ...]:
    known = _imports.get(path)
    if known is None or known[0] != text:
        found = (node for node in ast.walk(ast.parse(text)) if isinstance(node, Import))
        known = _imports[path] = text, tuple(found)
    return known[1]


def _names(node: ast.AST) -> Iterator[str]:
    """The dotted names of an import statement, which may be modules or members of some; relative ones with dots."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module, dots = node.module or "", "." * node.level
        if module:
            yield dots + module
        for alias in node.names:
            yield dots + f"{module}.{alias.name}".strip(".")
