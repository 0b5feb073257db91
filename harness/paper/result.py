"""What a system of the paper writes: strict JSON, our numbers beside the paper's, and what they were measured on."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.files.whole_file import write_whole
from harness.records.environment import environment

SIGNIFICANT_DIGITS = 6


def compared(ours: float | None, paper: float | None) -> dict[str, float | None]:
    """`{"ours", "paper", "difference"}`: ours minus the paper's; None for what was not measured or not reported."""
    known = ours is not None and paper is not None
    return {
        "ours": _rounded(ours),
        "paper": paper,
        "difference": _rounded(ours - paper) if known else None,  # type: ignore[operator]
    }


def write_result(folder: Path, name: str, content: dict[str, Any], device: str = "cpu", workers: int = 1) -> Path:
    """Write `folder`/`name`.json whole, with the environment it was measured in; NaN is refused."""
    folder.mkdir(parents=True, exist_ok=True)
    complete = {"system": name, "environment": environment(device, workers), **content}
    text = json.dumps(complete, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    path = folder / f"{name}.json"
    write_whole(path, text)
    return path


def read_rows(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a result written before; [] where there is none. HarnessError if another command wrote it."""
    path = folder / f"{name}.json"
    if not path.exists():
        return []
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows: list[dict[str, Any]] = content["rows"]
        if content["system"] != name:
            raise KeyError(name)
    except (ValueError, KeyError, TypeError) as cause:
        raise HarnessError(
            f"{path} is not a result of `paper {name}`; move it away, or choose another --out"
        ) from cause
    return rows


def merge_rows(
    old: Iterable[dict[str, Any]], new: Iterable[dict[str, Any]], keys: tuple[str, ...]
) -> list[dict[str, Any]]:
    """The old rows and the new ones; a new row takes the place of the old one that has the same values of `keys`."""
    return list({tuple(row.get(key) for key in keys): row for row in [*old, *new]}.values())


def _rounded(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.{SIGNIFICANT_DIGITS}g}")
