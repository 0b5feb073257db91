"""The measures of a proposal put to the suites, and what of their outcomes stands in its way."""

import dataclasses
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.baseline import baseline_of
from harness.errors import HarnessError
from harness.leaderboard.check_record import problems_of
from harness.leaderboard.standings import standings
from harness.proposal.changed import BASELINES, Changes
from harness.record_files import RESERVED, ZOO_FILE, read_record
from harness.record_schema import validate_part
from harness.settings import Settings
from harness.strict_json import read_json

ZOO = "digits"
SUITES_ENDED = (0, 1)  # pytest's status where every test ran: a measure that fails is an answer


@dataclasses.dataclass(frozen=True)
class Judged:
    """The run of the suites (None if there was nothing to judge), the base's records, and what was found.

    `failures` stand in the way of the proposal, `notes` do not; sentences both. `ranks`: (before, after) by measure.
    """

    run: Mapping[str, Any] | None
    failures: tuple[str, ...]
    notes: tuple[str, ...]
    ranks: Mapping[str, tuple[int | None, int | None]]
    ranked: int


def to_judge(changes: Changes, root: Path, unsound: Sequence[str] = ()) -> list[str]:
    """The added and altered measures, and those whose record on the zoo is another one, unless it is unsound."""
    recorded = [
        path.stem
        for path in changes.records
        if path.parent.name == ZOO and path.name not in RESERVED and (root / path).exists()
    ]
    wanted = {*changes.added, *changes.altered, *(name for name in recorded if name not in changes.removed)}
    return sorted(wanted - set(unsound))


def run_suites(measures: Sequence[str], root: Path, settings: Settings, say: Any) -> dict[str, Any]:
    """`pytest suites/` for the measures, in a process of its own; the run that it records. HarnessError if none."""
    with tempfile.TemporaryDirectory(prefix="proposal-") as folder:
        place = Path(folder) / "run.json"
        command = [sys.executable, "-m", "pytest", "suites/", "--measure", ",".join(measures), "--zoo", ZOO]
        command += ["--leaderboard", str(place), "--cache-dir", str(settings.cache_dir)]
        command += ["--data-dir", str(settings.data_dir), "--workers", str(settings.workers), "-p", "no:cacheprovider"]
        say(f"pytest suites/ --measure={','.join(measures)}")
        result = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True, check=False)
        if result.returncode not in SUITES_ENDED or not place.exists():
            last = "\n".join(result.stdout.splitlines()[-15:])
            raise HarnessError(f"the suites ended with status {result.returncode} and no record:\n{last}")
        return read_record(place)


def unsound_records(changes: Changes, root: Path) -> dict[Path, list[str]]:
    """What is wrong with each record that the change touches; with every one of a zoo whose models it touches."""
    found: dict[Path, list[str]] = {}
    touched = {root / path for path in changes.records}
    for zoo_file in [path for path in touched if path.name == ZOO_FILE and path.exists()]:
        touched |= {path for path in zoo_file.parent.glob("*.json") if path.name not in RESERVED}
    for path in sorted(touched):
        if path.name in RESERVED or not path.exists():
            continue
        try:
            zoo = read_json(path.parent / ZOO_FILE)
            validate_part(zoo, "zoo")
            problems = problems_of(read_json(path), zoo["zoo"])
        except HarnessError as problem:
            problems = [str(problem)]
        if problems:
            found[path.relative_to(root)] = problems
    return found


def judge(
    changes: Changes,
    run: Mapping[str, Any] | None,
    base: Mapping[str, Any] | None,
    head: Mapping[str, Any] | None,
    unsound: Mapping[Path, Sequence[str]],
) -> Judged:
    """What follows: from the suites' run, from the records of the zoo in the base and in the change (None for none)."""
    failures = [f"{path}: {each}" for path, problems in unsound.items() for each in problems]
    notes = [f"{name} is removed" for name in changes.removed]
    entries = {entry["measure"]: entry for entry in run["entries"]} if run else {}
    for name in changes.added:
        failures += _added(entries[name]) if name in entries else []
    for name, entry in entries.items():
        before, after = _recorded(base, name), _recorded(head, name)
        if before is not None:
            changed = outcomes_changed(before, entry)
            if changed and entry["version"] == before["version"]:
                failures += [f"{name}: {each}, under the same version; raise it" for each in changed]
            elif changed:
                notes += [f"{name}: {each}; version {before['version']} -> {entry['version']}" for each in changed]
        if after is not None and after != before:
            failures += [
                f"{name}: its record is not what was measured here: {e}" for e in outcomes_changed(after, entry)
            ]
        if after is None or after["source_sha256"] != entry["source_sha256"]:
            notes.append(f"{name} is to be recorded: pytest suites/ --measure={name} --leaderboard={BASELINES}/{ZOO}")
    notes += _other_weights(run, base)
    ranks, ranked = _ranks(run, base)
    return Judged(run, tuple(failures), tuple(notes), ranks, ranked)


def outcomes_changed(recorded: Mapping[str, Any], entry: Mapping[str, Any]) -> list[str]:
    """How the outcomes of a measure differ from those recorded, a phrase each; the clock's (cost) are no outcomes."""
    before, after = (baseline_of({"entries": [each]}) for each in (recorded, entry))
    pairs = [(condition, before.gate[_, condition], after.gate.get((_, condition))) for _, condition in before.gate]
    pairs += [
        (f"{suite}, {clause}", before.findings[_, suite, clause], after.findings.get((_, suite, clause)))
        for _, suite, clause in before.findings
        if suite != "cost"
    ]
    return [
        f"{what} was {was}, is {now}".replace("_", " ") for what, was, now in pairs if now is not None and now != was
    ]


def _added(entry: Mapping[str, Any]) -> list[str]:
    failures = []
    if entry["verdict"] != "separates":
        failures.append(f"{entry['measure']} fails the gate: {entry['verdict'] or 'it has no verdict'}")
    if entry["contract"] != "passes":
        failures.append(f"{entry['measure']} breaks its contract: {entry['contract'] or 'not all of it was asked'}")
    return failures


def _recorded(run: Mapping[str, Any] | None, name: str) -> Mapping[str, Any] | None:
    return next((each for each in run["entries"] if each["measure"] == name), None) if run else None


def _other_weights(run: Mapping[str, Any] | None, base: Mapping[str, Any] | None) -> list[str]:
    """Networks that another processor trains to other weights may give another outcome, where one is close."""
    if run is None or base is None:
        return []
    ours, theirs = run["zoo"]["models"], base["zoo"]["models"]
    common = ours.keys() & theirs.keys()
    other = sum(ours[name]["weights_sha256"] != theirs[name]["weights_sha256"] for name in common)
    if not other:
        return []
    return [
        f"{other} of {len(common)} networks have other weights here than recorded: a close outcome may differ for that"
    ]


def _ranks(
    run: Mapping[str, Any] | None, base: Mapping[str, Any] | None
) -> tuple[dict[str, tuple[int | None, int | None]], int]:
    if run is None:
        return {}, 0
    known = {entry["measure"]: entry for entry in base["entries"]} if base else {}
    measured = {entry["measure"]: entry for entry in run["entries"]}
    zoo = base["zoo"] if base else run["zoo"]
    before, after = (
        {each["measure"]: each["rank"] for each in standings(list(entries.values()), zoo)["entries"]}
        for entries in (known, known | measured)
    )
    return {name: (before.get(name), after[name]) for name in measured}, sum(r is not None for r in after.values())
