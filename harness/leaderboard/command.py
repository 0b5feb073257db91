"""`python -m harness leaderboard build|check|compare|merge|page`."""

import sys
from pathlib import Path
from typing import Any

import click

from harness.errors import HarnessError
from harness.files.whole_file import write_whole
from harness.leaderboard.proposal.checkout import in_a_checkout

RECORDS = click.Path(exists=True, path_type=Path)
DEFAULT = Path("baselines")
BASELINES = Path(__file__).resolve().parents[2] / DEFAULT
FEW = 10  # lines of what cannot be compared anyway


def _records(context: click.Context, parameter: click.Parameter, given: Path | None) -> Path:
    """What is named, else the baselines of the checkout, else those that are installed."""
    return given or (DEFAULT if DEFAULT.is_dir() else BASELINES)


def records_argument(command: Any) -> Any:
    return click.argument("records", type=RECORDS, required=False, callback=_records)(command)


@click.group()
def leaderboard() -> None:
    """Records of measures: ranked, checked, compared, merged.

    RECORDS is a folder such as baselines/ (the default), or the file of a run.
    """


@leaderboard.command()
@records_argument
@click.option("--out", type=click.Path(path_type=Path), help="The file [RECORDS/leaderboard.json].")
def build(records: Path, out: Path | None) -> None:
    """Fold the records into leaderboard.json: the same records give the same bytes."""
    from harness.leaderboard.standings import build
    from harness.records.record_files import LEADERBOARD_FILE, as_text

    if out is None and records == BASELINES and not in_a_checkout(BASELINES.parent):
        raise HarnessError("there are no baselines/ here to be folded; name the folder of records")
    if out is None and not records.is_dir():
        raise HarnessError(f"{records} is a file; name the leaderboard's with --out")
    path = out or records / LEADERBOARD_FILE
    content = build(records)
    write_whole(path, as_text(content))
    for name, zoo in content["zoos"].items():
        ranked = sum(standing["rank"] is not None for standing in zoo["entries"])
        click.echo(f"{name}: {len(zoo['entries'])} entries, {ranked} of them ranked")
    click.echo(f"written to {path}")


@leaderboard.command()
@records_argument
def check(records: Path) -> None:
    """Compute every verdict and finding again from the rows; any difference is a sentence, and exit status 1."""
    from harness.leaderboard.check import check

    checked: list[str] = []
    problems = check(records, checked.append)
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        click.echo(f"problems: {len(problems)}, in records: {len(checked)}", err=True)
        sys.exit(1)
    click.echo(f"sound: {len(checked)} of {len(checked)} records, whose verdicts and findings follow from their rows")


@leaderboard.command()
@click.argument("one", type=RECORDS)
@click.argument("other", type=RECORDS)
def compare(one: Path, other: Path) -> None:
    """What changed from ONE to OTHER, against its noise; exit status 1 where records cannot be compared."""
    from harness.leaderboard.compare import compare
    from harness.leaderboard.reading import read_runs

    comparisons, alone = compare(read_runs(one), read_runs(other))
    for comparison in comparisons:
        for obstacle in comparison.obstacles:
            click.echo(f"{comparison.measure} on {comparison.zoo} cannot be compared: {obstacle}")
        for change in comparison.changes:
            click.echo(f"{comparison.measure} on {comparison.zoo}: {change}")
        if comparison.changes:
            click.echo("".join(f"  {note}\n" for note in comparison.notes), nl=False)
    same = sum(not comparison.obstacles and not comparison.changes for comparison in comparisons)
    shown = alone if len(alone) <= FEW else [*alone[:FEW], f"and so on: {len(alone)} are in one of the two alone"]
    click.echo("".join(f"{sentence}\n" for sentence in shown) + f"{same} of {len(comparisons)} are unchanged")
    if any(comparison.obstacles for comparison in comparisons):
        sys.exit(1)


@leaderboard.command()
@click.argument("record", type=RECORDS)
@click.option("--among", type=RECORDS, callback=_records, help="The records to rank it with [baselines/].")
def rank(record: Path, among: Path) -> None:
    """Where would the measures of RECORD rank? Nothing is added to the others."""
    from harness.leaderboard.rank import places

    for place in places(record, among):
        click.echo(place)


@leaderboard.command()
@click.argument("theirs", type=RECORDS, nargs=-1, required=True)
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT, show_default=True)
def merge(theirs: tuple[Path, ...], into: Path) -> None:
    """Add the records of THEIRS: a union that never overwrites."""
    from harness.leaderboard.merge import merge

    new = merge(theirs, into)
    for path in new:
        click.echo(path)
    click.echo(f"new in {into}: {len(new)}; run leaderboard build {into}")


@leaderboard.command()
@records_argument
@click.option("--out", type=click.Path(path_type=Path), default=Path("leaderboard.html"), show_default=True)
def page(records: Path, out: Path) -> None:
    """Write the leaderboard as one HTML file, which needs no server, no network and no JavaScript."""
    from harness.leaderboard.page import render
    from harness.leaderboard.reading import read_runs
    from harness.leaderboard.standings import leaderboard

    runs = read_runs(records)
    write_whole(out, render(leaderboard(runs), runs))
    click.echo(f"written to {out}")
