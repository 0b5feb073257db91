"""The front door for the shell: `python -m harness train`, `zoo list`, `measures`, `table`, `profile`,
`leaderboard`, `new-measure`, `propose`, `paper`."""

from pathlib import Path
from typing import Any

import click

from harness.build import build
from harness.command_options import with_settings
from harness.errors import HarnessError
from harness.leaderboard.command import leaderboard
from harness.paper.command import paper
from harness.proposal.command import propose
from harness.recipe import Recipe
from harness.settings import Settings
from harness.storekeeping.command import export_models, gc, import_file, verify
from harness.zoo import GATE, find_zoo, pinned, recipes


class _Sentence(click.ClickException):
    exit_code = 2


class _Commands(click.Group):
    """A HarnessError is its sentence, exit status 2, no traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except HarnessError as problem:
            raise _Sentence(str(problem)) from problem


zoo_option = click.option("--zoo", "zoo_name", default="digits", show_default=True, help="Scale of the models.")


@click.group(cls=_Commands)
def main() -> None:
    """Can a measure of generalization tell a network that learned from one that memorized?"""


@main.command()
@zoo_option
@click.option("--condition", "conditions", multiple=True, type=click.Choice(GATE), help="Only these [all of the gate].")
@click.option("--findings", is_flag=True, help="Those of the other suites as well.")
@with_settings(work=True)
def train(zoo_name: str, findings: bool, conditions: tuple[Any, ...], settings: Settings) -> None:
    """Train the zoo's models that are not in the store yet: those of the gate."""
    from harness.record import all_recipes

    found = pinned(find_zoo(zoo_name), settings)
    wanted = all_recipes(found) if findings else recipes(found, conditions or GATE)
    entries = build(wanted, settings, say=lambda text: click.echo(text, err=True))
    to_fit = [recipe for recipe in wanted if recipe.max_epochs == Recipe.max_epochs]  # the others are stopped early
    unfitted = [recipe.id for recipe in to_fit if not entries[recipe].outcome.fitted]
    fitted = sum(entry.outcome.fitted for entry in entries.values())
    click.echo(f"{len(entries)} models in {settings.cache_dir}; {fitted} fit their training set")
    if unfitted:
        raise HarnessError(f"no verdict can be drawn from: {', '.join(unfitted)}")


@main.group()
def zoo() -> None:
    """The trained models."""


@zoo.command("list")
@click.argument("name", default="digits")
@click.option("--findings", is_flag=True, help="Those of the other suites as well.")
@with_settings()
def list_models(name: str, findings: bool, settings: Settings) -> None:
    """List the models of a zoo's gate, with what was measured of those in the store."""
    from harness.record import all_recipes
    from harness.store import Damaged, store_of

    store, found = store_of(settings), pinned(find_zoo(name), settings)
    wanted = all_recipes(found) if findings else recipes(found, GATE)
    width = max(len(recipe.id) for recipe in wanted)
    click.echo(f"{'model':{width}}  train error  test error  epochs  seconds")
    for recipe in wanted:
        try:
            entry = store.find(recipe)
        except Damaged as damage:
            click.echo(f"{recipe.id:{width}}  damaged: {damage}")
            continue
        if entry is None:
            click.echo(f"{recipe.id:{width}}  not trained yet")
            continue
        outcome = entry.outcome
        text = f"{outcome.train_error:11.4f}  {outcome.test_error:10.3f}  {outcome.epochs:6}  {outcome.seconds:7.1f}"
        click.echo(f"{recipe.id:{width}}  {text}{'' if outcome.fitted else '  did not fit'}")


for command in (verify, gc, export_models, import_file):
    zoo.add_command(command)


@main.command()
@click.option(
    "--cost", type=click.Choice(["fast", "slow", "retrain"]), default="retrain", help="This tier and cheaper."
)
def measures(cost: Any) -> None:
    """List the registered measures: name, family, cost, source."""
    from harness.measure_lookup import describe, find_measures

    click.echo(describe(find_measures(["all"], cost)))


@main.command()
@click.argument("record", type=click.Path(exists=True, path_type=Path))
@click.option("--families", "shape", flag_value="families", help="Only how many of each family pass the gate.")
@click.option("--findings", "shape", flag_value="findings", help="What every measure really sees, suite by suite.")
@click.option("--totals", "shape", flag_value="totals", help="How many measures pass each of the suites.")
@click.option("--only", metavar="NAMES", help="With --findings: these measures, separated by commas.")
def table(record: Path, shape: str | None, only: str | None) -> None:
    """Print a record (--leaderboard), a file or a folder, as a table in Markdown."""
    from harness.record_files import read_record
    from harness.record_table import families_table, findings_table, findings_totals, measures_table

    content = read_record(record)
    if shape == "findings":
        click.echo(findings_table(content, only.split(",") if only else ()))
    else:
        shapes = {None: measures_table, "families": families_table, "totals": findings_totals}
        click.echo(shapes[shape](content))


@main.command()
@click.argument("measure")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A file: .svg, .png or .pdf.")
@click.option("--record", "path", type=click.Path(exists=True, path_type=Path), help="Values from this record alone.")
@zoo_option
@with_settings()
def profile(measure: str, out: Path, path: Path | None, zoo_name: str, settings: Settings) -> None:
    """Draw how far each intervention moves a MEASURE on the way from natural data to random labels.

    Its values are those recorded of the zoo, where they are of the measure as it stands; else they are computed, on
    networks that are trained first where they are not there.
    """
    from harness.measure_lookup import find_measures
    from harness.profile import as_text, direction, profile
    from harness.profile_figure import check_figure, write_figure
    from harness.profile_values import computed, recorded

    check_figure(out)
    found, zoo = find_measures([measure])[0], pinned(find_zoo(zoo_name), settings)
    values = recorded(found, zoo, path)
    if values is None:
        values = computed(found, zoo, settings, lambda text: click.echo(text, err=True))
    value, gap = values
    steps = profile(zoo, value, gap)
    click.echo(as_text(steps))
    write_figure(out, steps, found.name, zoo.name, direction(zoo, value))


@main.command("new-measure")
@click.argument("name")
@click.option("--family", required=True, metavar="FAMILY", help="A folder in measures/.")
def new_measure(name: str, family: str) -> None:
    """Write a measure's file and its test from a template: both run as they are, and say what to FILL IN."""
    from harness.measure_lookup import short_path
    from harness.new_measure import new_measure

    measure, test = (short_path(path) for path in new_measure(name, family))
    click.echo(f"written: {measure}\n         {test}\nFILL IN what they say, then:")
    click.echo(f"  pytest {test}\n  pytest suites/ --measure={name}\n  ruff check . && ruff format --check . && mypy")


main.add_command(leaderboard)
main.add_command(paper)
main.add_command(propose)

if __name__ == "__main__":
    main(prog_name="python -m harness")
