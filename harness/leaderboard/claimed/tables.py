"""Claimed and found as text: a table in Markdown, and a sentence for each data set."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.leaderboard.claimed.found import CLAIMS

DASH = "–"


def claims_text(claims: Mapping[str, Any], every: bool = False) -> str:
    """The claims of what the leaderboard has of them; `every`: also of sources that claim nothing."""
    return "\n".join([*_table(claims, every), "", *sentences(claims)])


def sentences(claims: Mapping[str, Any]) -> list[str]:
    """How many claims of each kind hold on each data set, how many do not, and of how many nothing can be said."""
    said = []
    for kind in CLAIMS:
        counts = {name: counted[kind] for name, counted in claims["data_sets"].items()}
        verb = "separates" if kind == CLAIMS[0] else "does not separate"
        parts = [_counted(name, each) for name, each in counts.items()]
        said.append(
            f"Of published claims that a measure {verb} random labels: {'; '.join(parts) or 'none is recorded'}."
        )
    return said


def _counted(data_set: str, counts: Mapping[str, int]) -> str:
    few = f", {counts['too_few_units']} have too few units" if counts["too_few_units"] else ""
    wrong = counts["claims"] - counts["hold"] - counts["too_few_units"]
    return f"of {counts['claims']} on {data_set.replace('_', ' ')} {counts['hold']} hold, {wrong} do not{few}"


def _table(claims: Mapping[str, Any], every: bool) -> Iterator[str]:
    data_sets = list(claims["data_sets"])
    titles = ["measure", "claimed", "checked", *(f"found on {name.replace('_', ' ')}" for name in data_sets)]
    yield f"| {' | '.join(titles)} |"
    yield "| --- " * len(titles) + "|"
    for name, claim in sorted(claims["measures"].items(), key=lambda each: _place(*each)):
        if claim["found"] and (every or claim["says"] in CLAIMS):
            place = f" ({claim['place']})" if claim["place"] else ""
            found = [_found(claim["found"].get(data_set)) for data_set in data_sets]
            cells = [f"`{name}`", claim["says"] + place, claim["checked"], *found]
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _place(name: str, claim: Mapping[str, Any]) -> tuple[int, str]:
    order = (*CLAIMS, "nothing", "unknown")
    return order.index(claim["says"]), name


def _found(found: Mapping[str, Any] | None) -> str:
    """`7 of 8: holds`, `2 of 6, 4 lost (2 without a value): does not hold`."""
    if found is None:
        return DASH
    lost = f", {found['lost']} lost" if found["lost"] else ""
    said = {True: ": holds", False: ": does not hold", None: ""}[found["holds"]]
    without = f" ({found['without_value']} without a value)" if found["without_value"] else ""
    return f"{found['won']} of {found['units']}{lost}{without}{said}"
