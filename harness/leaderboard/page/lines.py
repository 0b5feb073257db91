"""Measures by name, over all zoos, in the order of the leaderboard: there is no rank by a count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.leaderboard.groups import ROLES
from harness.leaderboard.page.cells import Record, Standing


@dataclass(frozen=True)
class Line:
    """A measure and what is known of it on each zoo, by the zoo's name; `records` lack the oracle."""

    measure: str
    standings: Mapping[str, Standing]
    records: Mapping[str, Record]

    @property
    def first(self) -> Standing:
        """Of the first zoo that has it: its family, tier and source are shown."""
        return next(iter(self.standings.values()))

    @property
    def current(self) -> dict[str, Standing]:
        """On zoos of this protocol."""
        return {zoo: each for zoo, each in self.standings.items() if each["headline"] is not None}


def lines_of(leaderboard: Mapping[str, Any], runs: Mapping[str, Any], zoos: Sequence[str]) -> list[Line]:
    """A line a measure. Complete measures, the oracle, controls, what is incomplete, what is of an older protocol; in
    each of these as the first of the `zoos` that has them orders them."""
    found: dict[str, dict[str, Standing]] = {}
    places: dict[str, tuple[bool, bool, int, int, int]] = {}
    for number, zoo in enumerate(zoos):
        for place, standing in enumerate(leaderboard["zoos"][zoo]["entries"]):
            older, incomplete = standing["headline"] is None, not standing["complete"]
            where = (older, incomplete, ROLES.index(standing["role"]), number, place)
            name = standing["measure"]
            found.setdefault(name, {})[zoo] = standing
            places[name] = min(places.get(name, where), where)
    records = {zoo: {record["measure"]: record for record in runs[zoo]["entries"]} for zoo in zoos}
    return [
        Line(name, found[name], {zoo: records[zoo][name] for zoo in found[name] if name in records[zoo]})
        for name in sorted(found, key=places.__getitem__)
    ]
