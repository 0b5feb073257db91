"""The page's figures, as SVG that stands inside HTML: small, the same bytes for the same numbers, no id twice."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.leaderboard.recompute import recorded_zoo, rows_of
from harness.records import profile_figure
from harness.records.colours import BLUE, GREY, ORANGE
from harness.records.measure_profile import direction, profile
from harness.records.measure_profile import recipes as profile_recipes
from harness.records.profile_figure import STYLE, WITHOUT_DATE
from harness.records.recorded_outcomes import gaps_of
from harness.records.tables import COLUMNS
from harness.zoo.zoo import GATE, Zoo, twins

SHORT = ("natural", "labels", "pixels", "gauss")
TAG = re.compile(r"<[^>]*>")
LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
IDENTIFIER = re.compile(r' id="([^"]*)"')
REFERENCE = re.compile(r'(?:href="#|url\(#)([^")]*)')
TITLES: dict[str, str] = {name: name.replace("_", " ") for name in (*GATE, *COLUMNS)}


def svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an SVG element for assistive technology too. `name`, of the page's own making, is in every id."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=WITHOUT_DATE[".svg"])
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = TAG.sub(lambda tag: LONG_NUMBER.sub(_rounded, tag[0]), text)  # places, not what is written there
    used = set(REFERENCE.findall(text))
    text = IDENTIFIER.sub(lambda match: f' id="{name}-{match[1]}"' if match[1] in used else "", text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r"\s*\n\s*", "\n", re.sub(r"<!--.*?-->", "", text, flags=re.S))
    label = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def style() -> Any:
    """The context to draw in."""
    return matplotlib.style.context(["default", STYLE])


def strip(record: Mapping[str, Any], zoo: Zoo) -> Figure:
    """A panel a network: the values of natural and of randomized twins, joined."""
    rows = record["rows"]
    figure = Figure(figsize=(7.2, 1.9))
    networks = list(zoo.networks)
    for number, network in enumerate(networks):
        axes = figure.add_axes((0.07 + number * 0.935 / len(networks), 0.2, 0.76 / len(networks), 0.66))
        _twins(axes, rows, zoo, network)
        axes.set_title(network, fontsize=7.5)
    return figure


def _twins(axes: Axes, rows: Mapping[str, Sequence[Any]], zoo: Zoo, network: str) -> None:
    by_position: dict[int, list[float]] = {0: []}
    x: list[float | None] = []
    y: list[float | None] = []
    for position, condition in enumerate(GATE, start=1):
        for twin in (twin for twin in twins(zoo, condition) if twin.natural.network == network):
            natural, randomized = (rows.get(recipe.id, [None])[0] for recipe in (twin.natural, twin.randomized))
            if natural is not None and position == 1:
                by_position[0].append(natural)
            if randomized is not None:
                by_position.setdefault(position, []).append(randomized)
            if natural is not None and randomized is not None:
                x += [0, position, None]
                y += [natural, randomized, None]
    axes.plot(x, y, color="#B8B8B8", linewidth=0.5, zorder=1)  # type: ignore[arg-type]
    for position, values in by_position.items():
        color, inside = (BLUE, BLUE) if position == 0 else (ORANGE, "white")
        (dots,) = axes.plot([position] * len(values), values, "o", color=color, markersize=3, markeredgewidth=0.8)
        dots.set_markerfacecolor(inside)
    axes.set_xlim(-0.4, len(SHORT) - 0.6)
    axes.set_xticks(range(len(SHORT)), SHORT, fontsize=6.5)
    axes.locator_params(axis="y", nbins=4)
    axes.tick_params(axis="y", labelsize=6.5, length=2)
    axes.tick_params(axis="x", length=0)
    axes.spines[["top", "right"]].set_visible(False)


def intervention_profile(record: Mapping[str, Any], described: Mapping[str, Any]) -> Figure | None:
    """How far each intervention moves the measure; None where the record does not have the networks."""
    zoo, row = recorded_zoo(described), rows_of(record)
    if not all(recipe.id in record["rows"] for recipe in profile_recipes(zoo)):
        return None

    def value(recipe: Any) -> float | None:
        return row(recipe).value

    steps = profile(zoo, value, gaps_of(described))
    return profile_figure.draw(steps, plain(record["measure"]), zoo.name, direction(zoo, value))


def heat_map(standings: Sequence[Mapping[str, Any]]) -> Figure:
    """Measures by suites: a filled square passes, a hollow one falls short, nothing was not judged."""
    columns = list(TITLES)
    height = 0.115 * len(standings) + 1.1
    figure = Figure(figsize=(7.2, height))
    axes = figure.add_axes((0.36, 0.12 / height, 0.62, 1 - 1.1 / height))
    marks: dict[bool, tuple[list[int], list[int]]] = {True: ([], []), False: ([], [])}
    for y, standing in enumerate(standings):
        for x, passed in enumerate(findings_passed(standing)):
            if passed is not None:
                marks[passed][0].append(x)
                marks[passed][1].append(y)
    axes.plot(*marks[True], "s", color=BLUE, markersize=5, label="passes")
    axes.plot(*marks[False], "s", color=ORANGE, markerfacecolor="white", markersize=4.5, label="falls short")
    axes.axvline(len(GATE) - 0.5, color="0.6", linewidth=0.6)
    axes.set_xlim(-0.6, len(columns) - 0.4)
    axes.set_ylim(len(standings) - 0.4, -0.6)
    axes.set_yticks(range(len(standings)), [_named(standing) for standing in standings], fontsize=6)
    axes.set_xticks(range(len(columns)), [TITLES[column] for column in columns], rotation=60, ha="left", fontsize=7)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=2)
    axes.spines[:].set_visible(False)
    for label, standing in zip(axes.get_yticklabels(), standings, strict=True):
        label.set_color("0.45" if standing["role"] != "measure" else "black")
    return figure


def _named(standing: Mapping[str, Any]) -> str:
    beside = {"control": " (control)", "oracle": " (oracle)"}.get(standing["role"], "")
    return plain(standing["measure"]) + beside


def findings_passed(standing: Mapping[str, Any]) -> list[bool | None]:
    """Passed or not, by gate and findings, in the order of TITLES; None where it was not judged."""
    found: list[bool | None] = [
        standing["gate"][condition]["verdict"] == "separates" if condition in standing["gate"] else None
        for condition in GATE
    ]
    for suite, clause, _, _ in COLUMNS.values():
        finding = standing["findings"].get(suite, {}).get(clause)
        found.append(None if finding is None else finding["passed"])
    return found


def cost_against_findings(standings: Sequence[Mapping[str, Any]]) -> Figure:
    """Seconds a model against the findings passed; filled: passes the gate."""
    figure = Figure(figsize=(7.2, 3.2))
    axes = figure.add_axes((0.08, 0.15, 0.9, 0.78))
    for passes, role in ((True, "measure"), (False, "measure"), (True, "control"), (False, "control")):
        some = [
            standing
            for standing in standings
            if standing["role"] == role
            and (standing["verdict"] == "separates") == passes
            and standing["seconds_per_model"]
        ]
        color = GREY if role == "control" else BLUE if passes else ORANGE
        label = f"{role}s that {'pass' if passes else 'fail'} the gate"
        axes.plot(
            [standing["seconds_per_model"] for standing in some],
            [standing["findings_passed"] for standing in some],
            "o" if role == "measure" else "D",
            color=color,
            markerfacecolor=color if passes else "white",
            markersize=4,
            label=label,
        )
    axes.set_xscale("log")
    axes.set_xlabel("seconds a model (median in the run)")
    axes.set_ylabel("findings passed")
    most = max((standing["findings_asked"] for standing in standings), default=0)
    axes.axhline(most, color=GREY, linewidth=0.8, linestyle="--")
    axes.text(0.995, most, "the oracle ", transform=axes.get_yaxis_transform(), ha="right", va="bottom", color=GREY)
    axes.set_ylim(-0.5, most + 1)
    axes.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(0, 0.92))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def plain(text: str) -> str:
    """Text that matplotlib takes for no formula."""
    return text.replace("$", r"\$")
