"""`python -m harness leaderboard build|check|compare|place|merge|page|across|claims`."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
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


def _https(context: click.Context, parameter: click.Parameter, given: str) -> str:
    if given and not given.startswith("https://"):
        raise HarnessError(f"--repository is {given!r}; expected an address that starts with https://")
    return given


@click.group()
def leaderboard() -> None:
    """Records of measures: folded, checked, compared, placed, merged.

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
        click.echo(f"{name}: {_entries(zoo['entries'])}")
    click.echo(f"written to {path}")


def _entries(entries: Sequence[Mapping[str, Any]]) -> str:
    """How many there are, of which protocol, and how many of the measures pass."""
    by_protocol = Counter(standing["protocol"] for standing in entries)
    said = ", ".join(f"{count} entries of protocol {which}" for which, count in sorted(by_protocol.items()))
    judged = [each for each in entries if each["role"] == "measure" and each["headline"] is not None]
    passing = sum(each["verdict"] == "separates" for each in judged)
    return f"{said or 'no entries'}" + (f"; {passing} of {len(judged)} measures pass the gate" if judged else "")


@leaderboard.command()
@records_argument
def check(records: Path) -> None:
    """Compute every verdict and finding again from the rows. Exit status 1 on any difference, which is named.

    For records of an older protocol, the digest, the models and the schema are checked.
    """
    from harness.leaderboard.check import check, sound

    protocols: list[int] = []
    problems = check(records, lambda what, protocol: protocols.append(protocol))
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        click.echo(f"problems: {len(problems)}, in records: {len(protocols)}", err=True)
        sys.exit(1)
    click.echo(sound(protocols))


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
@click.option("--among", type=RECORDS, callback=_records, help="The records to compare it with [baselines/].")
def place(record: Path, among: Path) -> None:
    """Do the measures of RECORD pass, which dominate them, and which do they dominate? Nothing is added to the others.

    One dominates another where it is as good in the worst condition and in every group of findings, and better in one.
    """
    from harness.leaderboard.place import places

    for found in places(record, among):
        click.echo(found)


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
@click.option(
    "--repository",
    default="",
    callback=_https,
    help="Where the files of this project are shown, for links to the code.",
)
def page(records: Path, out: Path, repository: str) -> None:
    """Write the leaderboard as one HTML file, which needs no server, no network and no JavaScript.

    REPOSITORY is an https address to which a file's path can be added: https://HOST/OWNER/NAME/blob/main.
    """
    from harness.leaderboard.page.about import about_measures
    from harness.leaderboard.page.contents import contents
    from harness.leaderboard.page.render import render

    content, runs = contents(records)
    write_whole(out, render(content, runs, about_measures(records), repository))
    click.echo(f"written to {out}")


@leaderboard.command()
@records_argument
@click.option("--measure", metavar="NAME", help="Its units with their properties, won or lost.")
@click.option("--figure", type=click.Path(path_type=Path), help="Draw families by units: a file .svg, .png or .pdf.")
def across(records: Path, measure: str | None, figure: Path | None) -> None:
    """The records of all zoos side by side: which units families win, and what those that are lost share."""
    from harness.leaderboard.across.figure import write_figure
    from harness.leaderboard.across.recorded import recorded
    from harness.leaderboard.across.summary import summarized
    from harness.leaderboard.across.tables import across_text, measure_text
    from harness.records.profile_figure import check_figure

    if figure is not None:
        check_figure(figure, "--figure")
    content = summarized(recorded(records))
    click.echo(across_text(content) if measure is None else measure_text(content, measure))
    if figure is not None:
        write_figure(figure, content)


@leaderboard.command()
@records_argument
@click.option(
    "--all", "every", is_flag=True, help="Also measures whose sources claim nothing, or whose claims are unknown."
)
@click.option("--write", is_flag=True, help="Write claims.toml beside the records, from the docstrings of measures.")
def claims(records: Path, every: bool, write: bool) -> None:
    """What the sources of measures claim of random labels, beside what was found on each data set."""
    from harness.leaderboard.across.recorded import recorded
    from harness.leaderboard.across.witnessed import measured
    from harness.leaderboard.claimed.claims_file import CLAIMS_FILE, as_toml, from_docstrings, read_claims
    from harness.leaderboard.claimed.found import claims_found
    from harness.leaderboard.claimed.tables import claims_text

    path = records / CLAIMS_FILE
    if write:
        write_whole(path, as_toml(from_docstrings(read_claims(path))))
        click.echo(f"written to {path}")
        return
    if not (claims := read_claims(path)):
        raise HarnessError(f"there are no claims in {path}; leaderboard claims --write writes them")
    measures = measured(said for _, told in recorded(records) for said in told)
    click.echo(claims_text(claims_found(claims, measures), every))
