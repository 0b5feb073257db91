"""A run as tables in Markdown, for the project's documents: they are written by a command, never by hand."""

import collections
import statistics
from collections.abc import Collection, Mapping
from typing import Any

from harness.records.schema import CONTROLS
from harness.zoo.zoo import GATE

COLUMNS = {
    "same data": ("same_data", "same_data", "won", ".0f"),
    "attack": ("corrupted_labels", "attack_dose", "kendall_tau", "z.2f"),
    "corrupted": ("corrupted_labels", "corrupted_fraction", "kendall_tau", "z.2f"),
    "decay": ("regularizers", "weight_decay", "excess", "z.0%"),
    "dropout": ("regularizers", "dropout", "excess", "z.0%"),
    "crop": ("regularizers", "random_crop", "excess", "z.0%"),
    "shuffled": ("shuffled_pixels", "shuffled_pixels", "fraction", "z.0%"),
    "early stop": ("early_stopping", "three_epochs", "fraction", "z.0%"),
    "equal steps": ("stopping_rule", "equal_steps", "won", ".0f"),
    "equal error": ("stopping_rule", "equal_error", "won", ".0f"),
    "fewer images": ("sample_size", "scarce_images", "kendall_tau", "z.2f"),
    "grid": ("hyperparameters", "grid", "granulated_tau", "z.2f"),
}
"""The findings as columns of a table: suite, clause, the number that is shown (else a word) and how."""

READS = ("what_it_reads", "reads")
"""Names of the suite that hides what a measure is handed: what it says is a flag, not a pass."""

WORDS = ("data_only", "no_scale", "not_applicable", "error", "timeout")
"""Statuses that say more than a number."""

IN_WORDS = {
    "separates": "passes",
    "overlaps": "fails",
    "depends_on_the_network": "depends on the network",
    "not_applicable": "not applicable",
    None: "no verdict",
}


def measures_table(run: Mapping[str, Any]) -> str:
    """A line a measure, by family and name: tier, units won under each condition, the gate's verdict and source."""
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
    """A line a measure: what it really sees. Bold where it passes; what passes the gate first, by the fewest units that
    are won under a condition. `only` names the measures to show, all if empty."""
    lines = [
        "| measure | gate | reads | " + " | ".join(COLUMNS) + " |",
        "| --- " * (len(COLUMNS) + 3) + "|",
    ]
    records = [record for record in run["entries"] if not only or record["measure"] in only]
    records.sort(key=lambda record: (record["verdict"] != "separates", -_fewest(record), record["measure"]))
    for record in records:
        gate = _won(min(record["suites"].values(), key=_units_won, default=None))
        gate_cell = f"**{gate}**" if record["verdict"] == "separates" else gate
        cells = [reads_in_words(record["findings"]), *(_cell(record, *column) for column in COLUMNS.values())]
        lines.append(f"| `{record['measure']}` | {gate_cell} | {' | '.join(cells)} |")
    return "\n".join(lines)


def reads_in_words(findings: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """What suffices for it to separate, as the suite says; `-` where it was not asked."""
    said = [finding["status"] for suite in READS for finding in findings.get(suite, {}).values()]
    return ", ".join(dict.fromkeys(said)).replace("_", " ") or "-"


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


def _fewest(record: Mapping[str, Any]) -> int:
    return min(map(_units_won, record["suites"].values()), default=0)


def _units_won(suite: Mapping[str, Any]) -> int:
    """Twins, where these were the witnesses."""
    return int(suite["wins"] if suite["won"] is None else suite["won"])


def _won(suite: Mapping[str, Any] | None) -> str:
    """`13/14` units; `20/20 twins` where these were the witnesses."""
    if suite is None:
        return "-"
    return (
        f"{suite['wins']}/{suite['pairs']} twins" if suite["won"] is None else f"{suite['won']}/{len(suite['units'])}"
    )


def _cell(record: Mapping[str, Any], suite: str, clause: str, number: str, shape: str) -> str:
    finding = record["findings"].get(suite, {}).get(clause)
    if finding is None or finding["skipped"]:
        return "-"
    if number not in finding["numbers"] or finding["status"] in WORDS:
        return finding["status"].replace("_", " ")
    text = format(finding["numbers"][number], shape)
    return f"**{text}**" if _passes(finding) else text


def gate_in_words(record: Mapping[str, Any]) -> str:
    """`passes`, or why not: `fails`, `depends on the network`, `inverted`, `not applicable`, a failure, or none."""
    return IN_WORDS.get(record["verdict"], record["verdict"])


def _line(record: Mapping[str, Any]) -> str:
    won = " | ".join(_won(record["suites"].get(name)) for name in GATE)
    return f"| `{record['measure']}` | {record['cost']} | {won} | {gate_in_words(record)} | {record['source']} |"


def seconds_of(record: Mapping[str, Any]) -> float | None:
    """On one model: as test_cost measured it by itself (the median over the networks), else as it came in the run."""
    cost = [
        finding["numbers"]["seconds"]
        for finding in record["findings"].get("cost", {}).values()
        if "seconds" in finding["numbers"]
    ]
    return statistics.median(cost) if cost else record["seconds_per_model"]
