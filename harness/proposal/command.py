"""`python -m harness propose`: what the check of a pull request runs, and anyone at home."""

import sys
from pathlib import Path

import click

from harness.errors import HarnessError

ROOT = Path(__file__).resolve().parent.parent.parent


@click.command()
@click.option("--base", default="origin/main", show_default=True, metavar="REF", help="What the change is against.")
@click.option("--report", "place", type=click.Path(dir_okay=False, path_type=Path), help="A Markdown file [printed].")
@click.option("--workers", type=int, metavar="N", help="Local processes [one a core].")
@click.option("--data-dir", metavar="DIR", help="Where data sets are read from and downloaded to.")
@click.option("--cache-dir", metavar="DIR", help="Where models are kept [$SHATTERPROOF_CACHE].")
def propose(base: str, place: Path | None, workers: int | None, data_dir: str | None, cache_dir: str | None) -> None:
    """Judge the measures that this checkout adds or alters, on the digits zoo.

    Exit status 1 if an added measure fails the gate or the contract, if a recorded one has another outcome under the
    same version, or if a record does not follow from its rows.
    """
    from harness.proposal.changed import changed_records, changes, merge_base, registered_in, tree_of
    from harness.proposal.judged import ZOO, judge, run_suites, to_judge, unsound_records
    from harness.proposal.report import report
    from harness.record_files import ZOO_FILE, read_record
    from harness.settings import make_settings

    settings = make_settings(cache_dir, data_dir, workers=workers)
    if place is not None and not place.absolute().parent.is_dir():
        raise HarnessError(f"--report {place} cannot be written; name a file in a folder that exists")
    commit = merge_base(ROOT, base)
    with tree_of(ROOT, commit) as tree:
        found = changes(registered_in(ROOT), registered_in(tree), changed_records(ROOT, commit))
        recorded = tree / "baselines" / ZOO
        at_base = read_record(recorded) if (recorded / ZOO_FILE).exists() else None
    if found.nothing:
        _write(place, f"Against `{base}` no measure is added or altered, and no record.\n")
        return
    unsound = unsound_records(found, ROOT)
    bad = [path.stem for path in unsound]
    names = to_judge(found, ROOT, bad)
    run = run_suites(names, ROOT, settings, lambda said: click.echo(said, err=True)) if names else None
    here = ROOT / "baselines" / ZOO
    at_head = None if bad or not (here / ZOO_FILE).exists() else read_record(here)
    judged = judge(found, run, at_base, at_head, unsound)
    _write(place, report(found, judged, base))
    if place is not None and run is not None:
        from harness.proposal.figures import write_profiles

        for path in write_profiles(run, place.absolute().parent):
            click.echo(path, err=True)
    sys.exit(1 if judged.failures else 0)


def _write(place: Path | None, content: str) -> None:
    if place is None:
        click.echo(content)
    else:
        place.write_text(content, encoding="utf-8")
        click.echo(f"written to {place}", err=True)
