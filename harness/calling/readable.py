"""Which files a stranger's measure may read: what an import needs, and no data.

That is Python's own library, what is installed (without the data sets that packages bring), shared libraries, this
project's code, and what can be imported from the folders that imports are looked for in: Python files and packages.
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
DATA_IN_PACKAGES = ("sklearn/datasets/data", "sklearn/datasets/images", "sklearn/datasets/descr")


def readable(search: Sequence[str], packages: Iterable[Path] = ()) -> tuple[list[Path], list[Path]]:
    """(files and folders to read, folders to list) for a process that looks for imports in `search`.

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
    for path in (*installed, *_existing(map(Path, LIBRARIES)), *modules, *linked):
        read |= set(_without(path.resolve(), withheld, above))
    listed = {*installed, *own, *(folder for folder in above if folder in installed)}
    return sorted(read), sorted(listed)


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
        is_module = entry.is_file() and path.resolve().suffix in (
            ".py",
            ".so",
            ".pyd",
        )  # the suffix of what it links to
        if is_module or (entry.is_dir() and (path / "__init__.py").is_file()):
            yield path
