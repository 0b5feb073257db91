"""Records: what one run measured, as strict JSON that its schemas describe (record_schema.py).

Raw rows are in it, so that every verdict can be computed again from the record alone.
"""

import dataclasses
import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.checklist import Finding
from harness.contract import CLAUSES
from harness.environment import environment
from harness.judging import Judging
from harness.public_text import public
from harness.questions import QUESTIONS
from harness.recipe import TRAINING_VERSION, Recipe, canonical_json
from harness.record_schema import SCHEMA_VERSION, sealed
from harness.rows import Row
from harness.source_digest import source_digest
from harness.sources import load_source
from harness.verdict import Verdict
from harness.zoo import GATE, Zoo, recipes
from measures._registry import Measure

Findings = Mapping[str, Mapping[str, Mapping[str, Finding]]]  # measure -> suite -> clause -> what was found


def build_record(
    judging: Judging,
    verdicts: Mapping[tuple[str, str], Verdict],
    findings: Findings,
) -> dict[str, Any]:
    """The record of a run: its verdicts by (measure, condition), its findings by measure, suite and clause.

    An entry is complete if all of the gate's conditions have a verdict; its overall verdict is then "separates" if
    all of them are, else the first that is not. An incomplete entry (an interrupted run) has none.
    """
    measured_on = environment(judging.settings.device, judging.settings.workers)
    described = describe_zoo(judging)
    entries = [
        _entry(measure, judging, verdicts, findings.get(measure.name, {})) | {"environment": measured_on}
        for measure in judging.measures
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "zoo": described,
        "entries": [sealed(public(entry), described) for entry in entries],
    }


def describe_zoo(judging: Judging) -> dict[str, Any]:
    """Which models there are, by id, with what the harness measured of them: not rounded, since ties among gaps count.

    The digest is of the keys and data of the gate's models among them: what runs of the gate alone have as well.
    """
    settings = judging.settings
    models = {
        recipe.id: {"key": recipe.key, "recipe": recipe.canonical()}
        | dataclasses.asdict(entry.outcome)
        | {"weights_sha256": entry.weights_sha256, "data_sha256": entry.data_sha256}
        for recipe, entry in judging.entries.items()
        if recipe in set(all_recipes(judging.zoo))
    }
    gate = {recipe.id for recipe in recipes(judging.zoo, GATE)}
    fingerprint = sorted([model["key"], model["data_sha256"]] for name, model in models.items() if name in gate)
    return {
        "name": judging.zoo.name,
        "digest": hashlib.sha256(canonical_json(fingerprint).encode()).hexdigest(),
        "training_version": TRAINING_VERSION,
        "data_set": judging.zoo.data_described,
        "data_sha256": load_source(judging.zoo.data_set, settings.data_dir, settings.cache_dir).sha256,
        "models": models,
    }


def all_recipes(zoo: Zoo) -> list[Recipe]:
    """Every model that the gate and the questions ask for."""
    found = recipes(zoo, GATE)
    for question in QUESTIONS:
        found += question.recipes(zoo)
    return list(dict.fromkeys(found))


def overall(measure: str, verdicts: Mapping[tuple[str, str], Verdict]) -> str | None:
    """The gate's answer: "separates" only if it does under all three conditions; None if one is missing."""
    statuses = [verdicts[measure, each].status for each in GATE if (measure, each) in verdicts]
    if len(statuses) < len(GATE):
        return None
    return next((status for status in statuses if status != "separates"), "separates")


def _entry(
    measure: Measure,
    judging: Judging,
    verdicts: Mapping[tuple[str, str], Verdict],
    findings: Mapping[str, Mapping[str, Finding]],
) -> dict[str, Any]:
    answer = overall(measure.name, verdicts)
    rows = {recipe: row for (name, recipe), row in judging.rows.items() if name == measure.name}
    seconds = sorted(row.seconds for row in rows.values())
    return {
        "measure": measure.name,
        "version": measure.version,
        "family": measure.family,
        "cost": measure.cost,
        "origin": _public_origin(measure),
        "source": measure.source,
        "source_sha256": source_digest(measure.file),
        "invariant_to": sorted(measure.invariant_to),
        "verdict": answer,
        "complete": answer is not None,
        "seconds_per_model": round_number(seconds[len(seconds) // 2]) if seconds else None,
        "contract": contract_answer(findings.get("contract", {})),
        "findings": {
            suite: {clause: round_number(dataclasses.asdict(each)) for clause, each in clauses.items()}
            for suite, clauses in findings.items()
            if suite != "contract"
        },
        "suites": {
            condition: _suite(verdicts[measure.name, condition])
            for condition in GATE
            if (measure.name, condition) in verdicts
        },
        **_rows(rows),
    }


def contract_answer(clauses: Mapping[str, Finding]) -> str | None:
    """The first problem, "passes" if every clause was asked and kept, None otherwise."""
    if broken := [finding.problem for finding in clauses.values() if finding.problem]:
        return broken[0]
    return "passes" if len(clauses) == len(CLAUSES) else None


def _suite(verdict: Verdict) -> dict[str, Any]:
    fields = dataclasses.asdict(verdict)
    for name in ("measure", "condition", "traceback"):
        del fields[name]
    fields["verdict"] = fields.pop("status")
    return {name: round_number(value) for name, value in fields.items()}


def _rows(rows: Mapping[Recipe, Row]) -> dict[str, Any]:
    return {
        "rows": {recipe.id: [row.value, float(f"{row.seconds:.2g}")] for recipe, row in rows.items()},
        "reasons": {recipe.id: [row.status, row.reason] for recipe, row in rows.items() if row.value is None},
    }


def _public_origin(measure: Measure) -> str:
    """Where it comes from, without the user's folders."""
    return Path(measure.origin).name if measure.origin.endswith(".py") else measure.origin


def round_number(value: Any) -> Any:
    """Reported numbers to six digits, so that a diff of two records shows differences and not rounding."""
    if isinstance(value, float) and math.isfinite(value):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {name: round_number(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [round_number(each) for each in value]
    return value
