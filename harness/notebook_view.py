"""How a judgement shows: the terminal's text, and HTML with a figure for notebooks, light and dark."""

import html
import io
from typing import TYPE_CHECKING

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.profile_figure import STYLE, WITHOUT_DATE
from harness.pytest_report import conclusion, findings_lines, table
from harness.verdict import SIGNIFICANCE
from harness.zoo import GATE

if TYPE_CHECKING:
    from harness.notebook import Judgement

COLUMNS = ("randomized", "wins", "ties", "p", "AUC [95%]", "tau", "verdict")
COLORS = {"true_labels": "#0072B2", "random_labels": "#D55E00", "random_pixels": "#CC79A7", "gaussian": "#7A5C00"}
MARKERS = {"true_labels": "o", "random_labels": "s", "random_pixels": "^", "gaussian": "D"}
PAGE = "background:#fff;color:#222;padding:0.8em 1em;display:inline-block;max-width:100%;overflow-x:auto"
CELL = "padding:0.15em 0.7em;text-align:left;background:#fff;color:#222"


def as_text(judgement: "Judgement") -> str:
    """The table of the terminal, the sentence, and the findings."""
    verdicts = {(judgement.measure, condition): verdict for condition, verdict in judgement.verdicts.items()}
    lines = [*table(verdicts), "", conclusion(judgement.measure, verdicts)[0]]
    if judgement.findings:
        lines += findings_lines({judgement.measure: judgement.findings})
    lines += _reasons(judgement)
    return "\n".join(lines)


def as_html(judgement: "Judgement") -> str:
    """The same as HTML, every text escaped, with the values as a figure; its background is its own."""
    verdicts = {(judgement.measure, condition): verdict for condition, verdict in judgement.verdicts.items()}
    sentence, passed = conclusion(judgement.measure, verdicts)
    head = "".join(f'<th scope="col" style="{CELL}">{html.escape(each)}</th>' for each in COLUMNS)
    rows = "".join(_row(judgement, condition) for condition in GATE if condition in judgement.verdicts)
    caption = f"{judgement.measure} on the {judgement.zoo} zoo: wins of twins (sign test, p < {SIGNIFICANCE} is needed)"
    more = [*findings_lines({judgement.measure: judgement.findings})] if judgement.findings else []
    text = "\n".join([*more, *_reasons(judgement)]).strip("\n")
    return (
        f'<div style="{PAGE}"><p style="margin:0 0 0.5em"><strong>{"✓" if passed else "✗"} {html.escape(sentence)}'
        f'</strong></p><table style="border-collapse:collapse"><caption style="caption-side:bottom;text-align:left;'
        f'color:#444">{html.escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        + (f'<pre style="color:#222;background:#fff;white-space:pre">{html.escape(text)}</pre>' if text else "")
        + f"{as_svg(judgement)}</div>"
    )


def _row(judgement: "Judgement", condition: str) -> str:
    verdict = judgement.verdicts[condition]
    area = "-"
    if verdict.auc is not None and verdict.auc_interval is not None:
        area = f"{verdict.auc:.2f} [{verdict.auc_interval[0]:.2f}, {verdict.auc_interval[1]:.2f}]"
    cells = [
        f"{verdict.wins}/{verdict.pairs}",
        str(verdict.ties),
        f"{verdict.p_value:.2g}",
        area,
        "-" if verdict.kendall_tau is None else f"{verdict.kendall_tau:.2f}",
        verdict.status.replace("_", " "),
    ]
    columns = "".join(f'<td style="{CELL}">{html.escape(each)}</td>' for each in cells)
    return f'<tr><th scope="row" style="{CELL};font-weight:normal">{condition.replace("_", " ")}</th>{columns}</tr>'


def _reasons(judgement: "Judgement") -> list[str]:
    """Why there are values missing: the first reason of each condition."""
    missing: dict[str, str] = {}
    for each in judgement.values:
        if each.value is None:
            missing.setdefault(each.condition, each.reason)
    return [f"no value on {condition.replace('_', ' ')}: {reason}" for condition, reason in missing.items()]


def as_svg(judgement: "Judgement") -> str:
    """The values for each network, natural and randomized, twins joined. The same values give the same SVG."""
    buffer = io.StringIO()
    with matplotlib.style.context(["default", STYLE, {"svg.hashsalt": f"{judgement.measure}"}]):
        draw(judgement).savefig(buffer, format="svg", metadata=WITHOUT_DATE[".svg"])
    return buffer.getvalue()[buffer.getvalue().index("<svg") :]


def draw(judgement: "Judgement") -> Figure:
    """A panel a network."""
    networks = list(dict.fromkeys(each.network for each in judgement.values))
    figure = Figure(figsize=(2.1 * max(len(networks), 2), 2.4), layout="constrained")
    panels = figure.subplots(1, max(len(networks), 1), squeeze=False)[0]
    for axes, network in zip(panels, networks, strict=False):
        _strip(axes, judgement, network)
    if networks:
        panels[0].set_ylabel(judgement.measure.replace("$", r"\$"))
    return figure


def _strip(axes: Axes, judgement: "Judgement", network: str) -> None:
    conditions = ["true_labels", *GATE]
    by_seed: dict[int, dict[str, float]] = {}
    for each in judgement.values:
        if each.network == network and each.value is not None:
            by_seed.setdefault(each.seed, {})[each.condition] = each.value
    for values in by_seed.values():
        for place, condition in enumerate(GATE, start=1):
            if "true_labels" in values and condition in values:
                twin = [values["true_labels"], values[condition]]
                axes.plot([0, place], twin, color="#CCCCCC", linewidth=0.6, zorder=1)
    for place, condition in enumerate(conditions):
        known = [values[condition] for values in by_seed.values() if condition in values]
        style = {"color": COLORS[condition], "marker": MARKERS[condition], "s": 14, "zorder": 2}
        axes.scatter([place] * len(known), known, **style)  # type: ignore[arg-type]
    axes.set_xticks(range(len(conditions)), ["natural", "labels", "pixels", "gauss"], rotation=30, fontsize=7)
    axes.tick_params(axis="y", labelsize=7)
    axes.set_title(network, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
