"""What a record may look like: JSON Schemas of every version there has been, and how an older record becomes a new one.

A record holds what the suites measured of one measure on one zoo; it carries a digest of itself. A run is
{"schema_version", "zoo", "entries"}: the zoo's models and the records of the measures that were judged on them.
"""

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jsonschema

from harness.errors import HarnessError
from harness.training.recipe import canonical_json

SCHEMA_VERSION = "4.0"
LEADERBOARD_VERSION = "4.1"
"""Of what is folded from records, which is never lifted: it is folded again."""

PROTOCOL = 4
"""Part of every record. Raise it when other rows, thresholds or statistics would make verdicts or findings."""

FIRST_PROTOCOL = 1
"""Of all records before: every twin was a witness. What they say is shown, and compared with nothing of PROTOCOL."""

CONTROLS = "controls"
"""The family of the measures that must lose. They stand after the others, and no count of measures has them."""

FOLDER = Path(__file__).parent / "schemas"
WHOLE_RUNS = ("1.0", "1.1", "2.0")  # versions in which a run was one schema, its records without a version of their own
OF_PARTS = ("3.0",)


def digest_of(record: Mapping[str, Any]) -> str:
    """SHA-256 of the record without its digest, as JSON with sorted keys and no spaces."""
    return _sha256({name: value for name, value in record.items() if name != "digest"})


def models_digest(rows: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> str:
    """Of the ids and the weights of the models that have rows."""
    return _sha256(sorted([name, models[name]["weights_sha256"]] for name in rows))


def sealed(measured: Mapping[str, Any], zoo: Mapping[str, Any], protocol: int = PROTOCOL) -> dict[str, Any]:
    """What was measured as a record: with its version, the zoo that it is of, and its digest."""
    about = {name: zoo[name] for name in ("name", "digest", "data_set", "data_sha256", "training_version")}
    about["models_digest"] = models_digest(measured["rows"], zoo["models"])
    record = {**measured, "schema_version": SCHEMA_VERSION, "protocol": protocol, "zoo": about}
    return {**record, "digest": digest_of(record)}


def validate(run: Mapping[str, Any]) -> None:
    """HarnessError with the place and the expectation if a run, of this version, is not what its schemas say."""
    validate_part(run, "run")
    validate_part({name: run[name] for name in ("schema_version", "zoo")}, "zoo")
    for record in run["entries"]:
        validate_part(record, "record")


def validate_part(content: Any, kind: str, version: str = "") -> None:
    """The same of a part, of the present version if none is given: `kind` is "run" (its outline), "zoo", "record" or
    "leaderboard"."""
    version = version or (LEADERBOARD_VERSION if kind == "leaderboard" else SCHEMA_VERSION)
    error = jsonschema.exceptions.best_match(_validator(kind, version).iter_errors(content))
    if error is not None:
        raise HarnessError(f"not a {kind} of schema {version}: {error.json_path}: {error.message:.200}")
    if kind == "record":
        missing = {name for name, (value, _) in content["rows"].items() if value is None}
        if strange := content.get("standard_errors", {}).keys() - (content["rows"].keys() - missing):
            raise HarnessError(
                f"not a record: {content['measure']} on {min(strange)} has a standard error and no value"
            )
        if missing != content["reasons"].keys():
            wrong = min(missing ^ content["reasons"].keys())
            raise HarnessError(f"not a record: {content['measure']} on {wrong} has no value or a reason too many")


def lifted(run: Any) -> dict[str, Any]:
    """A run of any version as one of this version; HarnessError for a version that is newer, or none."""
    version = run.get("schema_version") if isinstance(run, dict) else None
    if version == SCHEMA_VERSION:
        return dict(run)
    if version in OF_PARTS:
        return _from_third(run)
    if version not in WHOLE_RUNS:
        known = ", ".join((*WHOLE_RUNS, *OF_PARTS, SCHEMA_VERSION))
        if _is_newer(version):
            raise HarnessError(
                f"schema_version is {version}, which a newer shatterproof wrote; known here: {known}; update it"
            )
        raise HarnessError(f"not a record: schema_version is {version!r}; known: {known}")
    validate_part(run, "leaderboard", version)
    if version != "2.0":
        run = _from_first(run)
    zoo = {**run["zoo"], "data_sha256": None}  # older versions do not have it
    for record in run["entries"]:
        _check_models(record["measure"], record["rows"], zoo["models"])
    return {
        "schema_version": SCHEMA_VERSION,
        "zoo": zoo,
        "entries": [sealed(_without_units(record), zoo, FIRST_PROTOCOL) for record in run["entries"]],
    }


def _from_third(run: Mapping[str, Any]) -> dict[str, Any]:
    """3.0: every record has its own digest, which has to hold, and its protocol, which stays."""
    validate_part({name: value for name, value in run.items() if name != "entries"}, "zoo", "3.0")
    zoo, entries = run["zoo"], run.get("entries", [])
    if not isinstance(entries, list):
        raise HarnessError(f"not a record: its entries are {entries!r:.60}; expected a list")
    for record in entries:
        validate_part(record, "record", "3.0")
        if record["digest"] != digest_of(record):
            raise HarnessError(f"the record of {record['measure']} was changed after it was written")
        _check_models(record["measure"], record["rows"], zoo["models"])
    return {
        "schema_version": SCHEMA_VERSION,
        "zoo": zoo,
        "entries": [lifted_record(record, zoo) for record in entries],
    }


def lifted_record(record: Mapping[str, Any], zoo: Mapping[str, Any]) -> dict[str, Any]:
    """A record of 3.0, whose digest holds, as one of this version."""
    about = ("digest", "schema_version", "zoo", "protocol")
    measured = {name: value for name, value in record.items() if name not in about}
    return sealed(_without_units(measured), zoo, record["protocol"])


def _without_units(record: Mapping[str, Any]) -> dict[str, Any]:
    """The verdicts of older versions, which counted twins: of units nothing was decided."""
    return {**record, "suites": {condition: _counted(suite) for condition, suite in record["suites"].items()}}


def _counted(suite: Mapping[str, Any]) -> dict[str, Any]:
    units = [
        {"setting": "", "network": network, "wins": part["wins"], "ties": part["ties"], "losses": None}
        | {"seeds": part["pairs"], "decision": None}
        for network, part in suite["by_network"].items()
    ]
    kept = {name: value for name, value in suite.items() if name != "by_network"}
    unknown = dict.fromkeys(("won", "lost", "p_inverted", "p_heterogeneity"))
    return {**kept, **unknown, "units": units, "note": ""}


def _from_first(run: dict[str, Any]) -> dict[str, Any]:
    """1.0 and 1.1 (without and with findings): rows and models by key, one environment for all measures."""
    ids = {key: model["id"] for key, model in run["zoo"]["models"].items()}
    models = {
        model["id"]: {"key": key, **{name: value for name, value in model.items() if name != "id"}}
        for key, model in run["zoo"]["models"].items()
    }
    records = []
    for record in run["entries"]:
        _check_models(record["measure"], [row["recipe"] for row in record["rows"]], ids)
        rows = {ids[row["recipe"]]: row for row in record["rows"]}
        findings = {
            suite: {clause: {"status": "", "detail": "", **finding} for clause, finding in clauses.items()}
            for suite, clauses in record.get("findings", {}).items()
        }
        records.append(
            {
                **record,
                "findings": findings,
                "rows": {name: [row["value"], row["seconds"]] for name, row in rows.items()},
                "reasons": {name: [row["status"], row["reason"]] for name, row in rows.items() if row["value"] is None},
                "environment": run["environment"],
            }
        )
    return {**run, "zoo": {**run["zoo"], "models": models}, "entries": records}


def _check_models(measure: str, rows: Iterable[str], models: Mapping[str, Any]) -> None:
    for name in rows:
        if name not in models:
            raise HarnessError(f"not a record: {measure} has a row on {name:.100}, which its zoo does not have")


def _is_newer(version: Any) -> bool:
    try:
        return [int(part) for part in version.split(".")] > [int(part) for part in SCHEMA_VERSION.split(".")]
    except (AttributeError, ValueError):
        return False


def _sha256(content: Any) -> str:
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


@functools.cache
def _validator(kind: str, version: str) -> jsonschema.Draft202012Validator:
    if kind == "run":
        outline = {"schema_version": {"const": SCHEMA_VERSION}, "zoo": {"type": "object"}, "entries": {"type": "array"}}
        schema: dict[str, Any] = {
            "type": "object",
            "properties": outline,
            "required": list(outline),
            "additionalProperties": False,
        }
    else:
        schema = json.loads((FOLDER / f"{kind}-{version}.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)
