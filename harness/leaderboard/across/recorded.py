"""The records of all zoos of a folder, read for what their units say: only their digests are checked, as build does."""

from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.files.strict_json import read_json
from harness.leaderboard.across.witnessed import Witnessed, witnessed
from harness.leaderboard.reading import skim_record, zoo_paths
from harness.records.record_files import ZOO_FILE, read_record, record_paths
from harness.records.schema import PROTOCOL, SCHEMA_VERSION

Told = list[tuple[dict[str, Any], list[Witnessed]]]
"""Zoos as they are described, each with what its records of this protocol say."""


def recorded(path: Path) -> Told:
    """What the records at `path` (leaderboard/reading.py) say of units.

    HarnessError for what is not a record or was changed, and where none is of this protocol.
    """
    found = [_told(zoo_path) for zoo_path in zoo_paths(path)]
    if not any(told for _, told in found):
        raise HarnessError(f"no record in {path} is of protocol {PROTOCOL}, in which units are decided")
    return found


def _told(path: Path) -> tuple[dict[str, Any], list[Witnessed]]:
    if path.is_dir() and (content := read_json(path / ZOO_FILE)).get("schema_version") == SCHEMA_VERSION:
        records = map(skim_record, record_paths(path))
    else:
        content = read_record(path)
        records = iter(content["entries"])
    return content["zoo"], [said for record in records if (said := witnessed(record)) is not None]
