"""Where records are: a folder with a folder for each zoo (`baselines/`), the folder of one zoo, or a run's file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.files.strict_json import read_json
from harness.records.record_files import ZOO_FILE, read_record
from harness.records.schema import SCHEMA_VERSION, digest_of


def zoo_paths(path: Path) -> list[Path]:
    """The folders and files that hold the records of one zoo each. HarnessError if there are no records."""
    if path.is_file() or (path / ZOO_FILE).exists():
        return [path]
    if not path.is_dir():
        raise HarnessError(f"{path} is not there; expected a folder with records, or the file of a run")
    if paths := sorted(file.parent for file in path.glob(f"*/{ZOO_FILE}")):
        return paths
    raise HarnessError(f"no records in {path}: neither {ZOO_FILE} nor a folder that has one; name baselines/, or a run")


def read_runs(path: Path, read: Callable[[Path], dict[str, Any]] = read_record) -> dict[str, dict[str, Any]]:
    """The run of each zoo, by its name, validated. HarnessError for what is not a record, or a zoo in two places.

    `read`: how the records of one zoo are read.
    """
    runs: dict[str, dict[str, Any]] = {}
    for zoo_path in zoo_paths(path):
        run = read(zoo_path)
        name = run["zoo"]["name"]
        if name in runs:
            raise HarnessError(f"{path} has the zoo {name} in two places, {zoo_path} is one; merge them, or name one")
        runs[name] = run
    return runs


def skim_record(file: Path) -> dict[str, Any]:
    """A record without its schema, which takes long: its digest is checked, which was made when the schema held."""
    record = read_json(file, twice=False)
    if record.get("schema_version") != SCHEMA_VERSION:
        raise HarnessError(
            f"{file} is of schema {record.get('schema_version')!r}, its zoo of {SCHEMA_VERSION}; "
            f"run leaderboard check {file.parent}"
        )
    if record.get("digest") != digest_of(record):
        raise HarnessError(f"{file} was changed after it was written; run leaderboard check {file.parent}")
    if record.get("measure") != file.stem:
        raise HarnessError(f"{file} is of {record.get('measure')!r}; a record is named for its measure")
    return record
