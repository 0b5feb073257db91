"""Records, and the leaderboard that they make, as fast as they can be had: no measure and no network is imported."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.files.strict_json import read_json
from harness.leaderboard.reading import read_runs, skim_record
from harness.records.record_files import LEADERBOARD_FILE, ZOO_FILE, read_record, record_paths
from harness.records.schema import LEADERBOARD_VERSION, SCHEMA_VERSION

Runs = Mapping[str, Mapping[str, Any]]


def contents(records: Path) -> tuple[dict[str, Any], Runs]:
    """The leaderboard of the records at a path (see reading.py), and the run of each zoo.

    Of a record in a folder the digest is checked, not the schema. The leaderboard.json that stands beside them is
    taken where it is of exactly these records; else they are folded, which takes longer. HarnessError for what is not
    a record, or was changed.
    """
    runs = read_runs(records, skimmed_run)
    derived = records / LEADERBOARD_FILE
    if derived.is_file() and is_of(folded := read_json(derived), runs):
        return folded, runs
    from harness.leaderboard.claimed.claims_file import claims_beside
    from harness.leaderboard.standings import leaderboard

    return leaderboard(runs, claims_beside(records)), runs


def skimmed_run(path: Path) -> dict[str, Any]:
    """The run at a path. Of a folder of this schema the digests are checked; all else is read and validated."""
    if not path.is_dir() or (run := read_json(path / ZOO_FILE)).get("schema_version") != SCHEMA_VERSION:
        return read_record(path)
    return {**run, "entries": [skim_record(file) for file in record_paths(path)]}


def is_of(folded: Mapping[str, Any], runs: Runs) -> bool:
    """Whether a leaderboard's content was folded from these very records."""
    if folded.get("schema_version") != LEADERBOARD_VERSION:
        return False
    theirs = {
        name: {standing["record"] for standing in part["entries"] if standing["role"] != "oracle"}
        for name, part in folded["zoos"].items()
    }
    return theirs == {name: {record["digest"] for record in run["entries"]} for name, run in runs.items()}
