"""The page's figures, as SVG that stands inside HTML: small, the same bytes for the same numbers, no id twice."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness import profile_figure
from harness.leaderboard.recompute import gaps_of, recorded_zoo, rows_of
from harness.profile import direction, profile
from harness.profile import recipes as profile_recipes
from harness.profile_figure import STYLE, WITHOUT_DATE
from harness.record_table import COLUMNS
from harness.zoo import GATE, Zoo, twins

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#767676"
SHORT = ("natural", "labels", "pixels", "gauss")
TAG = re.compile(r"<[^>]*>")
LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
IDENTIFIER = re.compile(r' id="([^"]*)"')
REFERENCE = re.compile(r'(?:href="#|url\(#)([^")]*)')
TITLES: dict[str, str] = {each: each.replace("_", " ") for each in (*GATE, *COLUMNS)}


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
    networks = list(zoo.learning_rates)
    for number, network in enumerate(networks):
        axes = figure.add_axes((0.07 + number * 0.935 / len(networks), 0.2, 0.76 / len(networks), 0.66))
        _twins(axes, rows, zoo, network)
        axes.set_title(network, fontsize=7.5)
    return figure


def _twins(axes: Axes, rows: Mapping[str, Sequence[Any]], zoo: Zoo, network: str) -> None:
    by_place: dict[int, list[float]] = {0: []}
    x: list[float | None] = []
    y: list[float | None] = []
    for place, condition in enumerate(GATE, start=1):
        for twin in (each for each in twins(zoo, condition) if each.natural.network == network):
            natural, randomized = (rows.get(each.id, [None])[0] for each in (twin.natural, twin.randomized))
            if natural is not None and place == 1:
                by_place[0].append(natural)
            if randomized is not None:
                by_place.setdefault(place, []).append(randomized)
            if natural is not None and randomized is not None:
                x += [0, place, None]
                y += [natural, randomized, None]
    axes.plot(x, y, color="#B8B8B8", linewidth=0.5, zorder=1)  # type: ignore[arg-type]
    for place, values in by_place.items():
        color, inside = (BLUE, BLUE) if place == 0 else (ORANGE, "white")
        (dots,) = axes.plot([place] * len(values), values, "o", color=color, markersize=3, markeredgewidth=0.8)
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


def heat_map(entries: Sequence[Mapping[str, Any]]) -> Figure:
    """Measures by suites: a filled square passes, a hollow one falls short, nothing was not judged."""
    columns = list(TITLES)
    height = 0.115 * len(entries) + 1.1
    figure = Figure(figsize=(7.2, height))
    axes = figure.add_axes((0.36, 0.12 / height, 0.62, 1 - 1.1 / height))
    marks: dict[bool, tuple[list[int], list[int]]] = {True: ([], []), False: ([], [])}
    for y, entry in enumerate(entries):
        for x, passed in enumerate(answers(entry)):
            if passed is not None:
                marks[passed][0].append(x)
                marks[passed][1].append(y)
    axes.plot(*marks[True], "s", color=BLUE, markersize=5, label="passes")
    axes.plot(*marks[False], "s", color=ORANGE, markerfacecolor="white", markersize=4.5, label="falls short")
    axes.axvline(len(GATE) - 0.5, color="0.6", linewidth=0.6)
    axes.set_xlim(-0.6, len(columns) - 0.4)
    axes.set_ylim(len(entries) - 0.4, -0.6)
    axes.set_yticks(range(len(entries)), [_named(entry) for entry in entries], fontsize=6)
    axes.set_xticks(range(len(columns)), [TITLES[each] for each in columns], rotation=60, ha="left", fontsize=7)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=2)
    axes.spines[:].set_visible(False)
    for label, entry in zip(axes.get_yticklabels(), entries, strict=True):
        label.set_color("0.45" if entry["role"] != "measure" else "black")
    return figure


def _named(entry: Mapping[str, Any]) -> str:
    beside = {"control": " (control)", "oracle": " (oracle)"}.get(entry["role"], "")
    return plain(entry["measure"]) + beside


def answers(entry: Mapping[str, Any]) -> list[bool | None]:
    """Passed or not, by gate and findings, in the order of TITLES; None where it was not judged."""
    found: list[bool | None] = [
        entry["gate"][each]["verdict"] == "separates" if each in entry["gate"] else None for each in GATE
    ]
    for suite, clause, _, _ in COLUMNS.values():
        finding = entry["findings"].get(suite, {}).get(clause)
        found.append(None if finding is None else finding["passed"])
    return found


def cost_against_findings(entries: Sequence[Mapping[str, Any]]) -> Figure:
    """Seconds a model against the findings passed; filled: passes the gate."""
    figure = Figure(figsize=(7.2, 3.2))
    axes = figure.add_axes((0.08, 0.15, 0.9, 0.78))
    for passes, role in ((True, "measure"), (False, "measure"), (True, "control"), (False, "control")):
        some = [
            each
            for each in entries
            if each["role"] == role and (each["verdict"] == "separates") == passes and each["seconds_per_model"]
        ]
        color = GREY if role == "control" else BLUE if passes else ORANGE
        label = f"{role}s that {'pass' if passes else 'fail'} the gate"
        axes.plot(
            [each["seconds_per_model"] for each in some],
            [each["findings_passed"] for each in some],
            "o" if role == "measure" else "D",
            color=color,
            markerfacecolor=color if passes else "white",
            markersize=4,
            label=label,
        )
    axes.set_xscale("log")
    axes.set_xlabel("seconds a model (median in the run)")
    axes.set_ylabel("findings passed")
    most = max((each["findings_asked"] for each in entries), default=0)
    axes.axhline(most, color=GREY, linewidth=0.8, linestyle="--")
    axes.text(0.995, most, "the oracle ", transform=axes.get_yaxis_transform(), ha="right", va="bottom", color=GREY)
    axes.set_ylim(-0.5, most + 1)
    axes.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(0, 0.92))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def plain(text: str) -> str:
    """Text that matplotlib takes for no formula."""
    return text.replace("$", r"\$")
