"""Where and how to run: everything that does not change a trained model."""

import dataclasses
import os
import tempfile
from pathlib import Path

import platformdirs

from harness.errors import HarnessError

CACHE_VARIABLE = "SHATTERPROOF_CACHE"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Folders, device, number of local processes, and seconds a measure may take on one model."""

    cache_dir: Path
    data_dir: Path
    device: str = "cpu"
    workers: int = 1
    measure_timeout: float = 300.0


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make_settings(
    cache_dir: str | None = None,
    data_dir: str | None = None,
    device: str = "cpu",
    workers: int | None = None,
    measure_timeout: float = 300.0,
) -> Settings:
    """Settings with their defaults filled in, and checked: HarnessError says what cannot be used.

    The cache folder is the argument, else $SHATTERPROOF_CACHE, else the platform's cache folder; data are read
    from (and downloaded to) `data_dir`, by default a folder in the cache.
    """
    chosen = cache_dir or os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("shatterproof")
    cache = Path(chosen).expanduser().absolute()
    workers = cores() if workers is None else workers
    if workers < 1:
        raise HarnessError(f"--workers is {workers}; expected 1 or more (one process a core is the default)")
    if not measure_timeout > 0:
        raise HarnessError(f"--measure-timeout is {measure_timeout:g}; expected a number of seconds above 0")
    _check_device(device)
    _check_writable(cache)
    return Settings(
        cache_dir=cache,
        data_dir=Path(data_dir).expanduser().absolute() if data_dir else cache / "data",
        device=device,
        workers=workers,
        measure_timeout=measure_timeout,
    )


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as cause:
        raise HarnessError(
            f"the cache folder {folder} cannot be written ({cause.strerror or cause}); choose another with "
            f"--cache-dir or {CACHE_VARIABLE}"
        ) from cause


def _check_device(device: str) -> None:
    if device == "cpu":
        return
    import torch

    try:
        torch.empty(1, device=device, dtype=torch.float64)  # operator norms are computed in it
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as cause:
        reason = str(cause).splitlines()[0]
        raise HarnessError(f"--device {device} cannot be used here ({reason}); use --device cpu") from cause
