"""What an import needs can be read: installed packages, this project's code, a stranger's modules. No data."""

import sys
import sysconfig
from pathlib import Path

import pytest
import sklearn
import torch

from harness.calling import readable as module
from harness.calling.readable import readable
from tests import ROOT

MODULES = ("mine.py", "package/__init__.py", "package/inner/__init__.py")


def covers(read: list[Path], file: Path) -> bool:
    """Whether one of them is the file, or a folder around it."""
    return any(path == file.resolve() or path in file.resolve().parents for path in read)


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """A folder with a measure, a package, and data beside them."""
    (tmp_path / "cache" / "models").mkdir(parents=True)
    (tmp_path / "cache" / "models" / "entry.json").write_text("{}")
    folder = tmp_path / "stranger"
    for name in ("package/inner", "package/models", "data"):
        (folder / name).mkdir(parents=True)
    for name in (*MODULES, "package/table.json", "package/models/entry.json", "data/answers.json", "notes.txt"):
        (folder / name).touch()
    (folder / "looks_like.py").symlink_to(tmp_path / "cache" / "models" / "entry.json")
    (folder / "linked").symlink_to(tmp_path / "cache")
    (folder / "other.py").symlink_to(folder / "mine.py")
    return folder


def test_of_a_strangers_folder_modules_and_packages_are_read(stranger: Path) -> None:
    read, listed = readable([str(stranger)])
    for name in (*MODULES, "other.py", "package/table.json"):
        assert covers(read, stranger / name), name
    for name in ("data/answers.json", "notes.txt", "looks_like.py", "linked/models/entry.json"):
        assert not covers(read, stranger / name), name
    assert not covers(listed, stranger)


@pytest.mark.parametrize("how", ["searched", "linked"])
def test_of_a_package_no_folder_without_python_files_is_read(how: str, stranger: Path) -> None:
    read, _ = readable([str(stranger)]) if how == "searched" else readable([], [stranger / "package"])
    assert covers(read, stranger / "package" / "inner" / "__init__.py")
    assert not covers(read, stranger / "package" / "models" / "entry.json")


def test_this_project_has_code_to_read_and_no_outcomes(stranger: Path) -> None:
    read, _ = readable([str(ROOT), str(stranger)])
    assert covers(read, ROOT / "measures" / "registry.py")
    assert covers(read, ROOT / "harness" / "calling" / "readable.py")
    for name in ("baselines/digits/zoo.json", "suites/test_gate.py", ".git/config", "tests/conftest.py"):
        assert not covers(read, ROOT / name), name


def test_installed_packages_are_read_without_the_data_sets_that_they_bring() -> None:
    read, _ = readable([*sys.path])
    assert covers(read, Path(torch.__file__))
    assert covers(read, Path(sklearn.__file__))
    assert covers(read, Path(sysconfig.get_paths()["stdlib"]) / "json" / "__init__.py")
    data = Path(sklearn.__file__).parent / "datasets" / "data"
    assert (data / "digits.csv.gz").exists()
    assert [path for path in data.iterdir() if covers(read, path)] == []


@pytest.mark.parametrize("how", ["named", "searched", "installed"])
def test_whichever_way_a_package_is_found_its_data_sets_are_withheld(how: str, tmp_path: Path) -> None:
    """A measure's module may stand in such a package, and a package in a folder of the user's."""
    folder = tmp_path / ("site-packages" if how == "installed" else "linked")
    package = folder / "sklearn"
    (package / "datasets" / "data").mkdir(parents=True)
    for name in ("__init__.py", "mine.py", "datasets/__init__.py", "datasets/data/digits.csv.gz"):
        (package / name).touch()
    read, _ = readable([] if how == "named" else [str(folder)], [] if how == "searched" else [package])
    assert covers(read, package / "__init__.py") and covers(read, package / "mine.py")
    assert covers(read, package / "datasets" / "__init__.py")
    assert not covers(read, package / "datasets" / "data" / "digits.csv.gz")


def test_where_the_project_itself_is_installed_its_neighbours_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel's root is the folder of all that is installed."""
    installed = tmp_path / "lib" / "site-packages"
    for name in ("harness", "measures", "torch", "baselines/digits"):
        (installed / name).mkdir(parents=True)
    for name in ("torch/__init__.py", "measures/registry.py", "baselines/digits/zoo.json"):
        (installed / name).touch()
    monkeypatch.setattr(module, "ROOT", installed)
    read, _ = readable([str(installed)])
    assert covers(read, installed / "torch" / "__init__.py")
    assert covers(read, installed / "measures" / "registry.py")
    assert not covers(read, installed / "baselines" / "digits" / "zoo.json")


def test_a_folder_of_the_users_is_not_installed_because_it_stands_in_one_that_is_named_after_python(
    tmp_path: Path,
) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (tmp_path / version / "mine" / "cache").mkdir(parents=True)
    (tmp_path / version / "mine" / "measure.py").touch()
    read, _ = readable([str(tmp_path / version / "mine")])
    assert covers(read, tmp_path / version / "mine" / "measure.py")
    assert not covers(read, tmp_path / version / "mine" / "cache")


def test_a_package_that_is_linked_to_another_place_is_read_there(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "__init__.py").touch()
    read, _ = readable([], [tmp_path / "elsewhere"])
    assert covers(read, tmp_path / "elsewhere" / "__init__.py")


def test_the_system_is_not_read_but_for_a_few_files() -> None:
    read, _ = readable([])
    for name in ("/etc/passwd", "/proc/1/environ", f"{Path.home()}/.bashrc", "/dev/shm", "/var/log"):
        assert not covers(read, Path(name)), name
    assert covers(read, Path("/dev/urandom")) or not Path("/dev/urandom").exists()
