"""What a store holds that nothing needs any more: litter of killed processes, damaged models, models of old code."""

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from harness.files.private_folder import abandoned, of_other_machines
from harness.store.listing import keys, read_stored_model
from harness.store.store import Store
from harness.store.stored_model import Damaged

CHECKPOINT = ".checkpoint"


@dataclasses.dataclass(frozen=True)
class Garbage:
    """A file or folder that can go, its bytes, and why."""

    path: Path
    bytes: int
    why: str


def garbage(store: Store, old_versions: bool = False, other_machines: bool = False) -> Iterator[Garbage]:
    """All that can go; with `old_versions` also the models that this version of the training code cannot find.

    A checkpoint goes when its model is there. What belongs to a process that is alive stays, and without
    `other_machines` what belongs to another machine's, of which nobody here knows whether it is.
    """
    for path in abandoned(store.temporary):
        yield _as_garbage(path, "left by a process that was ended")
    for path in of_other_machines(store.temporary) if other_machines else []:
        yield _as_garbage(path, "left by another machine or container")
    for path in sorted(store.temporary.glob(f"*{CHECKPOINT}")):
        if store.own_folder(path.name.removesuffix(CHECKPOINT)).exists():
            yield _as_garbage(path, "the state of a training that is done")
    for path in sorted(store.quarantine.glob("*")):
        yield _as_garbage(path, "a damaged model, set aside")
    for path in sorted(store.locks.glob("*.lock")):
        yield _as_garbage(path, "a lock")
    if old_versions:
        for key in keys(store):
            with contextlib.suppress(Damaged):
                stored = read_stored_model(store.own_folder(key))
                if stored.recipe.key != key:
                    yield _as_garbage(store.own_folder(key), f"{stored.recipe.id} as another version trained it")


def remove(found: Garbage) -> bool:
    """Whether it could be removed; a lock that is held stays."""
    if found.path.suffix == ".lock":
        return _remove_lock(found.path)
    if found.path.is_dir() and not found.path.is_symlink():
        shutil.rmtree(found.path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            found.path.unlink()
    return not os.path.lexists(found.path)


def _remove_lock(path: Path) -> bool:
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except (Timeout, OSError, NotImplementedError):
        return False
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    lock.release()
    return True


def _as_garbage(path: Path, why: str) -> Garbage:
    files = [path] if path.is_file() else path.rglob("*")
    size = 0
    for file in files:
        with contextlib.suppress(OSError):
            size += file.lstat().st_size
    return Garbage(path, size, why)
