"""The page: what the template shows, from a leaderboard's content and the runs that it was folded from."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from harness.judging.units.networks import networks_needed
from harness.judging.units.sign_test import needed
from harness.leaderboard.page import cells, charts
from harness.leaderboard.page.about import About
from harness.leaderboard.page.columns import FIRST, Column, columns_of
from harness.leaderboard.page.data import as_script, page_data, zoo_data
from harness.leaderboard.page.lines import Line, lines_of
from harness.leaderboard.page.links import link, linked
from harness.records.tables import seconds_of
from harness.zoo.zoo import GATE

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = ("draw.js", "table.js", "measure.js", "compare.js", "download.js", "view.js")


def render(
    leaderboard: Mapping[str, Any],
    runs: Mapping[str, Mapping[str, Any]],
    about: Mapping[tuple[str, str], About] | None = None,
    repository: str = "",
) -> str:
    """The page of a leaderboard's content and of the runs that it was folded from, by the zoo's name.

    `about`: what measures say of themselves, by name and origin. `repository`: the https address under which the files
    of the project are shown, so that a measure leads to its code.
    """
    about = about or {}
    names = sorted(runs, key=lambda name: (*_place(leaderboard["zoos"][name]), name))
    zoos = [_zoo(f"z{number}", name, leaderboard["zoos"][name], runs[name]) for number, name in enumerate(names)]
    data_of = {
        zoo["name"]: zoo_data(leaderboard["zoos"][zoo["name"]], runs[zoo["name"]], zoo["needed"]) for zoo in zoos
    }
    lines = lines_of(leaderboard, runs, names)
    script = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    current = [zoo for zoo in zoos if zoo["columns"]]
    shown = [_shown(line, zoos, about, repository) for line in lines]
    return (
        _environment()
        .get_template("page.html")
        .render(
            zoos=zoos,
            current=current,
            rows=[row for row in shown if row["line"].current],
            older=[row for row in shown if len(row["line"].current) < len(row["line"].standings)],
            measures=shown,
            choices=_choices(lines),
            data=as_script({"schema_version": leaderboard["schema_version"]} | page_data(lines, data_of, about)),
            script=Markup(script),  # ours, and what the policy's digest is of
            script_digest=digest,
            style=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
            schema_version=leaderboard["schema_version"],
            conditions=[cells.words(condition) for condition in GATE],
            project=repository,
        )
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"linked": linked, "breakable": _breakable, "words": cells.words, "quoted": quote}
    environment.globals |= {"link": link}
    return environment


def _breakable(name: str) -> Markup:
    """A name in code that may be broken after its underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def _place(part: Mapping[str, Any]) -> tuple[bool, int]:
    """Zoos of this protocol first, those with more measures before others."""
    return part["units"] is None, -len(part["entries"])


def _zoo(prefix: str, name: str, part: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """What the template shows of a zoo by itself; without columns where none of its records is of this protocol."""
    judged = [each for each in part["entries"] if each["headline"] is not None]
    measures = [each for each in judged if each["role"] == "measure" and each["complete"]]
    records = {record["measure"]: record for record in run["entries"]}
    columns = columns_of(prefix, part, _data_sets(run)) if judged and part["units"] else []
    return {
        **{key: part[key] for key in ("digest", "data_set", "data_sha256", "training_version", "protocol", "units")},
        "name": name,
        "id": prefix,
        "needed": part["units"] and needed(part["units"]),
        "of_networks": _of_networks(judged, records),
        "columns": columns,
        "groups": _groups(prefix, columns),
        "passing": sum(standing["verdict"] == "separates" for standing in measures),
        "measures": len(measures),
        "older": sorted({each["protocol"] for each in part["entries"] if each["headline"] is None}),
        "versions": _versions(run["entries"]),
        **(_charts(prefix, judged, records, columns, part["units"]) if columns else {}),
    }


def _of_networks(judged: Sequence[Mapping[str, Any]], records: Mapping[str, Any]) -> str:
    """What is asked of networks beside units: nothing where each is one unit."""
    recorded = [records[each["measure"]] for each in judged if each["measure"] in records]  # the oracle has no record
    suites = [suite for record in recorded for suite in record["suites"].values()]
    networks = [unit["network"] for unit in suites[0]["units"]] if suites else []
    different = len({*networks})
    if different == len(networks):
        return ""
    least = networks_needed(different)
    return "one of each network" if least == different else f"one of {least} of {different} networks"


def _charts(
    prefix: str,
    judged: Sequence[Mapping[str, Any]],
    records: Mapping[str, Any],
    columns: Sequence[Column],
    units: int,
) -> dict[str, Any]:
    """Of how many units are won; of cost, and of all that is passed, for the first zoo alone: each is large."""
    asked = [name for name in GATE if any(name in each["gate"] for each in judged)]
    return {
        "counts": charts.counts_charts(judged, asked, units),
        "legend": charts.legend(judged),
        "more": prefix == FIRST,
        "cost": charts.cost_chart(judged, units) if prefix == FIRST else "",
        "map": charts.map_chart(judged, records, columns) if prefix == FIRST else "",
        "map_names": [each["measure"] for each in judged],
    }


def _groups(prefix: str, columns: Sequence[Column]) -> list[dict[str, Any]]:
    """The groups of columns, in order: how many columns each has open and folded."""
    names = dict.fromkeys(column.group for column in columns)
    inside = {name: [column for column in columns if column.group == name] for name in names}
    return [
        {
            "name": name,
            "id": f"{prefix}-{number}",
            "columns": inside[name],
            "open": len(inside[name]),
            "shut": sum(not column.folded for column in inside[name]),
        }
        for number, name in enumerate(names)
    ]


def _data_sets(run: Mapping[str, Any]) -> dict[str, int]:
    """How many units each data set of a zoo has, as its records name them; those of this protocol do."""
    for record in run["entries"]:
        for suite in record["suites"].values():
            settings = [unit["setting"] for unit in suite["units"] if unit["decision"] is not None]
            if settings:
                return {name: settings.count(name) for name in dict.fromkeys(settings)}
    return {}


def _shown(
    line: Line, zoos: Sequence[Mapping[str, Any]], about: Mapping[tuple[str, str], About], repository: str
) -> dict[str, Any]:
    """What the template shows of a measure: a row of the table, and its own view."""
    first = line.first
    said = about.get((line.measure, first["origin"]))
    cells_of = {
        zoo["name"]: [column.read(standing, line.records.get(zoo["name"])) for column in zoo["columns"]]
        for zoo in zoos
        if (standing := line.current.get(zoo["name"])) is not None
    }
    return {
        "line": line,
        "name": line.measure,
        "first": first,
        "kind": charts.kind(next(iter(line.current.values()), first)),
        "answer": cells.answer(line.current.values()),
        "reads": next((each["reads"] for each in line.current.values() if each["reads"]), None),
        "cells": cells_of,
        "cost": cells.cost_cell(_seconds(line)),
        "found": cells.random_labels_found(line.current),
        "about": said,
        "code": f"{repository.rstrip('/')}/{said.file}" if said and repository else "",
        "older": {zoo: each for zoo, each in line.standings.items() if each["headline"] is None},
    }


def _seconds(line: Line) -> float | None:
    """On the first zoo that timed it."""
    found = (seconds_of(record) for record in line.records.values())
    return next((seconds for seconds in found if seconds), None)


def _choices(lines: Sequence[Line]) -> dict[str, list[str]]:
    return {
        "family": sorted({line.first["family"] for line in lines}),
        "reads": sorted({each["reads"] for line in lines for each in line.current.values() if each["reads"]}),
    }


def _versions(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the records were measured on, each once."""
    found: dict[str, None] = {}
    for record in records:
        on = record["environment"]
        packages = ", ".join(f"{name} {version}" for name, version in sorted(on["packages"].items()) if version)
        found[f"{on['cpu']}, {on['system']}, Python {on['python']}: {packages}; {on['gpu'] or 'no accelerator'}"] = None
    return list(found)
