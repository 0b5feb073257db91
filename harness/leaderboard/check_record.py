"""Is one record what it says? Its schema, its digest, its zoo, and all that follows from its rows."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

from harness.errors import HarnessError
from harness.leaderboard.recompute import answered_again, recorded_zoo, rejudged
from harness.public_text import private_texts
from harness.questions import QUESTIONS
from harness.record import round_number
from harness.record_files import ZOO_FILE
from harness.record_schema import SCHEMA_VERSION, digest_of, lifted, models_digest, validate_part
from harness.zoo import GATE, Zoo

TOLERANCE = 2e-5  # of reported numbers, which have six digits
SECONDS = "seconds"  # of a verdict: rows have theirs rounded further
BUILT_IN = "measures."


def problems_of(entry: dict[str, Any], described: Mapping[str, Any]) -> list[str]:
    """What is wrong with a record of the zoo that is `described`, a sentence each without the record's place."""
    return list(_problems(entry, described, recorded_zoo(described)))


def _problems(entry: dict[str, Any], described: Mapping[str, Any], zoo: Zoo) -> Iterator[str]:
    try:
        validate_part(entry, "record")
    except HarnessError as problem:
        yield _version_first(entry, str(problem))
        return
    if entry["digest"] != digest_of(entry):
        yield "was changed after it was written: its digest is of other content"
    for place, text in private_texts(entry):
        yield f"{place} has {text!r}: a record names no folder and no host of the machine it was measured on"
    for name in ("name", "digest", "data_set", "data_sha256", "training_version"):
        if entry["zoo"][name] != described[name] and (entry["complete"] or name != "digest"):
            yield f"is of another zoo: {name} is {entry['zoo'][name]!r}, here {described[name]!r}"
    if unknown := [name for name in entry["rows"] if name not in described["models"]]:
        yield f"has a row on {unknown[0]}, which {ZOO_FILE} does not have"
        return
    if entry["zoo"]["models_digest"] != models_digest(entry["rows"], described["models"]):
        yield f"is of models with other weights than {ZOO_FILE} has"
    yield from _check_registered(entry)
    yield from _check_gate(entry, described, zoo)
    yield from _check_findings(entry, described, zoo)


def _version_first(entry: Mapping[str, Any], problem: str) -> str:
    version = entry.get("schema_version")
    if version == SCHEMA_VERSION:
        return problem
    try:
        lifted(entry)
    except HarnessError as newer:
        return str(newer)
    return problem


def _check_registered(entry: Mapping[str, Any]) -> Iterator[str]:
    """Measures of this project; those from a user's own file or package cannot all be looked up here."""
    from harness.measure_lookup import find_measures

    if entry["origin"].startswith(BUILT_IN):
        try:
            find_measures([entry["measure"]])
        except HarnessError:
            yield f"is of {entry['measure']}, which is not registered; was it renamed or removed? remove its record too"


def _check_gate(entry: Mapping[str, Any], described: Mapping[str, Any], zoo: Zoo) -> Iterator[str]:
    for condition in GATE:
        if condition not in entry["suites"]:
            continue
        try:
            verdict = dataclasses.asdict(rejudged(entry, described, zoo, condition))
        except KeyError as missing:
            yield f"has a verdict on {condition} but no row on {missing.args[0]}"
            continue
        verdict["verdict"] = verdict.pop("status")
        again = {name: verdict[name] for name in entry["suites"][condition] if name != SECONDS}
        recorded = {name: value for name, value in entry["suites"][condition].items() if name != SECONDS}
        yield from _differences(f"suites.{condition}", recorded, round_number(again))
    statuses = [entry["suites"][each]["verdict"] for each in GATE if each in entry["suites"]]
    complete = len(statuses) == len(GATE)
    answer = next((each for each in statuses if each != "separates"), "separates") if complete else None
    yield from _differences("verdict", entry["verdict"], answer)
    yield from _differences("complete", entry["complete"], complete)


def _check_findings(entry: Mapping[str, Any], described: Mapping[str, Any], zoo: Zoo) -> Iterator[str]:
    for question in QUESTIONS:
        for answer in question.answers:
            recorded = entry["findings"].get(question.name, {}).get(answer.__name__)
            if recorded is None:
                continue
            again = answered_again(entry, described, zoo, question, answer)
            place = f"findings.{question.name}.{answer.__name__}"
            if again is None and recorded["skipped"]:
                continue  # its premise did not hold, so nobody was judged
            if again is None:
                yield f"has {place} but not the rows that it follows from"
                continue
            judged = {"status": again.status, "numbers": round_number(again.numbers), "passes": not again.problem}
            said = {"status": recorded["status"], "numbers": recorded["numbers"], "passes": not recorded["problem"]}
            yield from _differences(place, said, judged)


def _differences(place: str, recorded: Any, again: Any) -> Iterator[str]:
    if differs(recorded, again):
        if isinstance(recorded, dict) and isinstance(again, dict) and recorded.keys() == again.keys():
            for name in recorded:
                yield from _differences(f"{place}.{name}", recorded[name], again[name])
        else:
            yield f"{place} is {recorded!r}, but {again!r} follows from the rows"


def differs(one: Any, other: Any) -> bool:
    """Do two pieces of JSON differ by more than the last digits of their numbers?"""
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is not other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return not math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=1e-12)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() != other.keys() or any(differs(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) != len(other) or any(map(differs, one, other))
    return bool(one != other)
