"""A digest of the source a measure's value depends on: its file, and the project or neighbouring files it imports.

A value in the row cache holds as long as this digest does: editing the measure, or a shared quantity that it reads,
has it computed again; editing anything else does not.
"""

import ast
import functools
import hashlib
from pathlib import Path

PACKAGES = ("harness", "measures")
ROOT = Path(__file__).resolve().parent.parent
WITHOUT_FORMULA = {ROOT / "measures" / "__init__.py", ROOT / "measures" / "_registry.py"}


def source_digest(file: Path) -> str:
    """sha256 of the contents of `file` and of all it imports, directly or not, from this project or its folder."""
    digest = hashlib.sha256()
    for path in sorted(_reachable(file.resolve())):
        digest.update(_content_sha256(path).encode())
    return digest.hexdigest()


def _reachable(file: Path) -> set[Path]:
    found, todo = set(), [file]
    while todo:
        path = todo.pop()
        if path not in found and path not in WITHOUT_FORMULA:
            found.add(path)
            todo += _imported_files(path)
    return found


@functools.cache
def _imported_files(path: Path) -> tuple[Path, ...]:
    """Files of this project, or beside `path`, named by any import statement in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    files = {_file_of(name, path.parent) for name in names}
    return tuple(sorted(file for file in files if file))


def _file_of(name: str, folder: Path) -> Path | None:
    parts = name.split(".")
    base = ROOT if parts[0] in PACKAGES else folder
    for candidate in (base.joinpath(*parts).with_suffix(".py"), base.joinpath(*parts, "__init__.py")):
        if candidate.is_file():
            return candidate.resolve()
    return None


@functools.cache
def _content_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
