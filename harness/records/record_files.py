"""Records on disk: one JSON file, or a folder with one file for the zoo and one for each measure.

Sorted, a row a line, so that a diff of two records reads like results. A folder gathers measures that were judged at
different times on the same models; these must be the same to the last bit of their weights.
"""

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.files.strict_json import read_json
from harness.files.whole_file import write_whole
from harness.records.joining import check_same_measure, joined_with
from harness.records.schema import SCHEMA_VERSION, lifted, validate

ZOO_FILE = "zoo.json"
LEADERBOARD_FILE = "leaderboard.json"
RESERVED = (ZOO_FILE, LEADERBOARD_FILE)  # no measure is found by such a name (NOT_NAMES), nor written below


def write_record(run: Mapping[str, Any], path: Path) -> None:
    """Validate, then join the run to what is there already, each file in one step; records never lose anything.

    A folder has a file for the zoo and one for each measure; a file has all of them. Raises HarnessError, and writes
    nothing, where there are results of other models, a record of another measure of the same name, or one that has
    more than the run and cannot be joined with it (joining.py).
    """
    validate(run)
    if not path.is_dir():
        _replace(path, _joined_run(run, path) if path.exists() and path.stat().st_size else run)
        return
    zoo, renewed = run["zoo"], []
    if (path / ZOO_FILE).exists():
        known = read_json(path / ZOO_FILE)
        if known.get("schema_version") != SCHEMA_VERSION:
            known = read_record(path)
            renewed = known["entries"]
        zoo = _joined(known["zoo"], zoo, path)
    records = {record["measure"]: record for record in renewed}
    for record in run["entries"]:
        file = path / f"{record['measure']}.json"
        if file.name in RESERVED:
            raise HarnessError(f"a measure named {record['measure']} would take the place of the folder's {file.name}")
        old = records.get(record["measure"]) or (read_json(file) if file.exists() else None)
        records[record["measure"]] = record if old is None else joined_with(old, record, zoo, file)
    _replace(path / ZOO_FILE, {"schema_version": run["schema_version"], "zoo": zoo})
    for name, record in records.items():
        _replace(path / f"{name}.json", record)


def read_record(path: Path) -> dict[str, Any]:
    """A run from disk, a file or a folder, validated; one of an older version as one of this."""
    if not path.is_dir():
        run = read_run_file(path)
    elif not (path / ZOO_FILE).exists():
        raise HarnessError(f"{path} is not a record: there is no {ZOO_FILE} in it")
    else:
        run = read_json(path / ZOO_FILE)
        run["entries"] = [read_json(file) for file in record_paths(path)]
    if "zoos" in run:
        raise HarnessError(f"{path} is a leaderboard, folded from records; name the folder of the records, or a run")
    try:
        if run.get("schema_version") != SCHEMA_VERSION:
            run = lifted(run)
        validate(run)
    except HarnessError as problem:
        raise HarnessError(f"{path}: {problem}") from problem
    return run


def read_run_file(path: Path) -> dict[str, Any]:
    """The content of a run's file, not validated; of one measure's, with that of the zoo which stands beside it."""
    content = read_json(path)
    if "measure" not in content:
        return content
    if not (path.parent / ZOO_FILE).exists():
        raise HarnessError(
            f"{path} is the record of one measure, and the file of its zoo, {ZOO_FILE}, is not beside it"
        )
    return read_json(path.parent / ZOO_FILE) | {"entries": [content]}


def record_paths(folder: Path) -> list[Path]:
    """The files of the folder's measures."""
    return sorted(file for file in folder.glob("*.json") if file.name not in RESERVED)


def check_path(given: str | Path) -> None:
    """HarnessError, before training, if a record could not be written there, or in place of what is not a record.

    A folder that is written as one, with / at its end, is made.
    """
    path = Path(given).absolute()
    if str(given).endswith(("/", os.sep)) and path.parent.is_dir():
        with contextlib.suppress(OSError):  # a file of that name, no right to: the sentence below says so
            path.mkdir(exist_ok=True)
    folder = path if path.is_dir() else path.parent
    if not _can_write_in(folder):
        raise HarnessError(f"--leaderboard={path} cannot be written; name a file in a folder that exists, or a folder")
    if path.is_file() and path.stat().st_size:
        _check_is_run(path)


def _can_write_in(folder: Path) -> bool:
    """Tried, since rights do not say all of it: a file system may be read-only, or full."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def check_names(measures: Iterable[tuple[str, str]], path: Path) -> None:
    """HarnessError, before any training, if a record of another measure of the same name is at `path`.

    `measures` are names and origins, as records have them.
    """
    for name, origin in measures if path.is_dir() else ():
        if (file := path / f"{name}.json").exists():
            old = read_json(file)
            if "origin" in old:
                check_same_measure(old, {"measure": name, "origin": origin}, file)


def check_zoo(definition: Mapping[str, Any], path: Path) -> None:
    """HarnessError, before any training, if what is recorded at `path` is of another zoo than the one defined so."""
    file = path / ZOO_FILE if path.is_dir() else path
    if file.exists() and file.stat().st_size:
        content = read_json(file)
        known = content.get("zoo") if isinstance(content, dict) else None
        if isinstance(known, dict) and "name" in known and isinstance(known.get("definition", {}), dict):
            # what else may be wrong with it is said where it is read
            _check_same_zoo(known, {"name": definition["name"], "definition": definition}, path)


def as_text(content: Mapping[str, Any]) -> str:
    """Sorted and indented, except that a list of plain values stands on one line."""
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    # No string of JSON holds a line break, so what is matched is the layout.
    return re.sub(r"\[\n\s+([^\[\]{}\n]*(?:,\n\s+[^\[\]{}\n]*)*)\n\s+\]", _on_one_line, text) + "\n"


def _on_one_line(match: re.Match[str]) -> str:
    return "[" + re.sub(r",\n\s+", ", ", match[1]) + "]"


def _check_is_run(path: Path) -> dict[str, Any]:
    """The content. HarnessError if the file is not that of a run."""
    try:
        content = read_json(path)
    except HarnessError as problem:
        raise HarnessError(f"{path} is there and is not a record; name another file") from problem
    if "entries" not in content:
        raise HarnessError(f"{path} is there and is not the record of a run; name another file, or the folder it is in")
    return content


def _joined_run(run: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The run with what the file has already."""
    _check_is_run(path)
    known = read_record(path)
    zoo = _joined(known["zoo"], run["zoo"], path)
    records = {record["measure"]: record for record in known["entries"]}
    for record in run["entries"]:
        old = records.get(record["measure"])
        records[record["measure"]] = record if old is None else joined_with(old, record, zoo, path)
    return {**run, "zoo": zoo, "entries": [records[name] for name in sorted(records)]}


def _joined(old: Mapping[str, Any], new: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The zoo with the models of both. HarnessError if they are two zoos, or of other trainings."""
    _check_same_zoo(old, new, path)
    definitions = [zoo["definition"] for zoo in (old, new) if "definition" in zoo]
    for name in old["models"].keys() & new["models"].keys():
        if old["models"][name]["weights_sha256"] != new["models"][name]["weights_sha256"]:
            raise HarnessError(
                f"{path} holds results of another training of {name}, which are not to be mixed with these; "
                "write the record to a folder of its own"
            )
    larger = max(old, new, key=lambda zoo: len(zoo["models"]))  # a part of the gate has another digest
    defined = {"definition": definitions[-1]} if definitions else {}
    return {**new, **defined, "digest": larger["digest"], "models": {**new["models"], **old["models"]}}


def _check_same_zoo(old: Mapping[str, Any], new: Mapping[str, Any], path: Path) -> None:
    """By their names, and by their definitions where both have one."""
    if old["name"] != new["name"]:
        raise HarnessError(f"{path} has records on the {old['name']} zoo; name another place for this run's")
    if "definition" not in old or "definition" not in new:
        return
    one, other = old["definition"], new["definition"]
    if unlike := [part for part in {**one, **other} if one.get(part) != other.get(part)]:
        raise HarnessError(
            f"{path} has records on another zoo named {new['name']!r}: its {' and '.join(unlike)} are not these; name "
            "another place for this run's, or give the zoo another name"
        )


def _replace(path: Path, content: Mapping[str, Any]) -> None:
    write_whole(path, as_text(content))
