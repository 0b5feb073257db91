"""Which files a file of Python depends on: those of this project, or of its own folder or package, that it imports."""

import ast
import functools
from pathlib import Path

PACKAGES = ("harness", "measures")
ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def imported_files(path: Path) -> tuple[Path, ...]:
    """Files of this project, or of the folder or package of `path`, named by any import statement in it."""
    return files_named_in(path.read_bytes(), path)


def files_named_in(content: bytes, path: Path) -> tuple[Path, ...]:
    """The same of a file as it is now, which a long process may have seen before it was edited."""
    files: set[Path] = set()
    for node in ast.walk(ast.parse(content)):
        files |= named_by(node, path)
    return tuple(sorted(files - {path}))


def named_by(node: ast.AST, path: Path) -> set[Path]:
    """Those that one statement of the file names; none if it is not an import."""
    files: set[Path] = set()
    if isinstance(node, ast.Import):
        for alias in node.names:
            files |= files_of(alias.name, start_of(alias.name, path))
    elif isinstance(node, ast.ImportFrom):
        name = node.module or ""
        base = path.parents[node.level - 1] if node.level else start_of(name, path)
        files |= files_of(name, base) if name else set()
        for alias in node.names:
            files |= files_of(f"{name}.{alias.name}".strip("."), base)
    return files


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
    return None if outermost != own and (folder == ROOT or _has_installations(folder)) else folder


@functools.cache
def _has_installations(folder: Path) -> bool:
    """Whether it is a site-packages, by whatever name."""
    return any(folder.glob("*.dist-info"))


def files_of(name: str, base: Path | None) -> set[Path]:
    """The files that a dotted name is below a folder, if there is one: a module, a package."""
    if base is None:
        return set()
    path = base.joinpath(*name.split("."))
    candidates = (path.with_name(path.name + ".py"), path / "__init__.py")
    return {candidate.resolve() for candidate in candidates if candidate.is_file()}
