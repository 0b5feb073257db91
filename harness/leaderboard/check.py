"""Is every record what it says? Its schema, its digest, and every verdict and finding once more from its rows.

A value edited by hand no longer matches the digest, nor the numbers that follow from it. Of a record of an older
protocol nothing is computed again: its digest, its models and its schema are checked.
"""

import collections
import contextlib
import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.files.strict_json import read_json
from harness.leaderboard.check_record import differs, problems_in
from harness.leaderboard.check_zoo import problems_of_zoo
from harness.leaderboard.claimed.claims_file import claims_beside
from harness.leaderboard.reading import zoo_paths
from harness.leaderboard.recompute import RecordedZoo, recorded_zoo
from harness.leaderboard.standings import leaderboard
from harness.records.record_files import LEADERBOARD_FILE, ZOO_FILE, read_run_file, record_paths
from harness.records.schema import PROTOCOL, SCHEMA_VERSION, lifted, validate_part
from harness.workers.process_a_core import process_a_core

MANY = 20  # records, from which on starting processes pays
CHUNK = 8  # of them go to a process with one copy of the zoo
UNKNOWN = 0  # in place of a protocol that cannot be read
UNREADABLE = "cannot be read"  # in place of a record that cannot be read: why


Tick = Callable[[str, int], None]
Pool = Callable[[], ProcessPoolExecutor]
"""The processes that check records, started when it is first called."""


def check(path: Path, tick: Tick = lambda what, protocol: None) -> list[str]:
    """What is wrong with the records at `path` (see reading.py), a sentence each; none if nothing is.

    `tick` is called with the name of each record and its protocol.
    """
    problems: list[str] = []
    runs: dict[str, dict[str, Any]] = {}
    with contextlib.ExitStack() as stack:
        pool = functools.cache(lambda: stack.enter_context(process_a_core()))  # one for all zoos, where any needs it
        for zoo_path in zoo_paths(path):
            found, sound = _check_zoo(zoo_path, tick, pool)
            problems += found
            if sound is not None and sound["zoo"]["name"] in runs:
                problems.append(f"{zoo_path}: the zoo {sound['zoo']['name']} is in another place as well; merge them")
            elif sound is not None:
                runs[sound["zoo"]["name"]] = sound
    derived = path / LEADERBOARD_FILE
    if not problems and derived.exists():
        problems += _check_derived(derived, runs)
    return problems


def _check_derived(derived: Path, runs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    try:
        content = leaderboard(runs, claims_beside(derived.parent))
        validate_part(content, "leaderboard")
        if differs(read_json(derived), content):
            return [f"{derived} does not follow from the records; run leaderboard build"]
    except HarnessError as problem:
        return [str(problem)]
    return []


def _check_zoo(zoo_path: Path, tick: Tick, pool: Pool) -> tuple[list[str], dict[str, Any] | None]:
    """Problems, and the run if there are none."""
    try:
        run, files = _read_parts(zoo_path)
        if problems := _problems_of_zoo(run["zoo"], [record for _, record in files]):
            return [f"{zoo_path}: {problem}" for problem in problems], None
    except HarnessError as problem:
        text = str(problem)
        return [text if text.startswith(str(zoo_path)) else f"{zoo_path}: {text}"], None
    problems = [record[UNREADABLE] for _, record in files if UNREADABLE in record]
    files = [(where, record) for where, record in files if UNREADABLE not in record]
    names = collections.Counter(str(record.get("measure")).casefold() for _, record in files)
    checked = _check_records([record for _, record in files], run["zoo"], pool)
    for (where, record), found in zip(files, checked, strict=True):
        tick(str(record.get("measure")), _protocol(record))
        if zoo_path.is_dir() and record.get("measure") != Path(where).stem:
            found.append(f"is of {record.get('measure')!r}; a record is named for its measure")
        if names[str(record.get("measure")).casefold()] > 1:
            found.append("appears twice")
        problems += [f"{where}: {problem}" for problem in found]
    return problems, None if problems else {**run, "entries": [record for _, record in files]}


def sound(protocols: Sequence[int]) -> str:
    """The sentence for records, of these protocols, of which nothing is wrong."""
    count = protocols.count(PROTOCOL)
    said = [f"{count} record{'' if count == 1 else 's'}, whose verdicts and findings follow from their rows"]
    for older in sorted({*protocols} - {PROTOCOL}):
        said.append(f"{protocols.count(older)} of protocol {older}, whose verdicts are not computed again")
    return f"sound: {'; '.join(said)}"


def _problems_of_zoo(described: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of a zoo whose records are all of an older protocol, it may be defined otherwise here."""
    if records and all(_protocol(record) not in (PROTOCOL, UNKNOWN) for record in records):
        return []
    return problems_of_zoo(described, recorded_zoo(described))


def _protocol(record: Mapping[str, Any]) -> int:
    protocol = record.get("protocol")
    return protocol if isinstance(protocol, int) else UNKNOWN


def _read_parts(zoo_path: Path) -> tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]:
    """A run without its entries, and these with the paths they are from; UNREADABLE for what cannot be read."""
    files: list[tuple[str, dict[str, Any]]] = []
    if zoo_path.is_file():
        run = read_run_file(zoo_path)
        run = run if run.get("schema_version") == SCHEMA_VERSION else lifted(run)
        validate_part(run, "run")
        files = [(f"{zoo_path}: {record.get('measure')}", record) for record in run["entries"]]
    else:
        run = read_json(zoo_path / ZOO_FILE)
        for path in record_paths(zoo_path):
            try:
                files.append((str(path), read_json(path)))
            except HarnessError as problem:
                files.append((str(path), {UNREADABLE: str(problem)}))
        if run.get("schema_version") != SCHEMA_VERSION:
            run = lifted({**run, "entries": [record for _, record in files]})
            files = [(where, record) for (where, _), record in zip(files, run["entries"], strict=True)]
    zoo: dict[str, Any] = {name: run[name] for name in ("schema_version", "zoo") if name in run}
    validate_part(zoo, "zoo")
    return zoo, files


def _check_records(records: list[dict[str, Any]], described: Mapping[str, Any], pool: Pool) -> Iterator[list[str]]:
    """What is wrong with each, in their order; many of them in a process a core."""
    if len(records) < MANY:
        recorded = RecordedZoo(described)
        yield from (problems_in(record, recorded) for record in records)
    else:
        check_one = functools.partial(_check_sent, sent=json.dumps(described).encode())
        yield from pool().map(check_one, records, chunksize=CHUNK)


def _check_sent(record: dict[str, Any], sent: bytes) -> list[str]:
    return problems_in(record, _received(sent))


@functools.lru_cache(maxsize=1)
def _received(sent: bytes) -> RecordedZoo:
    """The zoo of the records that are checked in this process now: chunk after chunk has it, and it is read once."""
    return RecordedZoo(json.loads(sent))
