"""What a result was measured on: versions, processor, threads, commit."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "pytest", "shatterproof")


def environment(device: str, workers: int) -> dict[str, Any]:
    """A description for a record; `commit` and `dirty` are None outside a git checkout."""
    commit = _git("rev-parse", "HEAD")
    status = _git("status", "--porcelain")
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu(),
        "gpu": _gpu(device),
        "threads_per_worker": 1,
        "workers": workers,
        "commit": commit,
        "dirty": None if status is None else bool(status),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    """What git says of this checkout, without its refreshing the index (others may be using the checkout)."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None  # installed: the checkout that site-packages may lie in is somebody else's
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _gpu(device: str) -> str | None:
    if device == "cpu":
        return None
    import torch

    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device
