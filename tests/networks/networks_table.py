"""Which measure gives a value on which kind of network: the section of measures/README.md, and what writes it.

python -m tests.networks.networks_table
"""

import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from harness.calling.call import read
from harness.calling.reading import Reading
from harness.evaluation.measure_lookup import find_measures
from measures import Measure
from tests.networks.modern_networks import NETWORKS, fitted

README = Path(__file__).parents[2] / "measures" / "README.md"
TIERS = ("fast", "slow")
HEADING = "### {tier} measures on networks of each kind\n"
INTRODUCTION = """
Small networks of these kinds ([modern_networks.py](../tests/networks/modern_networks.py)) were trained on a few images,
and asked for each measure. ✓ is a value; a number is the reason why there is none, below. Written by
`python -m tests.networks.networks_table`, never by hand.
"""

Readings = Mapping[str, Mapping[str, Reading]]  # by network, then by measure


def measures_of(tier: str) -> list[Measure]:
    """This catalogue's, without those that tests registered."""
    return [m for m in find_measures(["all"]) if m.cost == tier and m.origin.startswith("measures.")]


def readings(measures: Iterable[Measure]) -> Readings:
    with warnings.catch_warnings(action="ignore"):  # of torch, that something is slow
        return {name: {measure.name: read(measure, fitted(name)) for measure in measures} for name in NETWORKS}


def counts(found: Readings) -> dict[str, int]:
    """On each network, how many measures give a value."""
    return {name: sum(r.status == "value" for r in of_network.values()) for name, of_network in found.items()}


def section(tier: str, found: Readings) -> str:
    """A section of the README: a line for all measures that do alike, the counts, and the reasons."""
    reasons: dict[str, int] = {}
    alike: dict[tuple[str, ...], list[str]] = {}
    for measure in next(iter(found.values())):
        marks = []
        for of_network in found.values():
            reading = of_network[measure]
            number = None if reading.status == "value" else reasons.setdefault(reading.reason, len(reasons) + 1)
            marks.append("✓" if number is None else str(number))
        alike.setdefault(tuple(marks), []).append(measure)
    total = sum(map(len, alike.values()))
    lines = [f"| measures | {' | '.join(found)} |", "| --- |" + " --- |" * len(found)]
    for marks, measures in sorted(alike.items(), key=lambda item: -len(item[1])):
        every = all(mark == "✓" for mark in marks)
        names = f"the other {len(measures)}" if every else ", ".join(f"`{measure}`" for measure in measures)
        lines.append(f"| {names} | {' | '.join(marks)} |")
    lines.append(f"| **with a value, of {total}** | {' | '.join(map(str, counts(found).values()))} |")
    notes = [re.sub("'([^']*)'", r"`\1`", f"{number}. {reason}") for reason, number in reasons.items()]
    return _heading(tier) + INTRODUCTION + "\n" + "\n".join(lines) + "\n\n" + "\n".join(notes) + "\n\n"


def written(readme: str, tier: str, new: str) -> str:
    """The README with this section in place of the old one of its tier."""
    start = readme.index(_heading(tier))
    following = re.compile(r"^##", re.M).search(readme, start + len(_heading(tier)))
    assert following is not None
    return readme[:start] + new + readme[following.start() :]


def _heading(tier: str) -> str:
    return HEADING.format(tier=tier.capitalize())


if __name__ == "__main__":
    torch.set_num_threads(1)
    for tier in TIERS:
        README.write_text(written(README.read_text(), tier, section(tier, readings(measures_of(tier)))))
