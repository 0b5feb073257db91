"""Is one record what it says? Its schema, its digest, its zoo, and all that follows from its rows by this protocol."""

import functools
import math
from collections.abc import Iterator, Mapping
from typing import Any

from harness.errors import HarnessError
from harness.evaluation.catalogue import declared
from harness.evaluation.finding import Finding
from harness.judging.questions import QUESTIONS
from harness.judging.questions.question import Rows
from harness.judging.reads import BLINDINGS, CLAUSE, what_it_reads
from harness.judging.verdict import gate_verdict
from harness.leaderboard.recompute import RecordedZoo, rejudged, rows_of
from harness.records.blinded_values import blinded_rows_of
from harness.records.joining import BUILT_IN
from harness.records.public_text import private_texts
from harness.records.record import round_number, suite_of
from harness.records.record_files import ZOO_FILE
from harness.records.schema import PROTOCOL, SCHEMA_VERSION, digest_of, lifted, models_digest, validate_part
from harness.zoo.zoo import GATE, Zoo

TOLERANCE = 2e-5  # of reported numbers, which have six digits
SECONDS = "seconds"  # of a verdict: rows have theirs rounded further


def problems_of(record: dict[str, Any], described: Mapping[str, Any]) -> list[str]:
    """What is wrong with a record of the zoo that is `described`, a sentence each without the record's path."""
    return problems_in(record, RecordedZoo(described))


def problems_in(record: dict[str, Any], recorded: RecordedZoo) -> list[str]:
    """The same of one of many records of a zoo."""
    return list(_problems(record, recorded))


def _problems(record: dict[str, Any], recorded: RecordedZoo) -> Iterator[str]:
    described = recorded.described
    try:
        validate_part(record, "record")
    except HarnessError as problem:
        yield _version_first(record, str(problem))
        return
    if record["digest"] != digest_of(record):
        yield "was changed after it was written: its digest is of other content"
    for where, text in private_texts(record):
        yield f"{where} has {text!r}: a record names no folder and no host of the machine it was measured on"
    for name in ("name", "digest", "data_set", "data_sha256", "training_version"):
        if record["zoo"][name] != described[name] and (record["complete"] or name != "digest"):
            yield f"is of another zoo: {name} is {record['zoo'][name]!r}, here {described[name]!r}"
    if unknown := [name for name in record["rows"] if name not in described["models"]]:
        yield f"has a row on {unknown[0]}, which {ZOO_FILE} does not have"
        return
    if record["zoo"]["models_digest"] != models_digest(record["rows"], described["models"]):
        yield f"is of models with other weights than {ZOO_FILE} has"
    yield from _check_registered(record)
    if record["protocol"] > PROTOCOL:
        yield f"is of protocol {record['protocol']}, of a newer shatterproof; known here: {PROTOCOL}; update it"
    if record["protocol"] == PROTOCOL:  # by older ones nothing can be computed here
        row = rows_of(record)
        yield from _check_gate(record, recorded, row)
        yield from _check_findings(record, recorded, row)
        yield from _check_reads(record, recorded.zoo, row)


def _version_first(record: Mapping[str, Any], problem: str) -> str:
    version = record.get("schema_version")
    if version == SCHEMA_VERSION:
        return problem
    try:
        lifted(record)
    except HarnessError as newer:
        return str(newer)
    return problem


def _check_registered(record: Mapping[str, Any]) -> Iterator[str]:
    """Measures of this project; those from a user's own file or package cannot all be looked up here."""
    name = record["measure"]
    if record["origin"].startswith(BUILT_IN) and name not in _own_names():
        yield f"is of {name}, which is not registered; was it renamed or removed? remove its record too"


@functools.cache
def _own_names() -> frozenset[str]:
    """As the files declare them: none is imported, for a proposal's are a stranger's. HarnessError if they cannot be
    read so."""
    try:
        return frozenset(measure.name for measure in declared())
    except (ValueError, SyntaxError) as cause:
        raise HarnessError(f"a measure of this project does not say by literals what it declares ({cause})") from cause


def _check_gate(record: Mapping[str, Any], recorded_zoo: RecordedZoo, row: Rows) -> Iterator[str]:
    zoo = recorded_zoo.zoo
    for condition in GATE:
        if condition not in record["suites"]:
            continue
        if condition not in zoo.gate:
            yield f"has a verdict on {condition}, which the {zoo.name} zoo does not ask for"
            continue
        try:
            again = suite_of(rejudged(record, recorded_zoo.described, zoo, condition, row))
        except KeyError as missing:
            yield f"has a verdict on {condition} but no row on {missing.args[0]}"
            continue
        judged, recorded = (
            {name: value for name, value in suite.items() if name != SECONDS}
            for suite in (again, record["suites"][condition])
        )
        yield from _differences(f"suites.{condition}", recorded, judged)
    verdict = gate_verdict({condition: suite["verdict"] for condition, suite in record["suites"].items()}, zoo.gate)
    yield from _differences("verdict", record["verdict"], verdict)
    yield from _differences("complete", record["complete"], verdict is not None)


def _check_findings(record: Mapping[str, Any], recorded_zoo: RecordedZoo, row: Rows) -> Iterator[str]:
    for question in QUESTIONS:
        for clause in question.clauses:
            recorded = record["findings"].get(question.name, {}).get(clause.__name__)
            if recorded is None:
                continue
            again = recorded_zoo.answered_again(record, row, question, clause)
            where = f"findings.{question.name}.{clause.__name__}"
            if again is None and recorded["skipped"]:
                continue  # its premise did not hold, so nobody was judged
            if again is None:
                yield f"has {where} but not the rows that it follows from"
                continue
            yield from _differences(where, *_said_twice(recorded, again))


def _check_reads(record: Mapping[str, Any], zoo: Zoo, row: Rows) -> Iterator[str]:
    """What it reads, from the values with a part hidden."""
    recorded = record["findings"].get(BLINDINGS.name, {}).get(CLAUSE)
    if recorded is None or recorded["skipped"]:
        return
    try:
        again = what_it_reads(zoo, row, blinded_rows_of(record))
    except KeyError as missing:
        yield f"has findings.{BLINDINGS.name} but not the value on {missing.args[0]} that it follows from"
        return
    yield from _differences(f"findings.{BLINDINGS.name}.{CLAUSE}", *_said_twice(recorded, again))


def _said_twice(recorded: Mapping[str, Any], again: Finding) -> tuple[dict[str, Any], dict[str, Any]]:
    """A finding as it is recorded and as it follows from the rows: what has to be the same."""
    said = {"status": recorded["status"], "numbers": recorded["numbers"], "passes": not recorded["problem"]}
    return said, {"status": again.status, "numbers": round_number(again.numbers), "passes": not again.problem}


def _differences(where: str, recorded: Any, again: Any) -> Iterator[str]:
    if differs(recorded, again):
        if isinstance(recorded, dict) and isinstance(again, dict) and recorded.keys() == again.keys():
            for name in recorded:
                yield from _differences(f"{where}.{name}", recorded[name], again[name])
        else:
            yield f"{where} is {recorded!r}, but {again!r} follows from the rows"


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
