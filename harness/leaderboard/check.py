"""Is every record what it says? Its schema, its digest, and every verdict and finding once more from its rows.

Who edits a value by hand has to make the digest anew, and then every number that follows from the value.
"""

import collections
import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.leaderboard.reading import LEADERBOARD_FILE, zoo_places
from harness.leaderboard.recompute import answered_again, recorded_zoo, rejudged
from harness.leaderboard.standings import leaderboard
from harness.public_text import private_texts
from harness.questions import QUESTIONS
from harness.record import round_number
from harness.record_files import ZOO_FILE, record_paths
from harness.record_schema import SCHEMA_VERSION, digest_of, lifted, models_digest, validate_part
from harness.strict_json import read_json
from harness.zoo import GATE, Zoo

TOLERANCE = 2e-5  # of reported numbers, which have six digits
SECONDS = "seconds"  # of a verdict: rows have theirs rounded further
BUILT_IN = "measures."
UNREADABLE = "cannot be read"  # in the place of a record that is none: why


def check(path: Path, tick: Callable[[str], None] = lambda what: None) -> list[str]:
    """What is wrong with the records at `path` (see reading.py), a sentence each; none if nothing is.

    `tick` is called with the name of each record as it is begun.
    """
    problems: list[str] = []
    runs: dict[str, dict[str, Any]] = {}
    for place in zoo_places(path):
        found, sound = _check_zoo(place, tick)
        problems += found
        if sound is not None and sound["zoo"]["name"] in runs:
            problems.append(f"{place}: the zoo {sound['zoo']['name']} is in another place as well; merge them")
        elif sound is not None:
            runs[sound["zoo"]["name"]] = sound
    derived = path / LEADERBOARD_FILE
    if not problems and derived.exists():
        problems += _check_derived(derived, runs)
    return problems


def _check_derived(derived: Path, runs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    try:
        content = leaderboard(runs)
        validate_part(content, "leaderboard")
        if differs(read_json(derived), content):
            return [f"{derived} does not follow from the records; run leaderboard build"]
    except HarnessError as problem:
        return [str(problem)]
    return []


def _check_zoo(place: Path, tick: Callable[[str], None]) -> tuple[list[str], dict[str, Any] | None]:
    """Problems, and the run if there are none."""
    try:
        run, files = _read_parts(place)
        zoo = recorded_zoo(run["zoo"])
    except HarnessError as problem:
        text = str(problem)
        return [text if text.startswith(str(place)) else f"{place}: {text}"], None
    problems = [entry[UNREADABLE] for _, entry in files if UNREADABLE in entry]
    files = [(where, entry) for where, entry in files if UNREADABLE not in entry]
    names = collections.Counter(str(entry.get("measure")).casefold() for _, entry in files)
    for where, entry in files:
        tick(str(entry.get("measure")))
        found = list(_check_record(entry, run["zoo"], zoo))
        if place.is_dir() and entry.get("measure") != Path(where).stem:
            found.append(f"is of {entry.get('measure')!r}; a record is named for its measure")
        if names[str(entry.get("measure")).casefold()] > 1:
            found.append("is there twice")
        problems += [f"{where}: {each}" for each in found]
    return problems, None if problems else {**run, "entries": [entry for _, entry in files]}


def _read_parts(place: Path) -> tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]:
    """A run without its entries, and these with the places they are from; UNREADABLE for what cannot be read."""
    files: list[tuple[str, dict[str, Any]]] = []
    if place.is_file():
        run = read_json(place)
        run = run if run.get("schema_version") == SCHEMA_VERSION else lifted(run)
        validate_part(run, "run")
        files = [(f"{place}: {entry.get('measure')}", entry) for entry in run["entries"]]
    else:
        run = read_json(place / ZOO_FILE)
        for path in record_paths(place):
            try:
                files.append((str(path), read_json(path)))
            except HarnessError as problem:
                files.append((str(path), {UNREADABLE: str(problem)}))
        if run.get("schema_version") != SCHEMA_VERSION:
            run = lifted({**run, "entries": [entry for _, entry in files]})
            files = [(where, entry) for (where, _), entry in zip(files, run["entries"], strict=True)]
    zoo: dict[str, Any] = {name: run[name] for name in ("schema_version", "zoo") if name in run}
    validate_part(zoo, "zoo")
    return zoo, files


def _check_record(entry: dict[str, Any], described: Mapping[str, Any], zoo: Zoo) -> Iterator[str]:
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
