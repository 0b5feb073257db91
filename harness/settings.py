"""Where and how to run: everything that does not change a trained model."""

import dataclasses
import os
import re
import tempfile
from pathlib import Path

import platformdirs

from harness.errors import HarnessError, check_given, check_not_empty

CACHE_VARIABLE = "SHATTERPROOF_CACHE"
SHARED_CACHE_VARIABLE = "SHATTERPROOF_SHARED_CACHE"
MEASURE_TIMEOUT = 300.0  # seconds
TRAINING_TIMEOUT = 1800.0  # seconds
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Folders, device, and the processes that work: how many, where, and what is allowed to each.

    - `shared_cache`: another cache folder, which is only read: what it has need not be trained again.
    - `workers`: local processes. `dask`: the address of a cluster's scheduler, or the file that names it; its
      workers then take the place of the local ones.
    - `measure_timeout`: seconds a measure may take on one model; `training_timeout`: seconds in which a training must
      have taken a step.
    - `declared_in`: the zoo of a user's own that is worked on, as other processes find it (zoo/opening.py); "" for one
      of this project.
    - `worker_memory`: bytes of memory that a working process may use (None: as many as there are).
    """

    cache_dir: Path
    data_dir: Path
    shared_cache: Path | None = None
    device: str = "cpu"
    workers: int = 1
    dask: str | None = None
    measure_timeout: float = MEASURE_TIMEOUT
    training_timeout: float = TRAINING_TIMEOUT
    worker_memory: int | None = None
    declared_in: str = ""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make_settings(
    cache_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
    device: str = "cpu",
    workers: int | None = None,
    measure_timeout: float = MEASURE_TIMEOUT,
    training_timeout: float = TRAINING_TIMEOUT,
    worker_memory: str | None = None,
    dask: str | None = None,
    shared_cache: str | Path | None = None,
) -> Settings:
    """Settings with their defaults filled in, and checked: HarnessError says what cannot be used.

    The cache folder is the argument, else $SHATTERPROOF_CACHE, else the platform's cache folder; the shared one the
    argument, else $SHATTERPROOF_SHARED_CACHE, else none. Data are read from (and downloaded to) `data_dir`, by default
    a folder in the cache.
    """
    given = dict(locals())
    check_given(make_settings, given, _flag)
    check_not_empty(given, _flag)
    chosen = cache_dir or os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("shatterproof")
    cache = _folder(chosen, f"--cache-dir, or {CACHE_VARIABLE},")
    workers = cores() if workers is None else workers
    if workers < 1:
        raise HarnessError(f"--workers is {workers}; expected 1 or more (one process a core is the default)")
    for option, seconds in (("--measure-timeout", measure_timeout), ("--training-timeout", training_timeout)):
        if not seconds > 0:
            raise HarnessError(f"{option} is {seconds:g}; expected a number of seconds above 0")
    if dask is None:
        _check_device(device)  # else it is the cluster's workers that need it
    _check_writable(cache)
    return Settings(
        cache_dir=cache,
        data_dir=_folder(data_dir, "--data-dir") if data_dir else cache / "data",
        shared_cache=_shared(shared_cache or os.environ.get(SHARED_CACHE_VARIABLE), cache),
        device=device,
        workers=workers,
        dask=dask,
        measure_timeout=measure_timeout,
        training_timeout=training_timeout,
        worker_memory=None if worker_memory is None else in_bytes(worker_memory),
    )


def in_bytes(text: str) -> int:
    """ "2GB", "1.5 GiB" or "800m" as a number of bytes. HarnessError for anything else."""
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?)\s*([kmgt]?i?)b?", text.strip().lower())
    if found is None or found[2] not in UNITS or not float(found[1]):
        raise HarnessError(f"--worker-memory is {text!r}; expected a size above 0, such as 2GB or 1.5GiB")
    return round(float(found[1]) * UNITS[found[2]])


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _folder(given: str | Path, called: str) -> Path:
    """Its path; HarnessError where that is not one: an unknown user's home, a null byte."""
    try:
        if "\0" in str(given):
            raise ValueError("a null byte")
        return Path(given).expanduser().absolute()
    except (RuntimeError, ValueError) as cause:
        raise HarnessError(f"{called} is {str(given)!r:.200}, which is not a path here ({cause!s:.80})") from cause


def _shared(folder: str | Path | None, cache: Path) -> Path | None:
    if not folder:
        return None
    shared = _folder(folder, f"--shared-cache, or {SHARED_CACHE_VARIABLE},")
    if not shared.is_dir():
        raise HarnessError(f"the shared cache folder {shared} is not there; name another with --shared-cache")
    return None if shared.resolve() == cache.resolve() else shared


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as cause:
        raise HarnessError(
            f"the cache folder {folder} cannot be written ({cause.strerror or cause}); choose another with "
            f"--cache-dir or {CACHE_VARIABLE}, and this one as --shared-cache to use what it has"
        ) from cause


def _check_device(device: str) -> None:
    if device == "cpu":
        return
    import torch

    try:
        torch.zeros(1, device=device, dtype=torch.float64).item()  # operator norms are computed in it
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as cause:
        reason = str(cause).splitlines()[0]
        raise HarnessError(f"--device {device} cannot be used here ({reason}); use --device cpu") from cause
