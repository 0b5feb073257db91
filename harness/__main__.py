"""The front door for the shell: `shatterproof`, or `python -m harness`, then `judge`, `train`, `zoo`, `measures`,
`table`, `profile`, `nulls`, `leaderboard`, `new-measure`, `propose`, `paper`."""

import difflib
import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from harness.command_options import with_settings
from harness.errors import INTERRUPTED, NO_VALUE, HarnessError
from harness.judge_command import judge, names_of_measures
from harness.judging.nulls.command import nulls
from harness.leaderboard.command import leaderboard
from harness.leaderboard.proposal.command import propose
from harness.options import COST, ZOO, with_options
from harness.paper.command import paper
from harness.settings import Settings
from harness.zoo.build import build
from harness.zoo.opening import opened
from harness.zoo.zoo import GATE, recipes
from harness.zoo_command import check, export_models, gc, import_archive, networks, release_zoo, verify


class _Sentence(click.ClickException):
    exit_code = 2


class _Commands(click.Group):
    """A HarnessError is its sentence, exit status 2, no traceback; after Ctrl-C, what is kept is said."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Of all commands: no option and no argument is empty."""
        for before, word in zip(["", *args], args, strict=False):
            option, sign, value = word.partition("=")
            if not word.strip():
                raise _Sentence(f"{before if before.startswith('--') else 'an argument'} {NO_VALUE}")
            if option.startswith("--") and sign and not value.strip():
                raise _Sentence(f"{option} {NO_VALUE}")
        return super().parse_args(context, args)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except HarnessError as problem:
            raise _Sentence(str(problem)) from problem
        except KeyboardInterrupt as interrupt:
            raise _Sentence(INTERRUPTED) from interrupt


def _version() -> str:
    try:
        return importlib.metadata.version("shatterproof")
    except importlib.metadata.PackageNotFoundError:
        return "of a checkout that is not installed"


@click.group(cls=_Commands)
@click.version_option(_version(), prog_name="shatterproof")
def main() -> None:
    """Can a measure of generalization tell a network that learned from one that memorized?"""


@main.command()
@with_options([ZOO])
@click.option("--condition", "conditions", multiple=True, type=click.Choice(GATE), help="Only these [all of the gate].")
@click.option("--findings", is_flag=True, help="Those of the other suites as well.")
@with_settings(work=True)
def train(zoo: str, findings: bool, conditions: tuple[Any, ...], settings: Settings) -> None:
    """Train the zoo's models that are not in the store yet: those of the gate."""
    from harness.judging.plan import all_recipes
    from harness.zoo.interventions import check_fitted

    found, settings = opened(zoo, settings)
    asked = [name for name in conditions or found.gate if name in found.gate]
    wanted = all_recipes(found) if findings else recipes(found, asked)
    models = build(wanted, settings, say=lambda text: click.echo(text, err=True))
    fitted = sum(model.outcome.fitted for model in models.values())
    click.echo(f"{len(models)} models in {settings.cache_dir}; {fitted} fit their training set")
    check_fitted(found, models)


@main.group()
def zoo() -> None:
    """The trained models."""


@zoo.command("list")
@click.argument("name", default="digits")
@click.option("--findings", is_flag=True, help="Those of the other suites as well.")
@with_settings()
def list_models(name: str, findings: bool, settings: Settings) -> None:
    """List the models of a zoo's gate, with what was measured of those in the store."""
    from harness.judging.plan import all_recipes
    from harness.store.store import Damaged, store_of

    found, settings = opened(name, settings)
    store = store_of(settings)
    wanted = all_recipes(found) if findings else recipes(found, found.gate)
    width = max(len(recipe.id) for recipe in wanted)
    click.echo(f"{'model':{width}}  train error  test error  epochs  seconds")
    for recipe in wanted:
        try:
            model = store.find(recipe)
        except Damaged as damage:
            click.echo(f"{recipe.id:{width}}  damaged: {damage}")
            continue
        if model is None:
            click.echo(f"{recipe.id:{width}}  not trained yet")
            continue
        outcome = model.outcome
        text = f"{outcome.train_error:11.4f}  {outcome.test_error:10.3f}  {outcome.epochs:6}  {outcome.seconds:7.1f}"
        click.echo(f"{recipe.id:{width}}  {text}{'' if outcome.fitted else '  did not fit'}")


for command in (check, networks, verify, gc, export_models, import_archive, release_zoo):
    zoo.add_command(command)


@main.command()
@with_options([COST])
@click.option(
    "--claims", is_flag=True, help="A table in Markdown: what their sources claim, and show about random labels."
)
@click.option("--json", "as_json", is_flag=True, help="With --claims: as JSON.")
def measures(cost: Any, claims: bool, as_json: bool) -> None:
    """List the registered measures: name, family, cost, source."""
    from harness.evaluation.claims import claims_json, claims_table
    from harness.evaluation.measure_lookup import describe, list_measures

    if as_json and not claims:
        raise HarnessError("--json is of what the sources claim; add --claims")
    shape = claims_json if as_json else claims_table if claims else describe
    click.echo(shape(list_measures(["all"], cost)))


@main.command()
@click.argument("record", type=click.Path(exists=True, path_type=Path))
@click.option("--families", is_flag=True, help="Only how many of each family pass the gate.")
@click.option("--findings", is_flag=True, help="What every measure really sees, suite by suite.")
@click.option("--totals", is_flag=True, help="How many measures pass each of the suites.")
@click.option("--only", metavar="NAMES", help="With --findings: these measures, separated by commas.")
def table(record: Path, families: bool, findings: bool, totals: bool, only: str | None) -> None:
    """Print a record (--leaderboard), a file or a folder, as a table in Markdown."""
    from harness.records.record_files import read_record
    from harness.records.tables import families_table, findings_table, findings_totals, measures_table

    if families + findings + totals > 1:
        raise HarnessError("--families, --findings and --totals are a table each; give one")
    if only is not None and not findings:
        raise HarnessError("--only chooses measures of --findings; add --findings, or leave it out")
    content = read_record(record)
    if findings:
        names = [] if only is None else [name.strip() for name in only.split(",") if name.strip()]
        _check_recorded(names, content)
        click.echo(findings_table(content, names))
    else:
        click.echo((families_table if families else findings_totals if totals else measures_table)(content))


def _check_recorded(names: Sequence[str], content: Mapping[str, Any]) -> None:
    known = [entry["measure"] for entry in content["entries"]]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"measures in it: {len(known)}"
            raise HarnessError(f"--only={name:.100}: the record does not have this measure; {hint}")


@main.command()
@click.argument("measure", shell_complete=names_of_measures)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A file: .svg, .png or .pdf.")
@click.option("--record", "path", type=click.Path(exists=True, path_type=Path), help="Values from this record alone.")
@with_options([ZOO])
@with_settings()
def profile(measure: str, out: Path, path: Path | None, zoo: str, settings: Settings) -> None:
    """Draw how far each intervention moves a MEASURE on the way from natural data to random labels.

    If the zoo's record is of the measure as it is now, the values are taken from it. Otherwise they are computed;
    missing networks are trained first.
    """
    from harness.evaluation.measure_lookup import find_measures
    from harness.records.measure_profile import as_text, direction, profile
    from harness.records.profile_figure import check_figure, write_figure
    from harness.records.profile_values import computed, recorded

    check_figure(out)
    found, *others = find_measures([measure])
    if others:
        raise HarnessError(f"{measure:.100} names {1 + len(others)} measures; profile draws one: give its name")
    chosen, settings = opened(zoo, settings)
    values = recorded(found, chosen, path)
    if values is None:
        values = computed(found, chosen, settings, lambda text: click.echo(text, err=True))
    value, gap = values
    steps = profile(chosen, value, gap)
    click.echo(as_text(steps))
    write_figure(out, steps, found.name, chosen.name, direction(chosen, value))


@main.command("new-measure")
@click.argument("name")
@click.option("--family", required=True, metavar="FAMILY", help="A folder in measures/.")
def new_measure(name: str, family: str) -> None:
    """Write a measure's file and its test from a template: both run as they are, and say what to FILL IN."""
    from harness.evaluation.measure_lookup import short_path
    from harness.leaderboard.proposal.new_measure import new_measure

    measure, test = (short_path(path) for path in new_measure(name, family))
    click.echo(f"written: {measure}\n         {test}\nFILL IN what they say, then:")
    click.echo(f"  pytest {test}\n  pytest suites/ --measure={name}\n  ruff check . && ruff format --check . && mypy")


main.add_command(judge)
main.add_command(leaderboard)
main.add_command(nulls)
main.add_command(paper)
main.add_command(propose)

if __name__ == "__main__":
    main(prog_name="python -m harness")
