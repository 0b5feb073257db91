"""Where would mine rank? A record from anywhere, put among those of a leaderboard without being added to them."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.files.strict_json import read_json
from harness.leaderboard.reading import read_runs, zoo_paths
from harness.leaderboard.standings import merit, skimmed, standing_of
from harness.records.record_files import ZOO_FILE, record_paths
from harness.records.schema import CONTROLS


@dataclasses.dataclass(frozen=True)
class Place:
    """A measure's rank among `ranked` measures, itself included; None, and an `obstacle`, where it can have none."""

    measure: str
    zoo: str
    rank: int | None
    ranked: int
    obstacle: str = ""
    findings_passed: int = 0
    findings_asked: int = 0

    def __str__(self) -> str:
        about = f"{self.measure} on {self.zoo}"
        if self.rank is None:
            return f"{about} has no rank: {self.obstacle}"
        found = f"passes {self.findings_passed} of the {self.findings_asked} findings that it was asked for"
        return f"{about} would rank {self.rank} of {self.ranked}: {found}"


def places(mine: Path, among: Path) -> list[Place]:
    """The place of every record at `mine` among the records of its zoo at `among`, and no other of `mine`.

    HarnessError if there are no records, or none of a zoo.
    """
    folders = {folder_zoo(folder): folder for folder in zoo_paths(among) if folder.is_dir()}
    found = []
    for name, run in read_runs(mine).items():
        if name not in folders:
            raise HarnessError(f"{among} has no records on the zoo {name}; it has {', '.join(folders) or 'none'}")
        zoo = read_json(folders[name] / ZOO_FILE)["zoo"]
        others = [skimmed(file) for file in record_paths(folders[name])]
        found += [_place(record, zoo, others) for record in run["entries"]]
    return found


def folder_zoo(folder: Path) -> str:
    """The name of the zoo whose records are in the folder."""
    return str(read_json(folder / ZOO_FILE)["zoo"]["name"])


def _place(record: Mapping[str, Any], zoo: Mapping[str, Any], others: list[dict[str, Any]]) -> Place:
    own = standing_of(record)
    ranked = [merit(other) for other in others if _has_rank(other) and other["measure"] != own["measure"]]
    obstacle = next(_obstacles(record, own, zoo), "")
    rank = None if obstacle else 1 + sum(other < merit(own) for other in ranked)
    counts = (own["findings_passed"], own["findings_asked"])
    return Place(own["measure"], record["zoo"]["name"], rank, len(ranked) + 1, obstacle, *counts)


def _has_rank(standing: Mapping[str, Any]) -> bool:
    return bool(standing["role"] == "measure" and standing["complete"])


def _obstacles(record: Mapping[str, Any], own: Mapping[str, Any], zoo: Mapping[str, Any]) -> Iterator[str]:
    if record["family"] == CONTROLS:
        yield "controls have none"
    if not own["complete"]:
        yield "its record is incomplete; run all of the gate"
    if record["zoo"]["digest"] != zoo["digest"]:
        yield "it was measured on other networks or other data"
