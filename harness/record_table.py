"""A record as tables in Markdown, for the project's documents: they are written by a command, never by hand."""

import collections
from collections.abc import Mapping
from typing import Any

from harness.zoo import GATE

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


def gate_answer(entry: Mapping[str, Any]) -> str:
    """`passes`, or why not: `fails`, `inverted`, `not applicable`, `error`, `timeout`, `no verdict`."""
    return ANSWERS.get(entry["verdict"], entry["verdict"])


def _line(entry: Mapping[str, Any]) -> str:
    wins = " | ".join(str(entry["suites"][each]["wins"]) if each in entry["suites"] else "-" for each in GATE)
    seconds = "-" if entry["seconds_per_model"] is None else f"{entry['seconds_per_model']:.2g}"
    return f"| `{entry['measure']}` | {entry['cost']} | {wins} | {gate_answer(entry)} | {seconds} | {entry['source']} |"
