"""Modules of a folder that may not be listed are those that Python finds where it may, and in the same order."""

import importlib.machinery
import sys
from importlib.machinery import FileFinder
from pathlib import Path

import pytest

from harness.calling.imports import LOADERS, TryingFinder, look_by_trying

FILES = (
    "module.py",
    "both.py",
    "both/__init__.py",
    f"compiled{importlib.machinery.EXTENSION_SUFFIXES[0]}",
    f"compiled_and_source{importlib.machinery.EXTENSION_SUFFIXES[0]}",
    "compiled_and_source.py",
    "left_over.pyc",
    "package/__init__.py",
    "package/inner.py",
    "open/part.py",
    "open_or_module/part.py",
    "open_or_module.py",
    "notes.txt",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize("name", [*sorted({Path(name).parts[0].partition(".")[0] for name in FILES}), "missing"])
def test_what_is_found_by_trying_is_what_python_finds_by_listing(name: str, folder: Path) -> None:
    found = [finder.find_spec(name) for finder in (TryingFinder(str(folder)), FileFinder(str(folder), *LOADERS))]
    said = [
        spec and (spec.name, spec.origin, type(spec.loader), [*(spec.submodule_search_locations or ())])
        for spec in found
    ]
    assert said[0] == said[1]


def test_inner_modules_are_found_by_their_last_name(folder: Path) -> None:
    spec = TryingFinder(str(folder / "package")).find_spec("package.inner")
    assert spec is not None and spec.name == "package.inner" and spec.origin == str(folder / "package" / "inner.py")


def test_a_users_folders_are_looked_in_by_trying_and_what_is_installed_by_listing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path_hooks", [*sys.path_hooks])
    monkeypatch.setattr(sys, "path_importer_cache", {str(folder): FileFinder(str(folder), *LOADERS)})
    look_by_trying()
    monkeypatch.syspath_prepend(str(folder))
    assert importlib.machinery.PathFinder.find_spec("module") is not None
    assert isinstance(sys.path_importer_cache[str(folder)], TryingFinder)
    installed = str(Path(pytest.__file__).parents[1])
    assert importlib.machinery.PathFinder.find_spec("pytest") is not None
    assert type(sys.path_importer_cache[installed]) is FileFinder
