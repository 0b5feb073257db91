"""All data of the page, as JSON: what JavaScript draws, and what is downloaded."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from harness.leaderboard.page import figures
from harness.leaderboard.page.about import About
from harness.leaderboard.page.lines import Line
from harness.records.measure_profile import Step
from harness.zoo.zoo import GATE

NUMBERS = ("p_value", "auc", "kendall_tau")
"""Of a condition, after its verdict and the units won; draw.js names them."""

PASSED = {True: "+", False: "-", None: "?"}
"""Before a finding's status."""

DECISIONS = {"won": "w", "lost": "l", "neither": "n", None: "?"}


def page_data(
    lines: Sequence[Line], zoos: Mapping[str, Mapping[str, Any]], about: Mapping[tuple[str, str], About]
) -> dict[str, Any]:
    """What is known of all measures. `zoos`: as zoo_data gives them."""
    return {
        "conditions": list(GATE),
        "zoos": {name: {key: value for key, value in zoo.items() if key != "of"} for name, zoo in zoos.items()},
        "measures": [_measure(line, zoos, about) for line in lines],
    }


def zoo_data(part: Mapping[str, Any], run: Mapping[str, Any], needed: int | None) -> dict[str, Any]:
    """What is the same for all measures of a zoo; `of` has the values and profiles of each."""
    described = run["zoo"]
    zoo = figures.recorded(described)
    units = {} if zoo is None else figures.twins_by_unit(zoo)
    gaps = {name: model["test_error"] - model["train_error"] for name, model in described["models"].items()}
    found = {}
    if zoo is not None and zoo.facts is not None:
        found = dict(figures.profiles_of(run["entries"], zoo, lambda recipe: gaps[recipe.id]))
    steps: Sequence[Step] = next(iter(found.values()), [])
    return {
        "protocol": part["protocol"],
        "digest": part["digest"],
        "needed": needed,
        "units": [[*unit, len(seeds)] for unit, seeds in units.items()],
        "steps": [{"name": step.name, "group": step.group, "gap": figures.drawn(step.gap)} for step in steps],
        "of": {
            record["measure"]: {
                "values": figures.values_of(record, units),
                "profile": _profile(found.get(record["measure"])),
            }
            for record in run["entries"]
        },
    }


def _profile(steps: Sequence[Step] | None) -> list[Any] | None:
    if steps is None:
        return None
    nothing = (None, None, None)
    return [[*(figures.drawn(step.measure) or nothing), step.units] for step in steps]


def _measure(
    line: Line, zoos: Mapping[str, Mapping[str, Any]], about: Mapping[tuple[str, str], About]
) -> dict[str, Any]:
    first = line.first
    said = about.get((line.measure, first["origin"]))
    return {
        **{name: first[name] for name in ("measure", "family", "role", "source", "origin")},
        "tier": first["cost"],
        "claim": {"random_labels": said.random_labels, "place": said.place} if said else None,
        "zoos": {
            zoo: _on_zoo(line, zoo, zoos[zoo]["units"]) | zoos[zoo]["of"].get(line.measure, {})
            for zoo in line.standings
        },
    }


def _on_zoo(line: Line, zoo: str, units: Sequence[Sequence[Any]]) -> dict[str, Any]:
    standing, record = line.standings[zoo], line.records.get(zoo)
    headline = standing["headline"]
    return {
        **{name: standing[name] for name in ("protocol", "complete", "verdict", "reads", "version")},
        "record": standing["record"] and standing["record"][:16],
        "worst": headline and {name: headline[name] for name in ("condition", "won", "units")},
        "better": None if standing["dominated_by"] is None else len(standing["dominated_by"]),
        "seconds": standing["seconds_per_model"],
        "conditions": {
            condition: [
                *(suite["verdict"], suite["won"], *(_short(suite[name]) for name in NUMBERS)),
                "" if record is None else _strip(record["suites"][condition]["units"], units),
            ]
            for condition, suite in standing["gate"].items()
        },
        "findings": {
            suite: [PASSED[finding["passed"]] + f"{clause}: {finding['status']}" for clause, finding in clauses.items()]
            for suite, clauses in standing["findings"].items()
        },
    }


def _short(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.3g}")


def _strip(found: Sequence[Mapping[str, Any]], units: Sequence[Sequence[Any]]) -> str:
    """What was decided of each unit, in their order, and how many of its seeds are won: `w3 w2 l0`; `-` for one that
    the record does not have. A record of an older protocol names no data set."""
    said = {(unit["setting"], unit["network"]): f"{DECISIONS[unit['decision']]}{unit['wins']}" for unit in found}
    return " ".join(said.get((data_set, network)) or said.get(("", network), "-") for data_set, network, _ in units)


def as_script(data: Any) -> Markup:
    """Strict JSON that can stand in a script element, whatever text is in it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
