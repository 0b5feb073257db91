"""`python -m harness propose`: what the check of a pull request runs, and anyone at home."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.errors import HarnessError
from harness.options import CACHE_DIR, DATA_DIR, FRESH, WORKERS, settings_of, with_options
from harness.settings import Settings

if TYPE_CHECKING:
    from harness.leaderboard.proposal.fresh import OnFreshTwins

ROOT = Path(__file__).resolve().parents[3]


@click.command()
@click.option("--base", default="origin/main", show_default=True, metavar="REF", help="What the change is against.")
@click.option("--report", "path", type=click.Path(dir_okay=False, path_type=Path), help="A Markdown file [printed].")
@click.option(
    f"--{FRESH.name}", "number", type=int, metavar=FRESH.metavar, help="Of the fresh twins, to repeat a review [drawn]."
)
@with_options([WORKERS, CACHE_DIR, DATA_DIR])
def propose(base: str, path: Path | None, number: int | None, **given: Any) -> None:
    """Judge the measures that this checkout adds or alters, on the digits zoo and on fresh twins of it.

    They are called as a stranger's are, in processes of their own that see nothing but the model.

    Exit status 1 if an added measure fails the gate or the contract, if one passes on the zoo and not on twins that
    nobody has seen, if a recorded one has another result under the same version, or if a record does not follow from
    its rows.
    """
    from harness.leaderboard.proposal import changed
    from harness.leaderboard.proposal.checkout import check_checkout
    from harness.leaderboard.proposal.report import report
    from harness.leaderboard.proposal.review import ZOO, measures_to_judge, review, run_suites, unsound_records
    from harness.leaderboard.proposal.unsealed import asked_for
    from harness.records.record_files import ZOO_FILE, read_record
    from harness.zoo.fresh import fresh_name

    check_checkout(ROOT, "propose")
    if number is not None:
        fresh_name(ZOO, number)
    settings = settings_of(given)
    if path is not None and not path.absolute().parent.is_dir():
        raise HarnessError(f"--report {path} cannot be written; name a file in a folder that exists")
    commit = changed.merge_base(ROOT, base)
    files, proposed = changed.changed_files(ROOT, commit), changed.registered_in(ROOT, by_literals=True)
    with changed.tree_of(ROOT, commit) as tree:
        found = changed.changes(proposed, changed.registered_in(tree), changed.changed_records(ROOT, commit))
        recorded = tree / "baselines" / ZOO
        at_base = read_record(recorded) if (recorded / ZOO_FILE).exists() else None
    if found.nothing:
        _write(path, f"Against `{base}` no measure is added or altered, and no record.\n")
        return
    unsound = unsound_records(found, ROOT)
    bad = [path.stem for path in unsound]
    asked = asked_for(measures_to_judge(found, ROOT, bad), proposed, files, ROOT)
    run, crashed = run_suites(asked.specs, ROOT, settings, _say) if asked.specs else (None, {})
    fresh = _on_fresh_twins(run, asked.specs, number, settings) if run else None
    here = ROOT / "baselines" / ZOO
    at_head = None if bad or not (here / ZOO_FILE).exists() else read_record(here)
    reviewed = review(found, run, at_base, at_head, unsound, crashed, fresh, asked)
    _write(path, report(found, reviewed, base))
    if path is not None and run is not None:
        from harness.leaderboard.proposal.figures import write_profiles

        for profile in write_profiles(run, path.absolute().parent):
            click.echo(profile, err=True)
    sys.exit(1 if reviewed.failures else 0)


def _on_fresh_twins(
    run: Mapping[str, Any], specs: Mapping[str, str], number: int | None, settings: Settings
) -> "OnFreshTwins":
    """The gate of the run's measures on fresh twins; drawn only now, when what the measures are is settled."""
    from harness.leaderboard.proposal.fresh import OnFreshTwins, draw
    from harness.leaderboard.proposal.review import run_suites

    chosen = draw() if number is None else number
    judged = {entry["measure"]: specs[entry["measure"]] for entry in run["entries"]}
    again, _ = run_suites(judged, ROOT, settings, _say, ("-m", "gate", f"--fresh={chosen}"))
    return OnFreshTwins(chosen, number is None, again)


def _say(said: str) -> None:
    click.echo(said, err=True)


def _write(path: Path | None, content: str) -> None:
    if path is None:
        click.echo(content)
    else:
        path.write_text(content, encoding="utf-8")
        click.echo(f"written to {path}", err=True)
