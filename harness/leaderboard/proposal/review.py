"""The measures of a proposal put to the suites, and what of the results stands in its way."""

import dataclasses
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.files.strict_json import read_json
from harness.judging.agreement import Agreement
from harness.judging.baseline import baseline_of
from harness.leaderboard.check_record import problems_of
from harness.leaderboard.place import Place, place_of
from harness.leaderboard.proposal.changed import BASELINES, Changes
from harness.leaderboard.proposal.fresh import OnFreshTwins, agreements
from harness.leaderboard.proposal.fresh import failures as fresh_failures
from harness.leaderboard.proposal.unsealed import NOTHING_ASKED, Asked
from harness.leaderboard.standings import standings_of
from harness.records.record_files import RESERVED, ZOO_FILE, read_record
from harness.records.schema import validate_part
from harness.settings import Settings
from measures.registry import PACKAGE

ZOO = "digits"
TO_FILL_IN = "FILL IN"  # in a measure's template, where its author is to say something
SUITES_ENDED = (0, 1)  # pytest's status where every test ran: a measure that fails is a result


@dataclasses.dataclass(frozen=True)
class Review:
    """The run of the suites (None if there was nothing to judge), the base's records, and what was found.

    `failures` stand in the way of the proposal, `notes` do not; sentences both. `places`: of each measure among
    the others. `fresh`: the measures' gate on fresh twins, and `agreements` of the two; None and {} where nothing was
    judged. `specs`: what the suites were asked for, by the measure's name.
    """

    run: Mapping[str, Any] | None
    failures: tuple[str, ...]
    notes: tuple[str, ...]
    places: Mapping[str, Place]
    fresh: OnFreshTwins | None = None
    agreements: Mapping[str, Agreement] = dataclasses.field(default_factory=dict)
    specs: Mapping[str, str] = dataclasses.field(default_factory=dict)


def measures_to_judge(changes: Changes, root: Path, unsound: Sequence[str] = ()) -> list[str]:
    """The added and altered measures, and those whose record on the zoo is another one, unless it is unsound."""
    recorded = [
        path.stem
        for path in changes.records
        if path.parent.name == ZOO and path.name not in RESERVED and (root / path).exists()
    ]
    wanted = {*changes.added, *changes.altered, *(name for name in recorded if name not in changes.removed)}
    return sorted(wanted - set(unsound))


def run_suites(
    measures: Mapping[str, str], root: Path, settings: Settings, say: Any, more: Sequence[str] = ()
) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """`pytest suites/` for the measures, in a process of its own: the run that it records, and for each measure that
    crashed when it was tried, and is in no record, what was said of it. HarnessError if the suites did not end.
    `measures`: what to ask for by name. `more`: further arguments.
    """
    specs = ",".join(measures.values())
    with tempfile.TemporaryDirectory(prefix="proposal-") as folder:
        path = Path(folder) / "run.json"
        command = [sys.executable, "-m", "pytest", "suites/", *more, "--measure", specs, "--zoo", ZOO]
        command += ["--leaderboard", str(path), "--cache-dir", str(settings.cache_dir)]
        command += ["--data-dir", str(settings.data_dir), "--workers", str(settings.workers), "-p", "no:cacheprovider"]
        say(f"pytest {' '.join(['suites/', *more])} --measure={specs}")
        result = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True, check=False)
        crashed = _crashed([*measures], result.stdout)
        if result.returncode not in SUITES_ENDED or not (path.exists() or crashed):
            last = "\n".join(result.stdout.splitlines()[-15:])
            raise HarnessError(f"the suites ended with status {result.returncode} and no record:\n{last}")
        return _with_families(read_record(path)) if path.exists() else None, crashed


def _with_families(run: dict[str, Any]) -> dict[str, Any]:
    """The run, where a measure that was called as a stranger's has the family that it stands in."""
    for record in run["entries"]:
        package, *folders, _ = record["origin"].split(".")
        if package == PACKAGE.name and folders:
            record["family"] = folders[-1]
    return run


def _crashed(measures: Sequence[str], output: str) -> dict[str, str]:
    """Of the summary's sentences, those on measures that have no verdict at all."""
    sentences = {name: re.search(rf"^{name} (has no verdict: .*)", output, re.MULTILINE) for name in measures}
    return {name: found[1] for name, found in sentences.items() if found}


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


def review(
    changes: Changes,
    run: Mapping[str, Any] | None,
    base: Mapping[str, Any] | None,
    head: Mapping[str, Any] | None,
    unsound: Mapping[Path, Sequence[str]],
    crashed: Mapping[str, str],
    fresh: OnFreshTwins | None = None,
    asked: Asked = NOTHING_ASKED,
    root: Path = PACKAGE.parent,
) -> Review:
    """What follows: from the suites' run, from the records of the zoo in the base and in the change (None for none),
    from what was said of measures that crashed, from the run on fresh twins, from what was asked of the suites.
    `root` is the checkout that was judged."""
    failures = [f"{path}: {problem}" for path, problems in unsound.items() for problem in problems]
    failures += [f"{name} {sentence}" for name, sentence in crashed.items()]
    if changes.added:  # who adds a measure must not have a hand in what is said of it
        failures += [f"{sentence}; propose it on its own" for sentence in asked.warnings]
    notes = [f"{name} is removed" for name in changes.removed]
    notes += [*([] if changes.added else asked.warnings), *asked.unused]
    records = {record["measure"]: record for record in run["entries"]} if run else {}
    for name in changes.added:
        failures += _added(records[name], root) if name in records else []
    for name, record in records.items():
        before, after = _recorded(base, name), _recorded(head, name)
        if before is not None:
            changed = results_changed(before, record)
            if changed and record["version"] == before["version"]:
                failures += [f"{name}: {change}, under the same version; raise it" for change in changed]
            elif changed:
                notes += [f"{name}: {change}; version {before['version']} -> {record['version']}" for change in changed]
        if after is not None and after != before:
            failures += [
                f"{name}: its record is not what was measured here: {e}" for e in results_changed(after, record)
            ]
        if after is None or after["source_sha256"] != asked.sources.get(name, record["source_sha256"]):
            notes.append(f"{name} is to be recorded: pytest suites/ --measure={name} --leaderboard={BASELINES}/{ZOO}")
    notes += _other_weights(run, base)
    compared = agreements(run, fresh) if run and fresh else {}
    failures += fresh_failures(run, compared) if run and fresh else []
    return Review(run, tuple(failures), tuple(notes), _places(run, base), fresh, compared, asked.specs)


def results_changed(recorded: Mapping[str, Any], record: Mapping[str, Any]) -> list[str]:
    """How verdicts and findings of a measure differ from those recorded, a phrase each; but for cost, the clock's."""
    before, after = (baseline_of({"entries": [one]}) for one in (recorded, record))
    pairs = [(condition, before.gate[_, condition], after.gate.get((_, condition))) for _, condition in before.gate]
    pairs += [
        (f"{suite}, {clause}", before.findings[_, suite, clause], after.findings.get((_, suite, clause)))
        for _, suite, clause in before.findings
        if suite != "cost"
    ]
    return [
        f"{what} was {was}, is {now}".replace("_", " ") for what, was, now in pairs if now is not None and now != was
    ]


def _added(record: Mapping[str, Any], root: Path) -> list[str]:
    failures = []
    if record["verdict"] != "separates":
        failures.append(f"{record['measure']} fails the gate: {record['verdict'] or 'it has no verdict'}")
    if record["contract"] != "passes":
        failures.append(f"{record['measure']} breaks its contract: {record['contract'] or 'not all of it was asked'}")
    if line := _left_open(record["origin"], root):
        failures.append(f"{record['measure']} still says {TO_FILL_IN} ({line}); say it")
    return failures


def _left_open(origin: str, root: Path) -> str:
    """Where the file of a measure still says what its template says; "" if nowhere."""
    file = root.joinpath(*origin.split(".")).with_suffix(".py")
    for number, line in enumerate(file.read_text().splitlines() if file.exists() else [], start=1):
        if TO_FILL_IN in line:
            return f"{file.relative_to(root)}:{number}"
    return ""


def _recorded(run: Mapping[str, Any] | None, name: str) -> Mapping[str, Any] | None:
    return next((record for record in run["entries"] if record["measure"] == name), None) if run else None


def _other_weights(run: Mapping[str, Any] | None, base: Mapping[str, Any] | None) -> list[str]:
    """Networks that another processor trains to other weights may give another verdict, where one is close."""
    if run is None or base is None:
        return []
    ours, theirs = run["zoo"]["models"], base["zoo"]["models"]
    common = ours.keys() & theirs.keys()
    other = sum(ours[name]["weights_sha256"] != theirs[name]["weights_sha256"] for name in common)
    if not other:
        return []
    return [
        f"{other} of {len(common)} networks have other weights here than recorded: a close verdict may differ for that"
    ]


def _places(run: Mapping[str, Any] | None, base: Mapping[str, Any] | None) -> dict[str, Place]:
    """Among the records of the base and the other measures of the run."""
    if run is None:
        return {}
    measured = {record["measure"]: record for record in run["entries"]}
    known = {record["measure"]: record for record in base["entries"]} if base else {}
    zoo = base["zoo"] if base else run["zoo"]
    others = standings_of([*(known | measured).values()], zoo)
    return {name: place_of(record, zoo, others) for name, record in measured.items()}
