"""Under which name does a cache folder have its models? Under one that nobody can guess.

A model's folder is named by the digest of its recipe, which anybody can compute. A stranger's measure that is kept
from reading may still ask for a file's size and times, wherever it can guess the path (Landlock has no word for that),
and sizes tell how many epochs a network took. So all that is named by keys lies in `store/`, in a folder with a random
name.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

STORE = "store"
EARLIER = ("models", "retrained", "quarantine", "refused", "tmp", "locks")
"""What earlier versions had in the cache folder itself."""
BYTES = 16
LOCK_SECONDS = 10.0


def found_in(cache_dir: Path) -> Path:
    """The secret folder; the cache folder itself where there is none, as in one of an earlier version."""
    with contextlib.suppress(OSError):
        if names := sorted(os.listdir(cache_dir / STORE)):
            return cache_dir / STORE / names[0]
    return cache_dir


def made_in(cache_dir: Path) -> Path:
    """The same, made where there is none yet, with what an earlier version has left in the cache folder moved there.

    Where nothing can be written, the cache folder itself: whoever wants to write says why he cannot.
    """
    if (found := found_in(cache_dir)) != cache_dir:
        return found
    with contextlib.suppress(OSError), _locked(cache_dir) as moving:
        if found_in(cache_dir) == cache_dir:
            _make(cache_dir, moving)
    return found_in(cache_dir)


def _make(cache_dir: Path, moving: bool) -> None:
    """Published by one rename, so that a process that looks sees everything or nothing."""
    half_moved = sorted(cache_dir.glob(f"{STORE}-*/*")) if moving else []  # by a process that was killed meanwhile
    inner = half_moved[0] if half_moved else cache_dir / _named(f"{STORE}-") / _named()
    inner.mkdir(parents=True, exist_ok=True)
    moved = _earlier(cache_dir)
    try:
        for name in moved:
            os.rename(cache_dir / name, inner / name)
        os.rename(inner.parent, cache_dir / STORE)
    except OSError:
        for name in moved:
            with contextlib.suppress(OSError):
                os.rename(inner / name, cache_dir / name)
        for empty in (inner, inner.parent):  # what could not be moved back stays where it is
            with contextlib.suppress(OSError):
                empty.rmdir()
        raise


def _named(prefix: str = "") -> str:
    return f"{prefix}{secrets.token_hex(BYTES)}"


def _earlier(cache_dir: Path) -> list[str]:
    return [name for name in EARLIER if (cache_dir / name).is_dir()]


@contextlib.contextmanager
def _locked(cache_dir: Path) -> Iterator[bool]:
    """Whether something is, or was, to be moved: that is done by one process at a time. Else a rename decides which
    process was first, as it does where locks do not work."""
    path = cache_dir / f"{STORE}.lock"
    moving = path.exists() or bool(_earlier(cache_dir))
    with contextlib.ExitStack() as held:
        if moving:
            with contextlib.suppress(Timeout, OSError, NotImplementedError):
                held.enter_context(FileLock(path, timeout=LOCK_SECONDS))
        yield moving
