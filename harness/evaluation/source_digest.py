"""A digest of the code that a measure's value depends on: its own file, what that imports from this project or from
its own folder or package, and the shared quantities that every measure receives.

A value in the row cache holds as long as this digest does: editing the code of the measure, or of a shared quantity
that it reads, has it computed again; editing anything else does not. What counts as code is in code_digest.py: a file
may move, and its documentation change.
"""

import functools
import hashlib
from pathlib import Path

from harness.files.code_digest import code_digest
from harness.files.imported_files import files_of, imported_files, start_of
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


def source_digest(file: Path, stranger: bool = False) -> str:
    """sha256 of the code of `file`, of what a measure receives, and of all that these import, directly or not.

    `stranger`: it receives what a stranger's does, though its file is of this project.
    """
    digest = hashlib.sha256()
    codes = {_code_sha256(path) for path in reachable(file.resolve(), stranger)}
    for code in sorted(codes - {NO_CODE}):
        digest.update(code.encode())
    return digest.hexdigest()


def digest_as_called(measure: Measure) -> str:
    """The digest of the measure's source, with that of what it receives as it is called in this run."""
    return source_digest(measure.file, measure.family == "external")


def reachable(file: Path, stranger: bool = False) -> set[Path]:
    """The files of which the digest is made."""
    found: set[Path] = set()
    own = MEASURES in file.parents and not stranger
    todo = [file, RECEIVED] if own else [file, RECEIVED, HANDED_OUT]
    while todo:
        path = todo.pop()
        if path not in found and path not in WITHOUT_FORMULA:
            found.add(path)
            todo += imported_files(path)
    return found


@functools.cache
def _code_sha256(path: Path) -> str:
    return code_digest(path.read_bytes(), lambda module: bool(files_of(module, start_of(module, path))))
