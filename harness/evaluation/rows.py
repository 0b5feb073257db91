"""Rows: a measure's value on a model, or why it has none. They are kept on disk, a line each, and used again."""

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

from harness.calling.reading import RowStatus, is_standard_error
from harness.errors import HarnessError
from harness.training.recipe import canonical_json


@dataclasses.dataclass(frozen=True)
class Row:
    """One measure on one model: its value, or the reason why there is no value.

    `source_sha256` is of the measure's source (source_digest.py), `recipe` the recipe's key, `weights_sha256`
    of the stored model. `traceback` is there where the measure raised; `standard_error` where it told its value's.
    """

    measure: str
    version: int
    source_sha256: str
    recipe: str
    weights_sha256: str
    status: RowStatus
    value: float | None
    reason: str
    seconds: float
    traceback: str = ""
    standard_error: float | None = None

    @property
    def validity(self) -> tuple[str, int, str, str, str]:
        """What the row is about; a row found under the same key need not be computed again."""
        return (self.measure, self.version, self.source_sha256, self.recipe, self.weights_sha256)


class RowCache:
    """Rows on disk, a file a measure, a line a row; every line carries a digest of itself.

    Only values and not_applicable are taken up again: an error or a timeout may be gone the next time.
    """

    def __init__(self, cache_dir: Path):
        self.folder = cache_dir / "rows"

    def read(
        self, measures: Iterable[str], usable: bool = True
    ) -> tuple[dict[tuple[str, int, str, str, str], Row], int]:
        """Rows that can be used again, by what they are about, and how many lines were damaged (and left out).

        Unless only the `usable` ones are asked for, the last row of any status.
        """
        found: dict[tuple[str, int, str, str, str], Row] = {}
        damaged = 0
        for measure in measures:
            path = self.folder / f"{measure}.jsonl"
            for line in _lines(path):
                row = _parse(line)
                if row is None:
                    damaged += 1
                elif row.status in ("value", "not_applicable") or not usable:
                    found[row.validity] = row
        return found, damaged

    def append(self, row: Row) -> None:
        """One line, flushed, in one write, so that runs side by side cannot tear each other's lines."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{row.measure}.jsonl"
        content = dataclasses.asdict(row)
        if row.standard_error is None:
            del content["standard_error"]  # a row without one is the line that it was before there were any
        line = canonical_json({"row": content, "sha256": _digest(content)}).encode() + b"\n"
        with open(path, "ab+", buffering=0) as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    line = b"\n" + line  # a killed run left half a line, which stays on a line of its own
            file.write(line)


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines() if path.exists() else []
    except OSError as cause:  # a folder, or somebody else's
        raise HarnessError(
            f"the values in {path} cannot be read ({cause.strerror or cause}); move it out of the way"
        ) from cause


def _parse(line: bytes) -> Row | None:
    try:
        content: dict[str, Any] = json.loads(line)
        row = Row(**content["row"])
        return row if content["sha256"] == _digest(content["row"]) and _is_row(row) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _is_row(row: Row) -> bool:
    """Whether it is one that we would write: its value is a finite number if its status is "value", else None."""
    number = type(row.value) in (int, float) and math.isfinite(row.value)  # type: ignore[arg-type]
    if row.standard_error is not None and not (row.status == "value" and is_standard_error(row.standard_error)):
        return False
    return row.status in get_args(RowStatus) and (number if row.status == "value" else row.value is None)


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()[:16]
