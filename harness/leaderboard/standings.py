"""Records folded into a leaderboard. There is no rank: what passes the gate comes first, by its worst condition.

Measures that are complete, then the oracle (the gap itself, as if it could be measured), the controls, and what is
incomplete; then records of an older protocol, which are shown as what they are. The same records, the same bytes.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.files.strict_json import read_json
from harness.leaderboard.across.summary import across
from harness.leaderboard.across.witnessed import Witnessed, measured, witnessed
from harness.leaderboard.claimed.claims_file import Claimed, claims_beside
from harness.leaderboard.claimed.found import claims_found
from harness.leaderboard.dominance import dominated_by, merits_of
from harness.leaderboard.groups import ROLES
from harness.leaderboard.left_out import LeftOut
from harness.leaderboard.reading import skim_record, zoo_paths
from harness.leaderboard.standing import oracle_of, standing_of
from harness.records.record_files import ZOO_FILE, read_record, record_paths
from harness.records.schema import LEADERBOARD_VERSION, PROTOCOL, SCHEMA_VERSION
from harness.settings import cores
from harness.workers.process_a_core import process_a_core

MANY = 60  # records, from which on starting processes pays
TIERS = ("fast", "slow", "retrain")
Skimmed = tuple[dict[str, Any], Witnessed | None]
"""A record's standing, and what its units say beside those of other zoos; None for an older record."""


def build(path: Path) -> dict[str, Any]:
    """The content of leaderboard.json from the records at `path` (see reading.py), of which only digests are checked.

    HarnessError for what is not a record, was changed, or is of a zoo that is in two places.
    """
    found: dict[str, tuple[dict[str, Any], list[Skimmed]]] = {}
    for zoo_path in zoo_paths(path):
        if zoo_path.is_dir() and (content := read_json(zoo_path / ZOO_FILE)).get("schema_version") == SCHEMA_VERSION:
            zoo, lines = content["zoo"], skimmed(record_paths(zoo_path), content["zoo"])
        else:
            run = read_record(zoo_path)
            zoo, lines = run["zoo"], _both(run["entries"], run["zoo"])
        if zoo["name"] in found:
            raise HarnessError(f"{path} has the zoo {zoo['name']} in two places, {zoo_path} is one; merge them")
        found[zoo["name"]] = zoo, lines
    return _leaderboard(found, claims_beside(path))


def leaderboard(runs: Mapping[str, Mapping[str, Any]], claims: Mapping[str, Claimed] | None = None) -> dict[str, Any]:
    """The same from runs, by the zoo's name, that were read and validated, and from the claims beside them."""
    return _leaderboard({name: (run["zoo"], _both(run["entries"], run["zoo"])) for name, run in runs.items()}, claims)


def _leaderboard(
    found: Mapping[str, tuple[Mapping[str, Any], Sequence[Skimmed]]], claims: Mapping[str, Claimed] | None
) -> dict[str, Any]:
    zoos = {name: _folded([standing for standing, _ in lines], zoo) for name, (zoo, lines) in sorted(found.items())}
    told = [(zoo, [said for _, said in lines if said is not None]) for zoo, lines in found.values()]
    measures = measured(each for _, lines in told for each in lines)
    claimed = claims_found(claims, measures) if claims else None
    return {"schema_version": LEADERBOARD_VERSION, "zoos": zoos, "across": across(told), "claims": claimed}


def standings(records: Sequence[Mapping[str, Any]], zoo: Mapping[str, Any]) -> dict[str, Any]:
    """One zoo's part of leaderboard.json."""
    return _folded(standings_of(records, zoo), zoo)


def standings_of(records: Sequence[Mapping[str, Any]], zoo: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The standing of each record, in their order."""
    return [standing for standing, _ in _both(records, zoo)]


def _both(records: Sequence[Mapping[str, Any]], zoo: Mapping[str, Any]) -> list[Skimmed]:
    left_out = LeftOut(zoo)
    return [(standing_of(record, left_out), witnessed(record)) for record in records]


def skimmed(files: Sequence[Path], zoo: Mapping[str, Any]) -> list[Skimmed]:
    """The same of the records in files, each with what its units say; of many in a process a core."""
    if len(files) < MANY:
        return _skimmed(files, zoo)
    chunks = [files[start :: cores()] for start in range(cores())]
    skim = functools.partial(_skimmed, zoo=zoo)
    with process_a_core() as pool:
        return [line for found in pool.map(skim, chunks) for line in found]


def _skimmed(files: Sequence[Path], zoo: Mapping[str, Any]) -> list[Skimmed]:
    left_out = LeftOut(zoo)
    return [_skimmed_one(file, left_out) for file in files]


def _skimmed_one(file: Path, left_out: LeftOut) -> Skimmed:
    record = skim_record(file)
    try:
        standing, said = standing_of(record, left_out), witnessed(record)
        merits_of(standing)
        TIERS.index(standing["cost"])
    except (KeyError, TypeError, AttributeError, ValueError) as cause:
        raise HarnessError(
            f"{file} is not as its schema says ({cause!r}); run leaderboard check {file.parent}"
        ) from cause
    return standing, said


def _folded(lines: list[dict[str, Any]], zoo: Mapping[str, Any]) -> dict[str, Any]:
    better = dominated_by(lines)  # without the oracle, which dominates whatever it does not equal
    for standing in lines:
        standing["dominated_by"] = better.get(standing["measure"])
    judged = [standing for standing in lines if standing["protocol"] == PROTOCOL]
    if judged and (oracle := oracle_of(zoo, LeftOut(zoo))) is not None:
        lines.append(oracle)
    suites = [suite for standing in lines for suite in standing["gate"].values()]
    return {
        "digest": zoo["digest"],
        "data_set": zoo["data_set"],
        "data_sha256": zoo["data_sha256"],
        "training_version": zoo["training_version"],
        "protocol": max((standing["protocol"] for standing in lines), default=PROTOCOL),
        "units": max((suite["units"] for suite in suites if suite["units"] is not None), default=None),
        "twins_per_condition": max((suite["pairs"] for suite in suites), default=0),
        "entries": sorted(lines, key=_place),
    }


def _place(standing: Mapping[str, Any]) -> tuple[bool, bool, int, bool, int, str]:
    merits = merits_of(standing)
    won = -merits[1][0] if merits else 0
    incomplete = not standing["complete"]
    passes = standing["verdict"] == "separates"
    older = standing["protocol"] != PROTOCOL
    return older, incomplete, ROLES.index(standing["role"]), not passes, won, standing["measure"]
