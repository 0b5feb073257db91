"""Records on disk: one JSON file, or a folder with one file for the zoo and one for each measure.

Sorted, a row a line, so that a diff of two records reads like results. A folder gathers measures that were judged at
different times on the same models; these must be the same to the last bit of their weights.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.record_schema import SCHEMA_VERSION, lifted, validate
from harness.strict_json import read_json
from harness.whole_file import write_whole

ZOO_FILE = "zoo.json"
LEADERBOARD_FILE = "leaderboard.json"
RESERVED = (ZOO_FILE, LEADERBOARD_FILE)  # a measure of such a name is refused below


def write_record(record: Mapping[str, Any], path: Path) -> None:
    """Validate, then replace the file in one step; in a folder, the zoo's file and those of the record's measures.

    Raises HarnessError if a folder holds results of other models.
    """
    validate(record)
    if not path.is_dir():
        _replace(path, record)
        return
    zoo = record["zoo"]
    if (path / ZOO_FILE).exists():
        known = read_json(path / ZOO_FILE)
        if known.get("schema_version") != SCHEMA_VERSION:
            known = read_record(path)
            for entry in known["entries"]:
                _replace(path / f"{entry['measure']}.json", entry)
        zoo = _joined(known["zoo"], zoo, path)
    for entry in record["entries"]:
        if (taken := f"{entry['measure']}.json") in RESERVED:
            raise HarnessError(f"a measure named {entry['measure']} would take the place of the folder's {taken}")
    _replace(path / ZOO_FILE, {"schema_version": record["schema_version"], "zoo": zoo})
    for entry in record["entries"]:
        _replace(path / f"{entry['measure']}.json", entry)


def read_record(path: Path) -> dict[str, Any]:
    """A run from disk, a file or a folder, validated; one of an older version as one of this."""
    if not path.is_dir():
        run = read_json(path)
    elif not (path / ZOO_FILE).exists():
        raise HarnessError(f"{path} is no record: there is no {ZOO_FILE} in it")
    else:
        run = read_json(path / ZOO_FILE)
        run["entries"] = [read_json(each) for each in record_paths(path)]
    if "zoos" in run:
        raise HarnessError(f"{path} is a leaderboard, folded from records; name the folder of the records, or a run")
    try:
        if run.get("schema_version") != SCHEMA_VERSION:
            run = lifted(run)
        validate(run)
    except HarnessError as problem:
        raise HarnessError(f"{path}: {problem}") from problem
    return run


def record_paths(folder: Path) -> list[Path]:
    """The files of the folder's measures."""
    return sorted(each for each in folder.glob("*.json") if each.name not in RESERVED)


def check_place(path: Path) -> None:
    """HarnessError, before any training, if a record could not be written there."""
    folder = path if path.is_dir() else path.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise HarnessError(f"--leaderboard={path} cannot be written; name a file in a folder that exists, or a folder")


def as_text(content: Mapping[str, Any]) -> str:
    """Sorted and indented, except that a list of plain values stands on one line."""
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    # No string of JSON holds a line break, so what is matched is the layout.
    return re.sub(r"\[\n\s+([^\[\]{}\n]*(?:,\n\s+[^\[\]{}\n]*)*)\n\s+\]", _on_one_line, text) + "\n"


def _on_one_line(match: re.Match[str]) -> str:
    return "[" + re.sub(r",\n\s+", ", ", match[1]) + "]"


def _joined(old: Mapping[str, Any], new: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The zoo with the models of both."""
    for name in old["models"].keys() & new["models"].keys():
        if old["models"][name]["weights_sha256"] != new["models"][name]["weights_sha256"]:
            raise HarnessError(
                f"{path} holds results of another training of {name}, which are not to be mixed with these; "
                "write the record to a folder of its own"
            )
    larger = max(old, new, key=lambda zoo: len(zoo["models"]))  # a part of the gate has another digest
    return {**new, "digest": larger["digest"], "models": {**new["models"], **old["models"]}}


def _replace(path: Path, content: Mapping[str, Any]) -> None:
    write_whole(path, as_text(content))
