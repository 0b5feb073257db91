"""A record never loses what it had: a new run of a measure adds to its record, or is refused.

What a smaller run measured (the gate alone, some of the suites) is put beside what the record has, where both are of
the same measure, networks and machine; the newer replaces the same part of the older. Else the new record takes the
old one's place if it has all that the old one had.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.records.schema import sealed
from harness.zoo.definition import gate_of

BUILT_IN = "measures."  # origins of measures of this project begin so: they have one registry, and no name twice
ONE_STATE = ("version", "source_sha256", "protocol")
ONE_MACHINE = ("python", "packages", "system", "cpu", "gpu")
NOT_JOINED = ("digest", "schema_version", "zoo", "protocol", "standard_errors", "blinded")


def joined_with(old: Mapping[str, Any], new: Mapping[str, Any], zoo: Mapping[str, Any], place: Path) -> dict[str, Any]:
    """The record to be kept at `place` in place of `old`; `zoo` is described with the models of both.

    HarnessError, with what would be lost and what to do, if they are of two measures, or if something would be lost.
    """
    check_same_measure(old, new, place)
    lost = [*_lost(old, new)]
    if not lost:
        return dict(new)
    if _states_alike(old, new):
        return sealed(_union(old, new, gate_of(zoo)), zoo, new["protocol"])
    raise HarnessError(
        f"{place} has more than this run: {', '.join(lost)}; nothing is lost: it stays as it is. Run all of the suites "
        f"for {new['measure']}, or write this record to another folder, for which nothing is measured again"
    )


def check_same_measure(old: Mapping[str, Any], new: Mapping[str, Any], place: Path) -> None:
    """HarnessError if the record at `place` is of another measure of the same name, by where both come from."""
    ours, theirs = (record["origin"] for record in (new, old))
    if ours != theirs and not (ours.startswith(BUILT_IN) and theirs.startswith(BUILT_IN)):
        raise HarnessError(
            f"{place} is the record of another measure named {new['measure']} (of {theirs}; this one is of {ours}); "
            "rename the function, or write its record to another folder"
        )


def _lost(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What the old record has and the new one has not."""
    if rows := old["rows"].keys() - new["rows"].keys():
        yield f"rows on {len(rows)} of {len(old['rows'])} networks"
    if conditions := [name for name in old["suites"] if name not in new["suites"]]:
        yield f"the verdict on {' and '.join(conditions)}".replace("_", " ")
    clauses = [(suite, clause) for suite, found in old["findings"].items() for clause in found]
    missing = [clause for suite, clause in clauses if clause not in new["findings"].get(suite, {})]
    if missing:
        yield f"{len(missing)} of {len(clauses)} findings"
    if old["contract"] is not None and new["contract"] is None:
        yield "the contract"
    if hidden := old.get("blinded", {}).keys() - new.get("blinded", {}).keys():
        yield f"the values without {' and '.join(sorted(hidden)).replace('_', ' ')}"


def _states_alike(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    machines = [record["environment"] for record in (old, new)]
    same_data = all(old["zoo"][name] == new["zoo"][name] for name in ("name", "data_sha256", "training_version"))
    return (
        same_data
        and all(old[name] == new[name] for name in ONE_STATE)
        and all(machines[0][name] == machines[1][name] for name in ONE_MACHINE)
    )


def _union(old: Mapping[str, Any], new: Mapping[str, Any], gate: Sequence[str]) -> dict[str, Any]:
    rows = {**old["rows"], **new["rows"]}
    suites = {**old["suites"], **new["suites"]}
    findings = {
        suite: {**old["findings"].get(suite, {}), **new["findings"].get(suite, {})}
        for suite in dict.fromkeys([*old["findings"], *new["findings"]])
    }
    reasons = {name: (new if name in new["rows"] else old)["reasons"].get(name) for name in rows}
    errors = {
        name: error
        for name in rows
        if (error := (new if name in new["rows"] else old).get("standard_errors", {}).get(name)) is not None
    }
    from harness.judging.verdict import gate_verdict  # it imports torch

    verdict = gate_verdict({condition: suite["verdict"] for condition, suite in suites.items()}, gate)
    return {
        **{name: value for name, value in new.items() if name not in NOT_JOINED},
        "rows": rows,
        "reasons": {name: reason for name, reason in reasons.items() if reason is not None},
        **({"standard_errors": errors} if errors else {}),
        **({"blinded": blinded} if (blinded := {**old.get("blinded", {}), **new.get("blinded", {})}) else {}),
        "suites": suites,
        "findings": findings,
        "contract": new["contract"] if new["contract"] is not None else old["contract"],
        "verdict": verdict,
        "complete": verdict is not None,
        "seconds_per_model": statistics.median_high([seconds for _, seconds in rows.values()]) if rows else None,
    }
