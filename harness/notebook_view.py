"""How a Judgement shows: the terminal's text; for a notebook, a table and a figure of the values.

Whatever came from the measure (its name, its errors) is text there, and never markup.
"""

import dataclasses
import io
import math
from html import escape
from typing import TYPE_CHECKING

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.profile_figure import BLUE, STYLE, WITHOUT_DATE
from harness.pytest_report import COLUMNS, conclusion, findings_lines, numbers, table
from harness.zoo import GATE

if TYPE_CHECKING:
    from harness.notebook import Judgement, Value
    from harness.verdict import Verdict

ORANGE, GREY = "#D55E00", "#9A9A9A"
PANELS_ACROSS = 2
WIDTH, HEIGHT, HEAD = 3.6, 2.0, 0.5  # inches: a panel, and what stands above all of them
FAR, FARTHEST = 1e100, 1e300  # on a logarithmic axis and on any: beyond, an axis with its margins overflows
WIDE = 1000.0  # values that span more orders than this are drawn on a logarithmic axis


def as_text(judgement: "Judgement") -> str:
    """The table and the sentence of the terminal."""
    verdicts = _by_measure(judgement)
    lines = [_title(judgement), *table(verdicts), "", conclusion(judgement.measure, verdicts)[0]]
    return "\n".join([*lines, *findings_lines({judgement.measure: judgement.findings})])


def as_html(judgement: "Judgement") -> str:
    """A table of the verdicts, the sentence, what was found, and the figure."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in COLUMNS)
    body = "".join(
        f'<tr><th scope="row">{escape(condition)}</th>'
        + "".join(f"<td>{escape(text)}</td>" for text in numbers(verdict))
        + "</tr>"
        for condition, verdict in judgement.verdicts.items()
    )
    sentence, _ = conclusion(judgement.measure, _by_measure(judgement))
    explained = "".join(f"<li>{escape(verdict.explain())}</li>" for verdict in judgement.verdicts.values())
    caption = escape(f"{judgement.measure}, {_title(judgement)}")
    return (
        f"<div><table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"<p><strong>{escape(sentence)}</strong></p><ul>{explained}</ul>{_findings(judgement)}"
        f'<figure style="margin: 0">{as_svg(judgement)}</figure></div>'
    )


def as_svg(judgement: "Judgement") -> str:
    """The figure as an element of a page: the same values give the same text. White, whatever the page's colour."""
    file = io.StringIO()
    with matplotlib.style.context(["default", STYLE]):
        draw(judgement).savefig(file, format="svg", metadata=WITHOUT_DATE[".svg"])
    text = file.getvalue()
    text = text[text.index("<svg") :].replace("*{stroke-linejoin", ".shatterproof *{stroke-linejoin", 1)
    label = escape(f"{judgement.measure} on natural models and on their randomized twins, by network", quote=True)
    return text.replace("<svg", f'<svg class="shatterproof" role="img" aria-label="{label}"', 1)


def draw(judgement: "Judgement") -> Figure:
    """A panel a network: the natural value and the randomized one of every twin, joined."""
    networks = list(dict.fromkeys(value.network for value in judgement.values))
    down = math.ceil(len(networks) / PANELS_ACROSS)
    height = HEAD + down * HEIGHT
    figure = Figure(figsize=(PANELS_ACROSS * WIDTH, height), facecolor="white")
    grid = figure.add_gridspec(
        down, PANELS_ACROSS, left=0.1, right=0.98, bottom=0.35 / height, top=1 - 0.75 / height, hspace=0.45, wspace=0.25
    )
    for number, network in enumerate(networks):
        axes = figure.add_subplot(grid[divmod(number, PANELS_ACROSS)])
        axes.set_title(network, fontsize=8, loc="left", parse_math=False)
        _panel(axes, [value for value in judgement.values if value.network == network])
    title = f"{judgement.measure}, {judgement.zoo} zoo"
    figure.text(0.02, 1 - 0.2 / height, title, fontsize=9, fontweight="bold", parse_math=False)
    handles = [
        Line2D([], [], color=BLUE, marker="o", markersize=4, linestyle="none", label="natural"),
        _randomized([], []),
        Line2D([], [], color=GREY, linewidth=0.8, label="larger on the randomized twin"),
        Line2D([], [], color="black", linewidth=0.8, linestyle="--", label="not larger"),
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.01, 1 - 0.22 / height),
        frameon=False,
        ncols=4,
        fontsize=7,
        columnspacing=1.2,
    )
    return figure


def _panel(axes: Axes, values: "list[Value]") -> None:
    values = [dataclasses.replace(each, value=_within(each.value)) for each in values]
    natural = {each.seed: each.value for each in values if each.condition not in GATE}
    for place, condition in enumerate(GATE):
        for each in (each for each in values if each.condition == condition):
            before, after = natural.get(each.seed), each.value
            if before is not None and after is not None:
                color, dashes = (GREY, "-") if after > before else ("black", "--")
                ends = ([place - 0.2, place + 0.2], [before, after])
                axes.plot(*ends, color=color, linestyle=dashes, linewidth=0.8, zorder=1)
            if before is not None:
                axes.plot([place - 0.2], [before], color=BLUE, marker="o", markersize=4, linestyle="none")
            if after is not None:
                axes.add_line(_randomized([place + 0.2], [after]))
    drawn = [each.value for each in values if each.value is not None]
    if not drawn:
        axes.text(0.5, 0.5, "no value", transform=axes.transAxes, ha="center", style="italic")
        axes.set_yticks([])
    elif min(drawn) > 1 / FAR and max(drawn) < FAR and max(drawn) / min(drawn) > WIDE:
        axes.set_yscale("log")
    axes.set_xlim(-0.5, len(GATE) - 0.5)
    axes.set_xticks(range(len(GATE)), [condition.replace("_", " ") for condition in GATE])
    axes.spines[["top", "right"]].set_visible(False)


def _within(value: float | None) -> float | None:
    return value if value is None else min(max(value, -FARTHEST), FARTHEST)


def _randomized(x: list[float], y: list[float]) -> Line2D:
    mark = {"marker": "s", "markersize": 4.0, "markerfacecolor": "white", "linestyle": "none"}
    return Line2D(x, y, color=ORANGE, label="randomized", zorder=3, **mark)  # type: ignore[arg-type]


def _findings(judgement: "Judgement") -> str:
    if not judgement.findings:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("question", "answer", "found"))
    body = "".join(
        f'<tr><th scope="row">{escape(question)}: {escape(name)}</th><td>{escape(each.status or "not judged")}</td>'
        f"<td>{escape(each.detail or each.skipped or each.problem)}</td></tr>"
        for question, answers in judgement.findings.items()
        for name, each in answers.items()
    )
    caption = f"What {escape(judgement.measure)} really sees"
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _by_measure(judgement: "Judgement") -> "dict[tuple[str, str], Verdict]":
    return {(judgement.measure, condition): verdict for condition, verdict in judgement.verdicts.items()}


def _title(judgement: "Judgement") -> str:
    return f"{judgement.zoo} zoo, {next(iter(judgement.verdicts.values())).pairs} twins a condition"
