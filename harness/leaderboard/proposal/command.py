"""`python -m harness propose`: what the check of a pull request runs, and anyone at home."""

import sys
from pathlib import Path
from typing import Any

import click

from harness.errors import HarnessError
from harness.options import CACHE_DIR, DATA_DIR, WORKERS, settings_of, with_options

ROOT = Path(__file__).resolve().parents[3]


@click.command()
@click.option("--base", default="origin/main", show_default=True, metavar="REF", help="What the change is against.")
@click.option("--report", "path", type=click.Path(dir_okay=False, path_type=Path), help="A Markdown file [printed].")
@with_options([WORKERS, CACHE_DIR, DATA_DIR])
def propose(base: str, path: Path | None, **given: Any) -> None:
    """Judge the measures that this checkout adds or alters, on the digits zoo.

    Exit status 1 if an added measure fails the gate or the contract, if a recorded one has another result under the
    same version, or if a record does not follow from its rows.
    """
    from harness.leaderboard.proposal.changed import changed_records, changes, merge_base, registered_in, tree_of
    from harness.leaderboard.proposal.checkout import check_checkout
    from harness.leaderboard.proposal.report import report
    from harness.leaderboard.proposal.review import ZOO, measures_to_judge, review, run_suites, unsound_records
    from harness.records.record_files import ZOO_FILE, read_record

    check_checkout(ROOT, "propose")
    settings = settings_of(given)
    if path is not None and not path.absolute().parent.is_dir():
        raise HarnessError(f"--report {path} cannot be written; name a file in a folder that exists")
    commit = merge_base(ROOT, base)
    with tree_of(ROOT, commit) as tree:
        found = changes(registered_in(ROOT), registered_in(tree), changed_records(ROOT, commit))
        recorded = tree / "baselines" / ZOO
        at_base = read_record(recorded) if (recorded / ZOO_FILE).exists() else None
    if found.nothing:
        _write(path, f"Against `{base}` no measure is added or altered, and no record.\n")
        return
    unsound = unsound_records(found, ROOT)
    bad = [path.stem for path in unsound]
    names = measures_to_judge(found, ROOT, bad)
    run, crashed = run_suites(names, ROOT, settings, lambda said: click.echo(said, err=True)) if names else (None, {})
    here = ROOT / "baselines" / ZOO
    at_head = None if bad or not (here / ZOO_FILE).exists() else read_record(here)
    reviewed = review(found, run, at_base, at_head, unsound, crashed)
    _write(path, report(found, reviewed, base))
    if path is not None and run is not None:
        from harness.leaderboard.proposal.figures import write_profiles

        for profile in write_profiles(run, path.absolute().parent):
            click.echo(profile, err=True)
    sys.exit(1 if reviewed.failures else 0)


def _write(path: Path | None, content: str) -> None:
    if path is None:
        click.echo(content)
    else:
        path.write_text(content, encoding="utf-8")
        click.echo(f"written to {path}", err=True)
