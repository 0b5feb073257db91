"""A proposal's report in Markdown: what each measure was found to be, where it stands, how to see the same at home.

Text from measures is shown, never interpreted: it comes from a stranger's pull request.
"""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.leaderboard.recompute import recorded_zoo
from harness.profile import as_text, profile
from harness.profile import recipes as profile_recipes
from harness.proposal.changed import Changes
from harness.proposal.judged import Judged
from harness.record_table import COLUMNS, gate_answer, seconds_of
from harness.zoo import GATE

SPECIAL = re.compile(r"([\\`*_\[\]|~]|^[#+=-]|^\d+(?=[.)]))")
NO_WIDTH = "\u200b"  # between the parts of what would become a link by itself


def text(said: object) -> str:
    """A stranger's text in Markdown, as it is: nothing in it is markup, and it stays on its line."""
    shown = html.escape(" ".join(str(said).split()), quote=False)
    shown = shown.replace("://", f":{NO_WIDTH}//").replace("www.", f"www{NO_WIDTH}.").replace("@", f"@{NO_WIDTH}")
    return SPECIAL.sub(r"\\\1", shown)


def report(changes: Changes, judged: Judged, base: str) -> str:
    """The whole report."""
    lines = ["# Proposal", "", f"Against `{base}`: {_said(changes)}.", ""]
    if judged.failures:
        lines += ["**It does not pass:**", "", *(f"- {text(each)}" for each in judged.failures), ""]
    else:
        lines += ["**It passes.**", ""]
    if judged.notes:
        lines += ["Notes:", "", *(f"- {text(each)}" for each in judged.notes), ""]
    for entry in judged.run["entries"] if judged.run else ():
        lines += _measure(entry, judged)
    if judged.run:
        names = ",".join(entry["measure"] for entry in judged.run["entries"])
        lines += [
            "## The same at home",
            "",
            f"    python -m harness propose --base {base}",
            "",
            "or, without the comparison:",
        ]
        lines += ["", f"    pytest suites/ --measure={names}", ""]
    return "\n".join(lines)


def _said(changes: Changes) -> str:
    parts = [
        f"{len(names)} measure{'s' if len(names) > 1 else ''} {what} ({', '.join(text(each) for each in names[:10])}"
        + (", ..." if len(names) > 10 else "")
        + ")"
        for what, names in (("added", changes.added), ("altered", changes.altered), ("removed", changes.removed))
        if names
    ]
    if changes.records:
        parts.append(f"{len(changes.records)} record{'s' if len(changes.records) > 1 else ''} changed")
    return ", ".join(parts) or "no measure and no record is added or altered"


def _measure(entry: Mapping[str, Any], judged: Judged) -> list[str]:
    before, after = judged.ranks[entry["measure"]]
    seconds = seconds_of(entry)
    lines = [
        f"## {text(entry['measure'])}: {text(gate_answer(entry))}",
        "",
        f"Version {entry['version']}, family {text(entry['family'])}, tier {text(entry['cost'])}; "
        f"{text(entry['source'])}.",
        f"Contract: {text(entry['contract'] or 'not asked in full')}. "
        + (f"{seconds:.2g} s a model. " if seconds is not None else "")
        + f"Rank: {_rank(before)} before, {_rank(after)} of {judged.ranked} after.",
        "",
        "| randomized | wins | ties | p | AUC [95%] | verdict |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_gate(condition, entry["suites"][condition]) for condition in GATE if condition in entry["suites"]),
        "",
        "| finding | answer | |",
        "| --- | --- | --- |",
        *_findings(entry),
        "",
    ]
    if steps := profile_text(entry, judged.run or {}):
        lines += ["How far interventions move it on the way to random labels, and the gap beside it:", "", "```"]
        lines += [steps.replace("```", "'''"), "```", ""]
    return lines


def _rank(rank: int | None) -> str:
    return "none" if rank is None else str(rank)


def _gate(condition: str, suite: Mapping[str, Any]) -> str:
    area = "-"
    if suite["auc"] is not None and suite["auc_interval"] is not None:
        area = f"{suite['auc']:.2f} [{suite['auc_interval'][0]:.2f}, {suite['auc_interval'][1]:.2f}]"
    wins = f"{suite['wins']}/{suite['pairs']}"
    verdict = text(suite["verdict"]) + (f": {text(suite['reason'])}" if suite["reason"] else "")
    return f"| {condition.replace('_', ' ')} | {wins} | {suite['ties']} | {suite['p_value']:.2g} | {area} | {verdict} |"


def _findings(entry: Mapping[str, Any]) -> Sequence[str]:
    lines = []
    for title, (suite, clause, _, _) in COLUMNS.items():
        finding = entry["findings"].get(suite, {}).get(clause)
        if finding is None:
            lines.append(f"| {title} | not judged | |")
            continue
        mark = "-" if finding["skipped"] else "falls short" if finding["problem"] else "passes"
        word = text(finding["status"].replace("_", " "))
        lines.append(f"| {title} | {mark}: {word} | {text(finding['detail'] or finding['skipped'])} |")
    return lines


def profile_text(entry: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """The intervention profile as lines; "" where the run does not have its networks."""
    zoo = recorded_zoo(run["zoo"])
    if not all(recipe.id in entry["rows"] for recipe in profile_recipes(zoo)):
        return ""
    models = run["zoo"]["models"]
    return as_text(
        profile(
            zoo,
            lambda recipe: entry["rows"][recipe.id][0],
            lambda recipe: models[recipe.id]["test_error"] - models[recipe.id]["train_error"],
        )
    )
