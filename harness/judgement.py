"""How a Judgement shows: the terminal's text; for a notebook, a table and a figure of the values.

Whatever came from the measure (its name, its errors) is text there, and never markup.
"""

import dataclasses
import io
import math
from collections.abc import Sequence
from html import escape

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.evaluation.finding import Finding
from harness.judging.agreement import Agreement
from harness.judging.units.decision import Unit
from harness.judging.verdict import Verdict, gate_verdict
from harness.records.colours import BLUE, LIGHT_GREY, ORANGE
from harness.records.profile_figure import STYLE, WITHOUT_DATE
from harness.records.summary import COLUMNS, conclusion, counted, findings_lines, numbers, reads_lines, table, titled
from harness.training.recipe import Condition

PANELS_ACROSS = 3
WIDTH, HEIGHT, HEAD = 2.9, 1.8, 0.5  # inches: a panel, and what stands above all of them
FAR, FARTHEST = 1e100, 1e300  # on a logarithmic axis and on any: beyond, an axis with its margins overflows
WIDE = 1000.0  # values that span more orders than this are drawn on a logarithmic axis


@dataclasses.dataclass(frozen=True)
class Value:
    """The measure on one model of the gate: its value, or None and the reason. Natural models have `true_labels`."""

    data_set: str
    network: str
    seed: int
    condition: Condition
    value: float | None
    reason: str


@dataclasses.dataclass(frozen=True, repr=False)
class Judgement:
    """How a measure was judged: a verdict for each condition of the gate, its values, and what was found beyond it.

    Printed it is the table and the sentence of the terminal; a notebook shows a table and a figure of the values.

    - `measure`, `zoo`: their names.
    - `verdicts`: by condition, `random_labels`, `random_pixels` and `gaussian`, as far as they have a meaning for the
      zoo's data.
    - `values`: a Value for every model of the gate, natural and randomized.
    - `findings`: by question and clause; empty if they were not asked for.
    - `crash`: what it raised when it was tried on one tiny network, with the traceback: then there is no verdict, no
      value and no finding.
    - `agreement`: on fresh twins, how it compares with what was recorded on the zoo itself; else None.

    >>> from harness import judge
    >>> judgement = judge("parameter_count")
    >>> print(judgement)
    digits zoo, ... twins a condition
    measure          randomized     units  twins ...
    parameter_count  random_labels  0/... 0/...
    parameter_count FAILS the gate: overlaps on random labels, overlaps on random pixels, overlaps on gaussian; at ...
    >>> {value.reason for value in judgement.values}
    {''}
    """

    measure: str
    zoo: str
    verdicts: dict[Condition, Verdict]
    values: tuple[Value, ...]
    findings: dict[str, dict[str, Finding]]
    crash: str = ""
    agreement: Agreement | None = None

    @property
    def passes(self) -> bool:
        """Does it separate under every condition of the gate?"""
        return gate_verdict({name: found.status for name, found in self.verdicts.items()}, self.gate) == "separates"

    @property
    def gate(self) -> tuple[Condition, ...]:
        """The conditions of the zoo's gate."""
        return tuple(self.verdicts)

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)


def as_text(judgement: "Judgement") -> str:
    """The table and the sentence of the terminal."""
    if judgement.crash:
        return f"{judgement.measure} has no verdict: {judgement.crash}"
    verdicts = _by_measure(judgement)
    lines = [_title(judgement), *table(verdicts), "", conclusion(judgement.measure, verdicts, judgement.gate)[0]]
    lines += [f"{judgement.agreement}"] if judgement.agreement else []
    lines += [verdict.traceback.rstrip() for verdict in verdicts.values() if verdict.traceback][:1]
    findings = {judgement.measure: judgement.findings}
    return "\n".join([*lines, *findings_lines(findings), *reads_lines(findings)])


def as_html(judgement: "Judgement") -> str:
    """A table of the verdicts, the sentence, what was found, and the figure."""
    if judgement.crash:
        return f"<pre>{escape(as_text(judgement))}</pre>"
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in COLUMNS)
    body = "".join(
        f'<tr><th scope="row">{escape(condition)}</th>'
        + "".join(f"<td>{escape(text)}</td>" for text in numbers(verdict))
        + "</tr>"
        for condition, verdict in judgement.verdicts.items()
    )
    sentence, _ = conclusion(judgement.measure, _by_measure(judgement), judgement.gate)
    said = [verdict.explain() for verdict in judgement.verdicts.values()]
    said += [f"{judgement.agreement}"] if judgement.agreement else []
    explained = "".join(f"<li>{escape(sentence)}</li>" for sentence in said)
    caption = escape(f"{judgement.measure}, {_title(judgement)}")
    return (
        f"<div><table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"<p><strong>{escape(sentence)}</strong></p><ul>{explained}</ul>{_traceback(judgement)}{_findings(judgement)}"
        f'<figure style="margin: 0">{as_svg(judgement)}</figure></div>'
    )


def as_svg(judgement: "Judgement") -> str:
    """The figure as an element of a page: the same values give the same text. White, whatever the page's colour."""
    file = io.StringIO()
    with matplotlib.style.context(["default", STYLE]):
        draw(judgement).savefig(file, format="svg", metadata=WITHOUT_DATE[".svg"])
    text = file.getvalue()
    text = text[text.index("<svg") :].replace("*{stroke-linejoin", ".shatterproof *{stroke-linejoin", 1)
    label = escape(f"{judgement.measure} on natural models and on their randomized twins, by unit", quote=True)
    return text.replace("<svg", f'<svg class="shatterproof" role="img" aria-label="{label}"', 1)


def draw(judgement: "Judgement") -> Figure:
    """A panel a unit: the natural value and the randomized one of every twin, joined."""
    units = list(dict.fromkeys((value.data_set, value.network) for value in judgement.values))
    down = math.ceil(len(units) / PANELS_ACROSS)
    height = HEAD + down * HEIGHT
    figure = Figure(figsize=(PANELS_ACROSS * WIDTH, height), facecolor="white")
    grid = figure.add_gridspec(
        down, PANELS_ACROSS, left=0.1, right=0.98, bottom=0.35 / height, top=1 - 0.75 / height, hspace=0.45, wspace=0.25
    )
    for number, unit in enumerate(units):
        axes = figure.add_subplot(grid[divmod(number, PANELS_ACROSS)])
        axes.set_title(str(Unit(*unit)), fontsize=8, loc="left", parse_math=False)
        of_unit = [value for value in judgement.values if (value.data_set, value.network) == unit]
        _panel(axes, of_unit, judgement.gate)
    title = f"{judgement.measure}, {titled(judgement.zoo)}"
    figure.text(0.02, 1 - 0.2 / height, title, fontsize=9, fontweight="bold", parse_math=False)
    handles = [
        Line2D([], [], color=BLUE, marker="o", markersize=4, linestyle="none", label="natural"),
        _randomized([], []),
        Line2D([], [], color=LIGHT_GREY, linewidth=0.8, label="larger on the randomized twin"),
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


def _panel(axes: Axes, values: "list[Value]", gate: Sequence[Condition]) -> None:
    values = [dataclasses.replace(value, value=_within(value.value)) for value in values]
    natural = {value.seed: value.value for value in values if value.condition not in gate}
    for x, condition in enumerate(gate):
        for twin in (value for value in values if value.condition == condition):
            before, after = natural.get(twin.seed), twin.value
            if before is not None and after is not None:
                color, dashes = (LIGHT_GREY, "-") if after > before else ("black", "--")
                ends = ([x - 0.2, x + 0.2], [before, after])
                axes.plot(*ends, color=color, linestyle=dashes, linewidth=0.8, zorder=1)
            if before is not None:
                axes.plot([x - 0.2], [before], color=BLUE, marker="o", markersize=4, linestyle="none")
            if after is not None:
                axes.add_line(_randomized([x + 0.2], [after]))
    drawn = [value.value for value in values if value.value is not None]
    if not drawn:
        axes.text(0.5, 0.5, "no value", transform=axes.transAxes, ha="center", style="italic")
        axes.set_yticks([])
    elif min(drawn) > 1 / FAR and max(drawn) < FAR and max(drawn) / min(drawn) > WIDE:
        axes.set_yscale("log")
    axes.set_xlim(-0.5, len(gate) - 0.5)
    axes.set_xticks(range(len(gate)), [condition.replace("_", " ") for condition in gate])
    axes.spines[["top", "right"]].set_visible(False)


def _within(value: float | None) -> float | None:
    return value if value is None else min(max(value, -FARTHEST), FARTHEST)


def _randomized(x: list[float], y: list[float]) -> Line2D:
    mark = {"marker": "s", "markersize": 4.0, "markerfacecolor": "white", "linestyle": "none"}
    return Line2D(x, y, color=ORANGE, label="randomized", zorder=3, **mark)  # type: ignore[arg-type]


def _findings(judgement: "Judgement") -> str:
    if not judgement.findings:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("question", "clause", "found"))
    body = "".join(
        f'<tr><th scope="row">{escape(question)}: {escape(name)}</th><td>{escape(finding.status or "not judged")}</td>'
        f"<td>{escape(finding.detail or finding.skipped or finding.problem)}</td></tr>"
        for question, clauses in judgement.findings.items()
        for name, finding in clauses.items()
    )
    caption = f"What {escape(judgement.measure)} really sees"
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _traceback(judgement: "Judgement") -> str:
    found = [verdict.traceback for verdict in judgement.verdicts.values() if verdict.traceback]
    return f"<pre>{escape(found[0])}</pre>" if found else ""


def _by_measure(judgement: "Judgement") -> "dict[tuple[str, str], Verdict]":
    return {(judgement.measure, condition): verdict for condition, verdict in judgement.verdicts.items()}


def _title(judgement: "Judgement") -> str:
    return f"{titled(judgement.zoo)}, {counted(next(iter(judgement.verdicts.values())))}"
