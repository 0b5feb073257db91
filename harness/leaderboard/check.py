"""Is every record what it says? Its schema, its digest, and every verdict and finding once more from its rows.

Who edits a value by hand has to make the digest anew, and then every number that follows from the value.
"""

import collections
import functools
import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.leaderboard.check_record import differs, problems_of
from harness.leaderboard.reading import zoo_places
from harness.leaderboard.recompute import recorded_zoo
from harness.leaderboard.standings import leaderboard
from harness.record_files import LEADERBOARD_FILE, ZOO_FILE, record_paths
from harness.record_schema import SCHEMA_VERSION, lifted, validate_part
from harness.settings import cores
from harness.strict_json import read_json

MANY = 20  # records, from which on starting processes pays
CHUNK = 8  # of them go to a process with one copy of the zoo
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
        recorded_zoo(run["zoo"])
    except HarnessError as problem:
        text = str(problem)
        return [text if text.startswith(str(place)) else f"{place}: {text}"], None
    problems = [entry[UNREADABLE] for _, entry in files if UNREADABLE in entry]
    files = [(where, entry) for where, entry in files if UNREADABLE not in entry]
    names = collections.Counter(str(entry.get("measure")).casefold() for _, entry in files)
    for (where, entry), found in zip(files, _check_records([entry for _, entry in files], run["zoo"]), strict=True):
        tick(str(entry.get("measure")))
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


def _check_records(entries: list[dict[str, Any]], described: Mapping[str, Any]) -> Iterator[list[str]]:
    """What is wrong with each, in their order; many of them in a process a core."""
    check_one = functools.partial(problems_of, described=described)
    if len(entries) < MANY:
        yield from map(check_one, entries)
    else:
        with ProcessPoolExecutor(cores(), multiprocessing.get_context("spawn")) as pool:
            yield from pool.map(check_one, entries, chunksize=CHUNK)
