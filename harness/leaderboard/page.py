"""The leaderboard as one HTML file: works from a disk, asks nothing of any network, and reads without JavaScript.

Text in records is a stranger's: jinja2 escapes it, only https addresses become links, and the page's policy lets no
script run but its own.
"""

import base64
import functools
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from harness.leaderboard import page_figures as figures
from harness.leaderboard.recompute import recorded_zoo
from harness.records.tables import COLUMNS, WORDS, seconds_of
from harness.workers.process_a_core import process_a_core
from harness.zoo.zoo import GATE

TEMPLATES = Path(__file__).parent / "templates"
MANY = 20  # measures, from which on starting processes pays
CHUNK = 8
ADDRESS = re.compile(r"https://[^\s<>\"'`{}|\\^]+[^\s<>\"'`{}|\\^.,;:!?)\]]")


def render(leaderboard: Mapping[str, Any], runs: Mapping[str, Mapping[str, Any]]) -> str:
    """The page of a leaderboard's content and of the runs that it was folded from, by the zoo's name."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["linked"] = linked
    script = (TEMPLATES / "leaderboard.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    with figures.style():
        names = sorted(runs, key=lambda name: (-len(leaderboard["zoos"][name]["entries"]), name))
        zoos = [_zoo(number, name, leaderboard["zoos"][name], runs[name]) for number, name in enumerate(names)]
    return environment.get_template("leaderboard.html").render(
        zoos=zoos,
        conditions=[condition.replace("_", " ") for condition in GATE],
        script=Markup(script),  # ours, and what the policy's digest is of
        script_digest=digest,
        style=Markup((TEMPLATES / "leaderboard.css").read_text(encoding="utf-8")),
        schema_version=leaderboard["schema_version"],
    )


def linked(text: str) -> Markup:
    """The text, escaped, with its https addresses as links."""
    parts: list[str] = []
    end = 0
    for match in ADDRESS.finditer(text):
        address = escape(match[0])
        parts += [escape(text[end : match.start()]), Markup('<a href="{0}" rel="noopener">{0}</a>').format(address)]
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def _zoo(number: int, name: str, part: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """What the template shows of a zoo, from its part of the leaderboard and its records."""
    records = {record["measure"]: record for record in run["entries"]}
    standings = part["entries"]
    columns = [title for title in COLUMNS if any(_asked(standing, title) for standing in standings)]
    prefix = f"z{number}"
    return {
        **{key: part[key] for key in ("digest", "data_set", "data_sha256", "training_version", "protocol")},
        "name": name,
        "twins": part["twins_per_condition"],
        "id": prefix,
        "columns": columns,
        "rows": [
            _row(f"{prefix}m{number}", standing, records.get(standing["measure"]), columns)
            for number, standing in enumerate(standings)
        ],
        "families": sorted({standing["family"] for standing in standings}),
        "passing": sum(standing["verdict"] == "separates" and standing["rank"] is not None for standing in standings),
        "ranked": sum(standing["rank"] is not None for standing in standings),
        "asked": max((standing["findings_asked"] for standing in standings), default=0),
        "heat_map": Markup(figures.svg(figures.heat_map(standings), f"{prefix}h", f"Measures by suites on {name}")),
        "cost": Markup(figures.svg(figures.cost_against_findings(standings), f"{prefix}c", "Cost and findings passed")),
        "details": list(_details(prefix, standings, records, run["zoo"])),
        "versions": _versions(run["entries"]),
    }


def _asked(standing: Mapping[str, Any], title: str) -> bool:
    suite, clause, _, _ = COLUMNS[title]
    return standing["role"] != "oracle" and clause in standing["findings"].get(suite, {})


def _row(
    identifier: str, standing: Mapping[str, Any], record: Mapping[str, Any] | None, columns: Sequence[str]
) -> dict[str, Any]:
    return {
        "id": identifier,
        "standing": standing,
        "drawn": record is not None,
        "gate": [_gate_cell(standing["gate"].get(condition)) for condition in GATE],
        "findings": [_finding_cell(standing, record, *where) for where in (COLUMNS[title] for title in columns)],
        "answer": _answer(standing),
        "seconds": seconds_of(record) if record is not None else None,
    }


def _answer(standing: Mapping[str, Any]) -> str:
    if standing["verdict"] == "separates":
        return "passes"
    return "fails" if standing["complete"] else "no verdict"


def _gate_cell(suite: Mapping[str, Any] | None) -> dict[str, Any]:
    if suite is None:
        return {"text": "–", "passed": None, "tip": "not judged", "sort": -1}
    tip = f"{suite['verdict'].replace('_', ' ')}: larger on the randomized twin in {suite['wins']} of {suite['pairs']}"
    tip += f", {suite['ties']} ties; sign test p = {suite['p_value']:.2g}"
    if suite["auc"] is not None and suite["auc_interval"] is not None:
        tip += f"; AUC {suite['auc']:.2f} [{suite['auc_interval'][0]:.2f}, {suite['auc_interval'][1]:.2f}]"
    if suite["kendall_tau"] is not None:
        tip += f"; tau with the gap {suite['kendall_tau']:.2f}"
    passed = suite["verdict"] == "separates"
    return {"text": f"{suite['wins']}/{suite['pairs']}", "passed": passed, "tip": tip, "sort": suite["wins"]}


def _finding_cell(
    standing: Mapping[str, Any], record: Mapping[str, Any] | None, suite: str, clause: str, number: str, shape: str
) -> dict[str, Any]:
    finding = standing["findings"].get(suite, {}).get(clause)
    if finding is None or finding["passed"] is None:
        return {"text": "–", "passed": None, "tip": "not judged", "sort": -1e9}
    word = finding["status"].replace("_", " ")
    tip = f"{word}: {finding['detail']}" if finding["detail"] else word
    numbers = record["findings"][suite][clause]["numbers"] if record is not None else {}
    shown = number in numbers and finding["status"] not in WORDS
    return {
        "text": format(numbers[number], shape) if shown else word,
        "passed": finding["passed"],
        "tip": tip,
        "sort": numbers[number] if shown else -1e8,
    }


def _details(
    prefix: str, standings: Sequence[Mapping[str, Any]], records: Mapping[str, Any], described: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """The figures of each measure; of many in a process a core."""
    drawable = [
        (f"{prefix}m{number}", standing) for number, standing in enumerate(standings) if standing["measure"] in records
    ]
    jobs = [(identifier, records[standing["measure"]]) for identifier, standing in drawable]
    draw = functools.partial(_drawn, described=described)
    if len(jobs) < MANY:
        drawn = list(map(draw, jobs))
    else:
        with process_a_core() as pool:
            drawn = list(pool.map(draw, jobs, chunksize=CHUNK))
    for (identifier, standing), (strip, profile) in zip(drawable, drawn, strict=True):
        yield {
            "id": identifier,
            "standing": standing,
            "strip": Markup(strip),
            "profile": None if profile is None else Markup(profile),
        }


def _drawn(job: tuple[str, Mapping[str, Any]], described: Mapping[str, Any]) -> tuple[str, str | None]:
    """A record's strip plot and, if it has the networks, its profile, as SVG."""
    identifier, record = job
    name = record["measure"]
    with figures.style():
        strip = figures.svg(figures.strip(record, recorded_zoo(described)), f"{identifier}s", f"Values of {name}")
        profile = figures.intervention_profile(record, described)
        if profile is None:
            return strip, None
        return strip, figures.svg(profile, f"{identifier}p", f"How far interventions move {name}")


def _versions(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the records were measured on, each once."""
    found: dict[str, None] = {}
    for record in records:
        on = record["environment"]
        packages = ", ".join(f"{name} {version}" for name, version in sorted(on["packages"].items()) if version)
        found[f"{on['cpu']}, {on['system']}, Python {on['python']}: {packages}; {on['gpu'] or 'no accelerator'}"] = None
    return list(found)
