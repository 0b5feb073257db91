"""Which files a stranger's measure may read: what an import needs, and no data.

That is Python's own library, what is installed (without the data sets that packages bring), shared libraries, this
project's code, and what can be imported from the folders that imports are looked for in: Python files, and of packages
the folders with Python files. Trained networks and data may lie beside these, and no folder of a user's is listed: who
may list one may list all that is in it. Imports find what is there by trying (imports.py).
"""

import itertools
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = ("harness", "measures")  # folders of this project with code and no outcomes
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/etc/localtime")
SYSTEM = ("/dev/urandom", "/dev/random", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu")
MODULES = (".py", ".so", ".pyd")
DATA_IN_PACKAGES = ("sklearn/datasets/data", "sklearn/datasets/images", "sklearn/datasets/descr")


def readable(search: Sequence[str], packages: Iterable[Path] = ()) -> tuple[list[Path], list[Path]]:
    """(files and folders to read, installed folders to list) for a process that looks for imports in `search`.

    `packages` are folders and files to read beside: a package that an installation has linked to another place.
    """
    installed = _existing(map(Path, {*sysconfig.get_paths().values(), sys.base_prefix + "/lib", *sys.path, *search}))
    installed = [folder for folder in installed if is_installed(folder)]
    own = [folder for folder in _existing(map(Path, search)) if folder not in installed and folder.is_dir()]
    linked = _existing(packages)
    withheld = {
        folder / data
        for folder in [*installed, *own, *_package_folders(), *(package.parent for package in linked)]
        for data in DATA_IN_PACKAGES
        if (folder / data).exists()
    } | {ROOT / "baselines"}  # which stands among the packages where this project is installed from a wheel
    above = {folder for data in withheld for folder in data.parents}
    read = {*_existing(map(Path, SYSTEM)), *(ROOT / name for name in CODE)}
    modules = [path for folder in own for path in _importable(folder)]
    modules += [path for package in linked for path in _with_code(package)]
    for path in (*installed, *_existing(map(Path, LIBRARIES)), *modules):
        read |= set(_without(path.resolve(), withheld, above))
    return sorted(read), installed


def _existing(paths: Iterable[Path]) -> list[Path]:
    return sorted({path.resolve() for path in paths if str(path) not in ("", ".") and path.exists()})


def is_installed(folder: Path) -> bool:
    """Python's own library, or packages that were installed; not a folder of the user's."""
    if not folder.is_dir() or (ROOT == folder and ROOT.name not in ("site-packages", "dist-packages")):
        return False
    parts = folder.parts
    versioned = f"python{sys.version_info.major}.{sys.version_info.minor}"
    its_own = {("lib", versioned), ("lib64", versioned), ("include", versioned)} & {*itertools.pairwise(parts)}
    return "site-packages" in parts or "dist-packages" in parts or bool(its_own)


def _package_folders() -> Iterator[Path]:
    for root in ("/usr/lib", "/usr/local/lib", sys.base_prefix + "/lib"):
        yield from Path(root).glob("python3*/*-packages")


def _without(folder: Path, withheld: set[Path], above: set[Path]) -> Iterator[Path]:
    """The folder, in such parts that what is withheld is in none of them; `above` are the folders that it is in."""
    if folder in above and folder not in withheld:
        for entry in os.scandir(folder):
            path = Path(entry.path)
            if not entry.is_symlink():
                yield from _without(path, withheld, above) if entry.is_dir() else [path]
    elif folder not in withheld:
        yield folder


def _importable(folder: Path) -> Iterator[Path]:
    """Python files, compiled modules, and packages in a user's folder; of this project's own its code alone."""
    if folder == ROOT:
        yield from folder.glob("*.py")
        return
    for entry in os.scandir(folder):
        path = Path(entry.path)
        if _is_module(entry):
            yield path
        elif entry.is_dir() and (path / "__init__.py").is_file():
            yield from [path.resolve()] if is_installed(path) else _with_code(path)


def _is_module(entry: "os.DirEntry[str]") -> bool:
    """By the name, and by that of what it links to."""
    return entry.name.endswith(MODULES) and entry.is_file() and Path(entry.path).resolve().suffix in MODULES


def _with_code(path: Path) -> Iterator[Path]:
    """A module, or a package in such parts that a folder in it without Python files is in none of them."""
    if not path.is_dir():
        yield path
        return
    with os.scandir(path) as entries:
        inside = [entry for entry in entries if not entry.is_symlink() and entry.name != "__pycache__"]
    folders = [Path(entry.path) for entry in inside if entry.is_dir()]
    parts = [part for folder in folders for part in _with_code(folder)]
    if any(map(_is_module, inside)):
        if parts == folders:
            yield path
            return
        yield from (Path(entry.path) for entry in inside if entry.is_file())
    yield from parts
