"""A proposal's measures on fresh twins, whose number is drawn when it is reviewed: nobody has seen them before.

The number is in the report, so that anyone can judge on the same twins.
"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.judging.agreement import Agreement, Recorded, agreement_of
from harness.records.recorded_gate import verdicts_of

NUMBERS = 10**9


@dataclass(frozen=True)
class OnFreshTwins:
    """The gate once more: the `number` of the twins, whether it was drawn (or given, to repeat a review), the run."""

    number: int
    drawn: bool
    run: Mapping[str, Any] | None


def draw() -> int:
    """A number that nobody knew before: of the system's random source."""
    return 1 + secrets.randbelow(NUMBERS)


def agreements(run: Mapping[str, Any], fresh: OnFreshTwins) -> dict[str, Agreement]:
    """How each measure of the run fares on fresh twins beside the zoo itself."""
    again = {entry["measure"]: entry for entry in fresh.run["entries"]} if fresh.run else {}
    found = {}
    for entry in run["entries"]:
        name = entry["measure"]
        if name not in again:
            found[name] = Agreement(name, fresh.number, missing="it gave nothing there")
        elif again[name]["source_sha256"] != entry["source_sha256"]:
            found[name] = Agreement(name, fresh.number, missing="its source changed between the two runs")
        else:
            recorded = Recorded(verdicts_of(entry), missing="it has no verdict on the zoo itself")
            found[name] = agreement_of(name, fresh.number, recorded, verdicts_of(again[name]))
    return found


def failures(run: Mapping[str, Any], found: Mapping[str, Agreement]) -> Iterator[str]:
    """A sentence for each measure that passes on the zoo and does not pass, or cannot be compared, on fresh twins."""
    for entry in run["entries"]:
        agreement = found[entry["measure"]]
        if entry["verdict"] == "separates" and (agreement.lost or agreement.missing):
            yield f"passes on the zoo itself and not on fresh twins: {agreement}"
