"""Where would mine stand? A record from anywhere beside those of a leaderboard, without being added to them."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.files.strict_json import read_json
from harness.judging.units.headline import headline
from harness.leaderboard.dominance import dominates, merits_of
from harness.leaderboard.gate import verdicts_of
from harness.leaderboard.reading import read_runs, zoo_paths
from harness.leaderboard.standings import skimmed, standings_of
from harness.records.record_files import ZOO_FILE, record_paths
from harness.records.schema import PROTOCOL

FEW = 3  # measures are named


@dataclasses.dataclass(frozen=True)
class Place:
    """Whether a measure passes, by its worst condition; of `comparable` others, those that dominate it and those that
    it dominates (dominance.py). Nothing of these where there is an `obstacle`."""

    measure: str
    zoo: str
    passes: bool = False
    worst: str = ""
    dominated_by: tuple[str, ...] = ()
    dominates: tuple[str, ...] = ()
    comparable: int = 0
    obstacle: str = ""

    def __str__(self) -> str:
        about = f"{self.measure} on {self.zoo}"
        if self.obstacle:
            return f"{about} cannot be placed: {self.obstacle}"
        return f"{about} {'passes' if self.passes else 'fails'} the gate, at worst {self.worst}; {self.order()}"

    def order(self) -> str:
        """Its place in the partial order."""
        if not self.comparable:
            return "no other measure was asked the same"
        said = f"of {self.comparable} measures that were asked the same, {_named(self.dominated_by)} dominate it"
        return f"{said}, {_named(self.dominates)} are dominated by it"


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
        others = [standing for standing, _ in skimmed(record_paths(folders[name]), zoo)]
        found += [place_of(record, zoo, others) for record in run["entries"]]
    return found


def folder_zoo(folder: Path) -> str:
    """The name of the zoo whose records are in the folder."""
    return str(read_json(folder / ZOO_FILE)["zoo"]["name"])


def place_of(record: Mapping[str, Any], zoo: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> Place:
    """The place of a record among standings of the zoo that is described."""
    name, where = record["measure"], record["zoo"]["name"]
    if obstacle := next(_obstacles(record, zoo), ""):
        return Place(name, where, obstacle=obstacle)
    (own,) = standings_of([record], zoo)
    found = merits_of(own)
    assert found is not None  # it is complete, and of this protocol
    asked, merits = found
    known = {other["measure"]: merits_of(other) for other in others if other["measure"] != name}
    alike = {other: theirs[1] for other, theirs in known.items() if theirs is not None and theirs[0] == asked}
    return Place(
        name,
        where,
        passes=own["verdict"] == "separates",
        worst=headline(verdicts_of(record["suites"])),
        dominated_by=tuple(sorted(other for other, theirs in alike.items() if dominates(theirs, merits))),
        dominates=tuple(sorted(other for other, theirs in alike.items() if dominates(merits, theirs))),
        comparable=len(alike),
    )


def _named(measures: Sequence[str]) -> str:
    """`4 (a, b, c, ...)`."""
    if not measures:
        return "none"
    return f"{len(measures)} ({', '.join(measures[:FEW])}{', ...' if len(measures) > FEW else ''})"


def _obstacles(record: Mapping[str, Any], zoo: Mapping[str, Any]) -> Iterator[str]:
    if record["protocol"] != PROTOCOL:
        older = f"it is of protocol {record['protocol']}, which nothing of protocol {PROTOCOL} is compared with"
        yield f"{older}; run it again"
    if not record["complete"]:
        yield "its record is incomplete; run all of the gate"
    if record["zoo"]["digest"] != zoo["digest"]:
        yield "it was measured on other networks or other data"
