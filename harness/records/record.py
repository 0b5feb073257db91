"""Records: what one run measured, as strict JSON that its schemas describe (schema.py).

Raw rows are in it, so that every verdict can be computed again from the record alone.
"""

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.evaluation.contract import CLAUSES
from harness.evaluation.finding import Finding
from harness.evaluation.rows import Row
from harness.evaluation.source_digest import digest_as_called
from harness.judging.plan import all_recipes
from harness.judging.results import Results
from harness.judging.verdict import Verdict, gate_verdict
from harness.records.blinded_values import blinded_field
from harness.records.environment import environment
from harness.records.public_text import public
from harness.records.schema import SCHEMA_VERSION, sealed
from harness.settings import Settings
from harness.training.reading.raw_data import load_raw_data
from harness.training.recipe import TRAINING_VERSION, Recipe, canonical_json
from harness.zoo.definition import definition_of
from harness.zoo.zoo import GATE, Zoo, recipes
from measures.registry import Measure

Findings = Mapping[str, Mapping[str, Mapping[str, Finding]]]  # measure -> suite -> clause -> what was found


def build_record(
    results: Results,
    measures: Sequence[Measure],
    settings: Settings,
    verdicts: Mapping[tuple[str, str], Verdict],
    findings: Findings,
) -> dict[str, Any]:
    """The record of a run: its verdicts by (measure, condition), its findings by measure, suite and clause.

    A measure's record is complete if all of the gate's conditions have a verdict; else (an interrupted run) it has no
    verdict on the whole gate.
    """
    measured_on = environment(settings.device, settings.workers)
    described = describe_zoo(results, settings)
    records = [
        _record(measure, results, verdicts, findings.get(measure.name, {})) | {"environment": measured_on}
        for measure in measures
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "zoo": described,
        "entries": [sealed(public(record), described) for record in records],
    }


def describe_zoo(results: Results, settings: Settings) -> dict[str, Any]:
    """Which models there are, by id, with what the harness measured of them: not rounded, since ties among gaps count.

    The digest is of the keys and data of the gate's models among them: what runs of the gate alone have as well.
    """
    zoo, described = results.zoo, set(all_recipes(results.zoo))
    models = {
        recipe.id: {"key": recipe.key, "recipe": recipe.canonical()}
        | dataclasses.asdict(model.outcome)
        | {"weights_sha256": model.weights_sha256, "data_sha256": model.data_sha256}
        for recipe, model in results.models.items()
        if recipe in described
    }
    return {
        "name": zoo.name,
        "digest": digest_of_models(zoo, models),
        "training_version": TRAINING_VERSION,
        "data_set": zoo.data_described,
        "data_sha256": _digest_of_data(zoo, settings),
        "definition": definition_of(zoo),
        "models": models,
    }


def _digest_of_data(zoo: Zoo, settings: Settings) -> str:
    """Of the data set's images and labels; of several data sets, of their digests in the order of the zoo."""
    first, *more = [load_raw_data(name, settings.data_dir, settings.cache_dir).sha256 for name in zoo.data_sets]
    return hashlib.sha256("".join([first, *more]).encode()).hexdigest() if more else first


def digest_of_models(zoo: Zoo, models: Mapping[str, Mapping[str, Any]]) -> str:
    """The zoo's digest, of the keys and data of the gate's models among these."""
    gate = {recipe.id for recipe in recipes(zoo, zoo.gate)}
    fingerprint = sorted([model["key"], model["data_sha256"]] for name, model in models.items() if name in gate)
    return hashlib.sha256(canonical_json(fingerprint).encode()).hexdigest()


def overall(measure: str, verdicts: Mapping[tuple[str, str], Verdict], gate: Sequence[str] = GATE) -> str | None:
    """The verdict on the whole gate from those under its conditions; None if one of these is missing."""
    found = {condition: verdict.status for (name, condition), verdict in verdicts.items() if name == measure}
    return gate_verdict(found, gate)


def _record(
    measure: Measure,
    results: Results,
    verdicts: Mapping[tuple[str, str], Verdict],
    findings: Mapping[str, Mapping[str, Finding]],
) -> dict[str, Any]:
    verdict = overall(measure.name, verdicts, results.zoo.gate)
    rows = {recipe: row for (name, recipe), row in results.rows.items() if name == measure.name}
    seconds = sorted(row.seconds for row in rows.values())
    return {
        "measure": measure.name,
        "version": measure.version,
        "family": measure.family,
        "cost": measure.cost,
        "origin": public_origin(measure),
        "source": measure.source,
        "source_sha256": _source_of(measure, rows.values()),
        "invariant_to": sorted(measure.invariant_to),
        "verdict": verdict,
        "complete": verdict is not None,
        "seconds_per_model": round_number(seconds[len(seconds) // 2]) if seconds else None,
        "contract": contract_verdict(findings.get("contract", {})),
        "findings": {
            suite: {clause: round_number(dataclasses.asdict(finding)) for clause, finding in clauses.items()}
            for suite, clauses in findings.items()
            if suite != "contract"
        },
        "suites": {
            condition: suite_of(verdicts[measure.name, condition])
            for condition in GATE
            if (measure.name, condition) in verdicts
        },
        **_rows(rows),
        **blinded_field(
            {(part, recipe): row for (name, part, recipe), row in results.blinded.items() if name == measure.name}
        ),
    }


def _source_of(measure: Measure, rows: Iterable[Row]) -> str:
    """The digest of the source that its values are of: the file may have been edited since."""
    return next((row.source_sha256 for row in rows if row.source_sha256), None) or digest_as_called(measure)


def contract_verdict(clauses: Mapping[str, Finding]) -> str | None:
    """The first problem, "passes" if every clause was asked and kept, None otherwise."""
    if broken := [finding.problem for finding in clauses.values() if finding.problem]:
        return broken[0]
    return "passes" if len(clauses) == len(CLAUSES) else None


def suite_of(verdict: Verdict) -> dict[str, Any]:
    fields = verdict.to_json()
    for name in ("measure", "condition", "traceback"):
        del fields[name]
    fields["verdict"] = fields.pop("status")
    fields |= {name: getattr(verdict, name) for name in ("won", "lost", "wins", "ties", "losses")}
    fields["pairs"] = verdict.twins
    return {name: round_number(value) for name, value in fields.items()}


def _rows(rows: Mapping[Recipe, Row]) -> dict[str, Any]:
    return {
        "rows": {recipe.id: [row.value, float(f"{row.seconds:.2g}")] for recipe, row in rows.items()},
        "reasons": {recipe.id: [row.status, row.reason] for recipe, row in rows.items() if row.value is None},
        **standard_errors({recipe.id: row.standard_error for recipe, row in rows.items()}),
    }


def standard_errors(known: Mapping[str, float | None]) -> dict[str, dict[str, float]]:
    """A record's field of them, by the model's id, to two digits; no field where no value has one."""
    rounded = {name: float(f"{error:.2g}") for name, error in known.items() if error is not None}
    return {"standard_errors": rounded} if rounded else {}


def public_origin(measure: Measure) -> str:
    """Where it comes from, without the user's folders."""
    return Path(measure.origin).name if measure.origin.endswith(".py") else measure.origin


def round_number(value: Any) -> Any:
    """Reported numbers to six digits, so that a diff of two records shows differences and not rounding."""
    if isinstance(value, float) and math.isfinite(value):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {name: round_number(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [round_number(part) for part in value]
    return value
