"""A proposal's report in Markdown: what each measure was found to be, where it stands, how to see the same at home.

Text from measures is shown, never interpreted: it comes from a stranger's pull request.
"""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.leaderboard.proposal.changed import Changes
from harness.leaderboard.proposal.review import Review
from harness.leaderboard.recompute import recorded_zoo
from harness.records.measure_profile import as_text, profile
from harness.records.measure_profile import recipes as profile_recipes
from harness.records.recorded_outcomes import gaps_of
from harness.records.tables import COLUMNS, gate_in_words, seconds_of
from harness.zoo.zoo import GATE

SPECIAL = re.compile(r"([\\`*_\[\]|~]|^[#+=-]|^\d+(?=[.)]))")
NO_WIDTH = "\u200b"  # between the parts of what would become a link by itself


def text(said: object) -> str:
    """A stranger's text in Markdown, as it is: nothing in it is markup, and it stays on its line."""
    shown = html.escape(" ".join(str(said).split()), quote=False)
    shown = shown.replace("://", f":{NO_WIDTH}//").replace("www.", f"www{NO_WIDTH}.").replace("@", f"@{NO_WIDTH}")
    return SPECIAL.sub(r"\\\1", shown)


def report(changes: Changes, review: Review, base: str, judged_elsewhere: bool = False) -> str:
    """The whole report. `judged_elsewhere`: by the harness of another checkout."""
    lines = ["# Proposal", "", f"Against `{base}`: {_said(changes)}.", ""]
    if judged_elsewhere:
        lines += [
            "Its measures and records alone were taken; harness and suites are those of the judge's checkout.",
            "",
        ]
    if review.failures:
        lines += ["**It does not pass:**", "", *(f"- {text(failure)}" for failure in review.failures), ""]
    else:
        lines += ["**It passes.**", ""]
    if review.notes:
        lines += ["Notes:", "", *(f"- {text(note)}" for note in review.notes), ""]
    lines += _fresh(review)
    for record in review.run["entries"] if review.run else ():
        lines += _measure(record, review)
    if review.run:
        names = ",".join(review.specs.get(name, name) for name in (each["measure"] for each in review.run["entries"]))
        lines += [
            "## The same at home",
            "",
            f"    python -m harness propose --base {base}"
            + (" --of FOLDER" if judged_elsewhere else "")
            + (f" --fresh {review.fresh.number}" if review.fresh else ""),
            "",
            "or, without the comparison:",
        ]
        lines += ["", f"    pytest suites/ --measure={names}"]
        lines += [f"    pytest suites/ -m gate --fresh={review.fresh.number} --measure={names}"] if review.fresh else []
        lines += [""]
    return "\n".join(lines)


def _fresh(review: Review) -> list[str]:
    """What became of every measure on twins that nobody has seen."""
    if review.fresh is None:
        return []
    how = "drawn for this review, when the measures were settled" if review.fresh.drawn else "given, and not drawn"
    head = f"On fresh twins {review.fresh.number}, other seeds than the zoo's (the number was {how}):"
    return [head, "", *(f"- {text(agreement)}" for agreement in review.agreements.values()), ""]


def _said(changes: Changes) -> str:
    parts = [
        f"{len(names)} measure{'s' if len(names) > 1 else ''} {what} ({', '.join(text(name) for name in names[:10])}"
        + (", ..." if len(names) > 10 else "")
        + ")"
        for what, names in (("added", changes.added), ("altered", changes.altered), ("removed", changes.removed))
        if names
    ]
    if changes.records:
        parts.append(f"{len(changes.records)} record{'s' if len(changes.records) > 1 else ''} changed")
    return ", ".join(parts) or "no measure and no record is added or altered"


def _measure(record: Mapping[str, Any], review: Review) -> list[str]:
    place = review.places[record["measure"]]
    seconds = seconds_of(record)
    lines = [
        f"## {text(record['measure'])}: {text(gate_in_words(record))}",
        "",
        f"Version {record['version']}, family {text(record['family'])}, tier {text(record['cost'])}; "
        f"{text(record['source'])}.",
        f"Contract: {text(record['contract'] or 'not asked in full')}. "
        + (f"{seconds:.2g} s a model. " if seconds is not None else "")
        + f"{text(place)}.",
        "",
        "| randomized | units won | p | AUC [95%] | verdict |",
        "| --- | --- | --- | --- | --- |",
        *(_gate(condition, record["suites"][condition]) for condition in GATE if condition in record["suites"]),
        "",
        "| finding | answer | |",
        "| --- | --- | --- |",
        *_findings(record),
        "",
    ]
    if steps := profile_text(record, review.run or {}):
        lines += ["How far interventions move it on the way to random labels, and the gap beside it:", "", "```"]
        lines += [steps.replace("```", "'''"), "```", ""]
    return lines


def _gate(condition: str, suite: Mapping[str, Any]) -> str:
    area = "-"
    if suite["auc"] is not None and suite["auc_interval"] is not None:
        area = f"{suite['auc']:.2f} [{suite['auc_interval'][0]:.2f}, {suite['auc_interval'][1]:.2f}]"
    won = f"{suite['won']}/{len(suite['units'])}"
    verdict = text(suite["verdict"]) + (f": {text(suite['reason'])}" if suite["reason"] else "")
    return f"| {condition.replace('_', ' ')} | {won} | {suite['p_value']:.2g} | {area} | {verdict} |"


def _findings(record: Mapping[str, Any]) -> Sequence[str]:
    lines = []
    for title, (suite, clause, _, _) in COLUMNS.items():
        finding = record["findings"].get(suite, {}).get(clause)
        if finding is None:
            lines.append(f"| {title} | not judged | |")
            continue
        mark = "-" if finding["skipped"] else "falls short" if finding["problem"] else "passes"
        word = text(finding["status"].replace("_", " "))
        lines.append(f"| {title} | {mark}: {word} | {text(finding['detail'] or finding['skipped'])} |")
    return lines


def profile_text(record: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """The intervention profile as lines; "" where the run does not have its networks."""
    zoo = recorded_zoo(run["zoo"])
    if not all(recipe.id in record["rows"] for recipe in profile_recipes(zoo)):
        return ""
    return as_text(profile(zoo, lambda recipe: record["rows"][recipe.id][0], gaps_of(run["zoo"])))
