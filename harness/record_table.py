"""A record as tables in Markdown, for the project's documents: they are written by a command, never by hand."""

import collections
import statistics
from collections.abc import Collection, Mapping
from typing import Any

from harness.zoo import GATE

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

ANSWERS = {"separates": "passes", "overlaps": "fails", "not_applicable": "not applicable", None: "no verdict"}


def measures_table(record: Mapping[str, Any]) -> str:
    """A line a measure, by family and name: its tier, wins under each condition, the gate's answer, time and source."""
    lines = [
        "| measure | tier | " + " | ".join(each.replace("_", " ") for each in GATE) + " | gate | s/model | source |",
        "| --- " * (len(GATE) + 5) + "|",
    ]
    family = ""
    for entry in sorted(record["entries"], key=lambda each: (each["family"], each["measure"])):
        if entry["family"] != family:
            family = entry["family"]
            lines.append(f"| **{family}** |" + " |" * (len(GATE) + 4))
        lines.append(_line(entry))
    return "\n".join(lines)


def families_table(record: Mapping[str, Any]) -> str:
    """A line a family: how many of its measures pass the gate."""
    passed: collections.Counter[str] = collections.Counter()
    total: collections.Counter[str] = collections.Counter()
    for entry in record["entries"]:
        total[entry["family"]] += 1
        passed[entry["family"]] += entry["verdict"] == "separates"
    lines = ["| family | measures | pass the gate |", "| --- | --- | --- |"]
    lines += [f"| {family} | {total[family]} | {passed[family]} |" for family in sorted(total)]
    lines.append(f"| all | {total.total()} | {passed.total()} |")
    return "\n".join(lines)


def findings_table(record: Mapping[str, Any], only: Collection[str] = ()) -> str:
    """A line a measure: what it really sees. Bold where it passes; those of the gate's passes first, then by how many
    findings. `only` names the measures to show, all if empty."""
    lines = [
        "| measure | gate | " + " | ".join(COLUMNS) + " | passed |",
        "| --- " * (len(COLUMNS) + 3) + "|",
    ]
    entries = [each for each in record["entries"] if not only or each["measure"] in only]
    entries.sort(key=lambda each: (each["verdict"] != "separates", -len(_passed(each)), each["measure"]))
    for entry in entries:
        gate = min((suite["wins"] for suite in entry["suites"].values()), default=0)
        gate_cell = f"**{gate}**" if entry["verdict"] == "separates" else f"{gate}"
        cells = [_cell(entry, *column) for column in COLUMNS.values()]
        lines.append(f"| `{entry['measure']}` | {gate_cell} | {' | '.join(cells)} | {len(_passed(entry))} |")
    return "\n".join(lines)


def findings_totals(record: Mapping[str, Any]) -> str:
    """A line a question: how many measures pass it, of all and of those that pass the gate, and how the others fail."""
    lines = ["| finding | pass | of those that pass the gate | the others |", "| --- | --- | --- | --- |"]
    through = [entry for entry in record["entries"] if entry["verdict"] == "separates"]
    for title, (suite, clause, _, _) in COLUMNS.items():
        found = [entry["findings"][suite][clause] for entry in record["entries"]]
        among = [entry["findings"][suite][clause] for entry in through]
        others = collections.Counter(each["status"].replace("_", " ") for each in found if not _passes(each))
        said = ", ".join(f"{count} {status}" for status, count in sorted(others.items(), key=lambda x: (-x[1], x[0])))
        lines.append(f"| {title} | {sum(map(_passes, found))} | {sum(map(_passes, among))} of {len(among)} | {said} |")
    return "\n".join(lines)


def _passes(finding: Mapping[str, Any]) -> bool:
    return not finding["problem"] and not finding["skipped"]


def _passed(entry: Mapping[str, Any]) -> list[str]:
    """The columns that the measure passes."""
    known = entry["findings"]
    return [
        title
        for title, (suite, clause, _, _) in COLUMNS.items()
        if clause in known.get(suite, {}) and _passes(known[suite][clause])
    ]


def _cell(entry: Mapping[str, Any], suite: str, clause: str, number: str, shape: str) -> str:
    finding = entry["findings"].get(suite, {}).get(clause)
    if finding is None or finding["skipped"]:
        return "-"
    if number not in finding["numbers"] or finding["status"] in WORDS:
        return finding["status"].replace("_", " ")
    text = format(finding["numbers"][number], shape)
    return f"**{text}**" if _passes(finding) else text


def gate_answer(entry: Mapping[str, Any]) -> str:
    """`passes`, or why not: `fails`, `inverted`, `not applicable`, `error`, `timeout`, `no verdict`."""
    return ANSWERS.get(entry["verdict"], entry["verdict"])


def _line(entry: Mapping[str, Any]) -> str:
    wins = " | ".join(str(entry["suites"][each]["wins"]) if each in entry["suites"] else "-" for each in GATE)
    seconds = "-" if (each := seconds_of(entry)) is None else f"{each:.2g}"
    return f"| `{entry['measure']}` | {entry['cost']} | {wins} | {gate_answer(entry)} | {seconds} | {entry['source']} |"


def seconds_of(entry: Mapping[str, Any]) -> float | None:
    """On one model: as test_cost measured it by itself (the median over the networks), else as it came in the run."""
    cost = [
        each["numbers"]["seconds"]
        for each in entry["findings"].get("cost", {}).values()
        if "seconds" in each["numbers"]
    ]
    return statistics.median(cost) if cost else entry["seconds_per_model"]
