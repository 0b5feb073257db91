"""`python -m harness propose`: what the check of a pull request runs, and anyone at home."""

import contextlib
import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.errors import HarnessError
from harness.options import CACHE_DIR, DATA_DIR, FRESH, WORKERS, settings_of, with_options
from harness.settings import Settings

if TYPE_CHECKING:
    from harness.leaderboard.proposal.changed import Changes
    from harness.leaderboard.proposal.fresh import OnFreshTwins
    from harness.leaderboard.proposal.registered import Registered
    from harness.leaderboard.proposal.unsealed import Asked

ROOT = Path(__file__).resolve().parents[3]


@click.command()
@click.option("--base", default="origin/main", show_default=True, metavar="REF", help="What the change is against.")
@click.option(
    "--of",
    "elsewhere",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="The checkout with the change; this one judges it [this one, which then judges itself].",
)
@click.option("--report", "path", type=click.Path(dir_okay=False, path_type=Path), help="A Markdown file [printed].")
@click.option(
    f"--{FRESH.name}", "number", type=int, metavar=FRESH.metavar, help="Of the fresh twins, to repeat a review [drawn]."
)
@with_options([WORKERS, CACHE_DIR, DATA_DIR])
def propose(base: str, elsewhere: Path | None, path: Path | None, number: int | None, **given: Any) -> None:
    """Judge the measures that a checkout adds or alters, on the digits zoo and on fresh twins of it.

    They are called like a stranger's, in processes of their own that see nothing but the model. With --of, only the
    measures and records of the other checkout are taken; harness and suites are this one's.

    Exit status 1 if an added measure fails the gate or the contract, if one passes on the zoo and not on fresh twins,
    if a recorded one has another result under the same version, if a record does not follow from its rows, or if a
    measure is added and the judge changed too.
    """
    from harness.leaderboard.proposal.changed import changed_files, merge_base
    from harness.leaderboard.proposal.checkout import check_checkout
    from harness.leaderboard.proposal.laid_over import laid_over
    from harness.leaderboard.proposal.review import ZOO
    from harness.zoo.fresh import fresh_name

    change = elsewhere or ROOT
    for checkout in (ROOT, change):
        check_checkout(checkout, "propose")
    if number is not None:
        fresh_name(ZOO, number)
    settings = settings_of(given)
    if path is not None and not path.absolute().parent.is_dir():
        raise HarnessError(f"--report {path} cannot be written; name a file in a folder that exists")
    commit = merge_base(change, base)
    files = changed_files(change, commit)
    with laid_over(ROOT, change, files) if elsewhere else contextlib.nullcontext(ROOT) as root:
        sys.exit(_judge(Proposal(change, root, commit, files), base, path, number, settings))


@dataclasses.dataclass(frozen=True)
class Proposal:
    """The checkout of a change, the folder where its measures are judged (the checkout itself, or its measures beside
    another's harness), the commit that it is a change of, the files that are changed."""

    checkout: Path
    root: Path
    commit: str
    files: frozenset[Path]

    @property
    def judged_elsewhere(self) -> bool:
        return self.root != self.checkout


def _judge(proposal: Proposal, base: str, path: Path | None, number: int | None, settings: Settings) -> int:
    """Write the report; the exit status."""
    from harness.leaderboard.proposal.report import report
    from harness.leaderboard.proposal.review import ZOO, measures_to_judge, review, run_suites, unsound_records

    found, proposed, at_base = _found(proposal)
    if found.nothing:
        _write(path, f"Against `{base}` no measure is added or altered, and no record.\n")
        return 0
    root = proposal.root
    unsound = unsound_records(found, root)
    bad = [path.stem for path in unsound]
    asked = _asked(measures_to_judge(found, root, bad), proposed, proposal)
    run, crashed = run_suites(asked.specs, root, settings, _say) if asked.specs else (None, {})
    fresh = _on_fresh_twins(run, asked.specs, root, number, settings) if run else None
    at_head = None if bad else _records(root / "baselines" / ZOO)
    reviewed = review(found, run, at_base, at_head, unsound, crashed, fresh, asked, root)
    _write(path, report(found, reviewed, base, proposal.judged_elsewhere))
    if path is not None and run is not None:
        from harness.leaderboard.proposal.figures import write_profiles

        for profile in write_profiles(run, path.absolute().parent):
            click.echo(profile, err=True)
    return 1 if reviewed.failures else 0


def _found(proposal: Proposal) -> "tuple[Changes, dict[str, Registered], dict[str, Any] | None]":
    """What the change changes, all measures with it, the zoo's records without it."""
    from harness.leaderboard.proposal import changed
    from harness.leaderboard.proposal.review import ZOO

    proposed = changed.registered_in(proposal.root, by_literals=True)
    records = changed.changed_records(proposal.checkout, proposal.commit)
    without = (
        contextlib.nullcontext(ROOT)  # it may be ahead of the commit that the change began at
        if proposal.judged_elsewhere
        else changed.tree_of(proposal.checkout, proposal.commit)
    )
    with without as tree:
        return (
            changed.changes(proposed, changed.registered_in(tree), records),
            proposed,
            _records(tree / "baselines" / ZOO),
        )


def _records(folder: Path) -> dict[str, Any] | None:
    """A zoo's, None if there are none."""
    from harness.records.record_files import ZOO_FILE, read_record

    return read_record(folder) if (folder / ZOO_FILE).exists() else None


def _asked(names: list[str], proposed: "Mapping[str, Registered]", proposal: Proposal) -> "Asked":
    from harness.leaderboard.proposal.laid_over import left_out, taken
    from harness.leaderboard.proposal.unsealed import asked_for

    if not proposal.judged_elsewhere:
        return asked_for(names, proposed, proposal.files, proposal.root)
    asked = asked_for(names, proposed, taken(proposal.checkout, proposal.files), proposal.root)
    return dataclasses.replace(asked, unused=tuple(left_out(proposal.checkout, proposal.files)))


def _on_fresh_twins(
    run: Mapping[str, Any], specs: Mapping[str, str], root: Path, number: int | None, settings: Settings
) -> "OnFreshTwins":
    """The gate of the run's measures on fresh twins; drawn only now, when what the measures are is settled."""
    from harness.leaderboard.proposal.fresh import OnFreshTwins, draw
    from harness.leaderboard.proposal.review import run_suites

    chosen = draw() if number is None else number
    judged = {entry["measure"]: specs[entry["measure"]] for entry in run["entries"]}
    again, _ = run_suites(judged, root, settings, _say, ("-m", "gate", f"--fresh={chosen}"))
    return OnFreshTwins(chosen, number is None, again)


def _say(said: str) -> None:
    click.echo(said, err=True)


def _write(path: Path | None, content: str) -> None:
    if path is None:
        click.echo(content)
    else:
        path.write_text(content, encoding="utf-8")
        click.echo(f"written to {path}", err=True)
