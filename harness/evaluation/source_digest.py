"""A digest of the code that a measure's value depends on: its own file, what that imports from this project or from
its own folder or package, and the shared quantities that every measure receives.

A value in the row cache holds as long as this digest does: editing the code of the measure, or of a shared quantity
that it reads, has it computed again; editing anything else does not. What counts as code is in code_digest.py: a file
may move, and its documentation change. A stranger's file is read as it is now, also by a process that has read it
before; of this project's own counts what this process has imported (source_text.py).
"""

import hashlib
from pathlib import Path

from harness.files.code_digest import code_digest
from harness.files.imported_files import NOT_PYTHON, ReadFile, files_named, read_file
from harness.files.search_path import search_now
from measures.registry import Measure

ROOT = Path(__file__).resolve().parents[2]
MEASURES = ROOT / "measures"
RECEIVED = MEASURES / "trained_model.py"
HANDED_OUT = ROOT / "harness" / "calling" / "handed_out.py"
"""What a stranger's measure receives."""
WITHOUT_FORMULA = {
    ROOT / "harness" / "__init__.py",  # the map of the harness, and a front door
    ROOT / "measures" / "__init__.py",
    ROOT / "measures" / "registry.py",
    ROOT / "measures" / "errors.py",
}

NO_CODE = code_digest(b"", lambda module: True)
"""Of a file that only documents or imports, as a package's __init__.py mostly does."""

_codes: dict[Path, tuple[ReadFile, str]] = {}  # by file, with what they are of


def source_digest(file: Path, stranger: bool = False, search: tuple[str, ...] | None = None) -> str:
    """sha256 of the code of `file`, of what a measure receives, and of all that these import, directly or not.

    `stranger`: it receives what a stranger's does, though its file is of this project. `search`: the folders that a
    stranger's imports are looked for in; by default those of this process, and the current one.
    """
    digest = hashlib.sha256()
    search = search_of_calls() if search is None else search
    codes = {_code_sha256(path, made, search) for path, made in _made_of(file.resolve(), stranger, search).items()}
    for code in sorted(codes - {NO_CODE}):
        digest.update(code.encode())
    return digest.hexdigest()


def digest_as_called(measure: Measure, search: tuple[str, ...] | None = None) -> str:
    """The digest of the measure's source, with that of what it receives as it is called in this run."""
    return source_digest(measure.file, measure.family == "external", search)


def search_of_calls(others: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Where a stranger's imports are looked for when it is called from this process; `others`: where the run has it."""
    return search_now((*others, ""))


def reachable(file: Path, stranger: bool = False, search: tuple[str, ...] | None = None) -> set[Path]:
    """The files of which the digest is made."""
    return {*_made_of(file, stranger, search_of_calls() if search is None else search)}


def _made_of(file: Path, stranger: bool, search: tuple[str, ...]) -> dict[Path, ReadFile]:
    found: dict[Path, ReadFile] = {}
    own = MEASURES in file.parents and not stranger
    todo = [file, RECEIVED] if own else [file, RECEIVED, HANDED_OUT]
    while todo:
        path = todo.pop()
        if path not in found and path not in WITHOUT_FORMULA:
            found[path] = read_file(path, search)
            todo += found[path].imports
    return found


def _code_sha256(path: Path, made: ReadFile, search: tuple[str, ...]) -> str:
    known = _codes.get(path)
    if known is None or known[0] != made:
        try:
            code = code_digest(made.text, lambda module: bool(files_named(module, path, search)))
        except NOT_PYTHON:
            code = hashlib.sha256(made.text).hexdigest()
        known = _codes[path] = made, code
    return known[1]
