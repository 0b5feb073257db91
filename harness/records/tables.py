"""A run as tables in Markdown, for the project's documents: they are written by a command, never by hand."""

import collections
import statistics
from collections.abc import Collection, Mapping
from typing import Any

from harness.records.schema import CONTROLS
from harness.zoo.zoo import GATE

COLUMNS = {
    "same data": ("same_data", "same_data", "wins", ".0f"),
    "attack": ("corrupted_labels", "attack_dose", "kendall_tau", "z.2f"),
    "corrupted": ("corrupted_labels", "corrupted_fraction", "kendall_tau", "z.2f"),
    "decay": ("regularizers", "weight_decay", "fraction", "z.0%"),
    "dropout": ("regularizers", "dropout", "fraction", "z.0%"),
    "crop": ("regularizers", "random_crop", "fraction", "z.0%"),
    "early stop": ("early_stopping", "three_epochs", "fraction", "z.0%"),
    "equal steps": ("stopping_rule", "equal_steps", "wins", ".0f"),
    "fewer images": ("sample_size", "scarce_images", "kendall_tau", "z.2f"),
    "shuffled": ("shuffled_pixels", "shuffled_pixels", "wins", ".0f"),
    "grid": ("hyperparameters", "grid", "granulated_tau", "z.2f"),
}
"""The findings as columns of a table: suite, clause, the number that is shown and how."""

WORDS = ("data_only", "no_scale", "not_applicable", "error", "timeout")
"""Statuses that say more than a number."""

IN_WORDS = {"separates": "passes", "overlaps": "fails", "not_applicable": "not applicable", None: "no verdict"}


def measures_table(run: Mapping[str, Any]) -> str:
    """A line a measure, by family and name: tier, wins under each condition, the gate's verdict and source."""
    lines = [
        "| measure | tier | " + " | ".join(name.replace("_", " ") for name in GATE) + " | gate | source |",
        "| --- " * (len(GATE) + 4) + "|",
    ]
    family = ""
    for record in sorted(run["entries"], key=lambda record: (record["family"], record["measure"])):
        if record["family"] != family:
            family = record["family"]
            lines.append(f"| **{family}** |" + " |" * (len(GATE) + 3))
        lines.append(_line(record))
    return "\n".join(lines)


def families_table(run: Mapping[str, Any]) -> str:
    """A line a family: how many of its measures pass the gate. The sum is without the controls."""
    passed: collections.Counter[str] = collections.Counter()
    total: collections.Counter[str] = collections.Counter()
    for record in run["entries"]:
        total[record["family"]] += 1
        passed[record["family"]] += record["verdict"] == "separates"
    lines = ["| family | measures | pass the gate |", "| --- | --- | --- |"]
    lines += [f"| {family} | {total[family]} | {passed[family]} |" for family in sorted(total)]
    measures, through = (counted.total() - counted[CONTROLS] for counted in (total, passed))
    lines.append(f"| all but the controls | {measures} | {through} |")
    return "\n".join(lines)


def findings_table(run: Mapping[str, Any], only: Collection[str] = ()) -> str:
    """A line a measure: what it really sees. Bold where it passes; those of the gate's passes first, then by how many
    findings. `only` names the measures to show, all if empty."""
    lines = [
        "| measure | gate | " + " | ".join(COLUMNS) + " | passed |",
        "| --- " * (len(COLUMNS) + 3) + "|",
    ]
    records = [record for record in run["entries"] if not only or record["measure"] in only]
    records.sort(key=lambda record: (record["verdict"] != "separates", -len(_passed(record)), record["measure"]))
    for record in records:
        gate = min((suite["wins"] for suite in record["suites"].values()), default=0)
        gate_cell = f"**{gate}**" if record["verdict"] == "separates" else f"{gate}"
        cells = [_cell(record, *column) for column in COLUMNS.values()]
        lines.append(f"| `{record['measure']}` | {gate_cell} | {' | '.join(cells)} | {len(_passed(record))} |")
    return "\n".join(lines)


def findings_totals(run: Mapping[str, Any]) -> str:
    """A line a question: how many measures pass it, of all and of those that pass the gate, and how the others fail.

    Controls are not counted, nor is what was not asked of a measure.
    """
    lines = ["| finding | pass | of those that pass the gate | the others |", "| --- | --- | --- | --- |"]
    measures = [record for record in run["entries"] if record["family"] != CONTROLS]
    through = [record for record in measures if record["verdict"] == "separates"]
    for title, (suite, clause, _, _) in COLUMNS.items():
        found, among = _asked(measures, suite, clause), _asked(through, suite, clause)
        others = collections.Counter(finding["status"].replace("_", " ") for finding in found if not _passes(finding))
        said = ", ".join(f"{count} {status}" for status, count in sorted(others.items(), key=lambda x: (-x[1], x[0])))
        lines.append(f"| {title} | {sum(map(_passes, found))} | {sum(map(_passes, among))} of {len(among)} | {said} |")
    return "\n".join(lines)


def _asked(records: Collection[Mapping[str, Any]], suite: str, clause: str) -> list[Mapping[str, Any]]:
    known = [record["findings"].get(suite, {}) for record in records]
    return [findings[clause] for findings in known if clause in findings]


def _passes(finding: Mapping[str, Any]) -> bool:
    return not finding["problem"] and not finding["skipped"]


def _passed(record: Mapping[str, Any]) -> list[str]:
    """The columns that the measure passes."""
    known = record["findings"]
    return [
        title
        for title, (suite, clause, _, _) in COLUMNS.items()
        if clause in known.get(suite, {}) and _passes(known[suite][clause])
    ]


def _cell(record: Mapping[str, Any], suite: str, clause: str, number: str, shape: str) -> str:
    finding = record["findings"].get(suite, {}).get(clause)
    if finding is None or finding["skipped"]:
        return "-"
    if number not in finding["numbers"] or finding["status"] in WORDS:
        return finding["status"].replace("_", " ")
    text = format(finding["numbers"][number], shape)
    return f"**{text}**" if _passes(finding) else text


def gate_in_words(record: Mapping[str, Any]) -> str:
    """`passes`, or why not: `fails`, `inverted`, `not applicable`, `error`, `timeout`, `no verdict`."""
    return IN_WORDS.get(record["verdict"], record["verdict"])


def _line(record: Mapping[str, Any]) -> str:
    wins = " | ".join(str(record["suites"][name]["wins"]) if name in record["suites"] else "-" for name in GATE)
    return f"| `{record['measure']}` | {record['cost']} | {wins} | {gate_in_words(record)} | {record['source']} |"


def seconds_of(record: Mapping[str, Any]) -> float | None:
    """On one model: as test_cost measured it by itself (the median over the networks), else as it came in the run."""
    cost = [
        finding["numbers"]["seconds"]
        for finding in record["findings"].get("cost", {}).values()
        if "seconds" in finding["numbers"]
    ]
    return statistics.median(cost) if cost else record["seconds_per_model"]
