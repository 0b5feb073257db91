"""A digest of the source that a measure's value depends on: its own file, what that imports from this project or from
its own folder or package, and the shared quantities that every measure receives.

A value in the row cache holds as long as this digest does: editing the measure, or a shared quantity that it reads,
has it computed again; editing anything else does not.
"""

import ast
import functools
import hashlib
from pathlib import Path

PACKAGES = ("harness", "measures")
ROOT = Path(__file__).resolve().parent.parent
RECEIVED = ROOT / "harness" / "trained_model.py"
WITHOUT_FORMULA = {
    ROOT / "harness" / "__init__.py",  # the map of the harness, and a front door
    ROOT / "measures" / "__init__.py",
    ROOT / "measures" / "_registry.py",
}


def source_digest(file: Path) -> str:
    """sha256 of the contents of `file`, of what a measure receives, and of all that these import, directly or not."""
    digest = hashlib.sha256()
    for content in sorted(_content_sha256(path) for path in _reachable(file.resolve())):
        digest.update(content.encode())
    return digest.hexdigest()


def _reachable(file: Path) -> set[Path]:
    found: set[Path] = set()
    todo = [file, RECEIVED]
    while todo:
        path = todo.pop()
        if path not in found and path not in WITHOUT_FORMULA:
            found.add(path)
            todo += _imported_files(path)
    return found


@functools.cache
def _imported_files(path: Path) -> tuple[Path, ...]:
    """Files of this project, or of the folder or package of `path`, named by any import statement in it."""
    files: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                files |= _files_of(alias.name, _base(alias.name, path))
        elif isinstance(node, ast.ImportFrom):
            name = node.module or ""
            base = path.parents[node.level - 1] if node.level else _base(name, path)
            files |= _files_of(name, base) if name else set()
            for alias in node.names:
                files |= _files_of(f"{name}.{alias.name}".strip("."), base)
    return tuple(sorted(files - {path}))


def _base(name: str, path: Path) -> Path:
    """Where an absolute import starts: this project's root, else the folder that the outermost package stands in."""
    if name.split(".")[0] in PACKAGES:
        return ROOT
    folder = path.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _files_of(name: str, base: Path) -> set[Path]:
    place = base.joinpath(*name.split("."))
    candidates = (place.with_name(place.name + ".py"), place / "__init__.py")
    return {candidate.resolve() for candidate in candidates if candidate.is_file()}


@functools.cache
def _content_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
