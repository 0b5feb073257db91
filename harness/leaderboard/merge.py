"""Records of several places in one: a union that overwrites nothing, and is whole or not there at all."""

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.files.strict_json import read_json
from harness.leaderboard.reading import read_runs
from harness.records.record_files import ZOO_FILE, record_paths, write_record


def merge(folders: Sequence[Path], target: Path) -> list[Path]:
    """Add the records of the folders to the folders of the target, one for each zoo; the files that are new.

    The target may be the folder of a zoo itself, if all records are of that zoo. HarnessError, and nothing is written,
    where they are not, where two records of one measure differ, or their models do.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}  # zoo -> measure -> record
    runs: dict[str, list[dict[str, Any]]] = {}
    for folder in folders:
        for name, run in read_runs(folder).items():
            runs.setdefault(name, []).append(run)
            for record in run["entries"]:
                _same(found.setdefault(name, {}).setdefault(record["measure"], record), record, folder)
    places = {name: _place(target, name) for name in sorted(runs)}
    for name, records in found.items():
        for path in record_paths(places[name]):
            if path.stem in records:
                _same(read_json(path), records[path.stem], places[name])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".merge-", dir=target) as private:
        prepared = {name: _prepared(runs[name], place, Path(private) / name) for name, place in places.items()}
        return [path for name, folder in prepared.items() for path in _moved(folder, places[name])]


def _place(target: Path, zoo: str) -> Path:
    """The folder of a zoo's records in the target, which may be that folder."""
    if not (target / ZOO_FILE).exists():
        return target / zoo
    own = read_json(target / ZOO_FILE)["zoo"]["name"]
    if own != zoo:
        raise HarnessError(
            f"{target} is the folder of the {own} zoo, and there are records on {zoo}; name one above it"
        )
    return target


def _same(known: Mapping[str, Any], other: Mapping[str, Any], where: Path) -> None:
    if known.get("digest") != other["digest"]:
        raise HarnessError(
            f"{other['measure']} has another record in {where}; none is overwritten: compare them, then remove one"
        )


def _prepared(runs: Sequence[Mapping[str, Any]], present: Path, private: Path) -> Path:
    """A folder with the runs and the zoo file of what is present; HarnessError where the models differ."""
    private.mkdir()
    if (present / ZOO_FILE).exists():
        shutil.copy(present / ZOO_FILE, private)
    for run in runs:
        write_record(run, private)
    return private


def _moved(folder: Path, target: Path) -> list[Path]:
    """The zoo's file first: it may have models that no record is of, but no record may be of models it has not."""
    target.mkdir(exist_ok=True)
    new = [path for path in record_paths(folder) if not (target / path.name).exists()]
    for path in [folder / ZOO_FILE, *new]:
        os.replace(path, target / path.name)
    return [target / path.name for path in new]
