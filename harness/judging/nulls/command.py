"""`python -m harness nulls`: what should not pass, through the judge, as tables in Markdown."""

import click

from harness.command_options import with_settings
from harness.options import ZOO, with_options
from harness.settings import Settings


@click.command()
@with_options([ZOO])
@click.option(
    "--draws", type=click.IntRange(min=1), default=1000, show_default=True, help="How many draws of each random null."
)
@with_settings(work=True)
def nulls(zoo: str, draws: int, settings: Settings) -> None:
    """Judge what should not pass: coins, random directions, data plus epsilon, clocks, history sums.

    Takes the zoo's models and rows in the store; nothing is trained. Prints how many nulls pass the gate and each
    finding. Findings are asked of a tenth of the draws, and the grid of a fiftieth.
    """
    from harness.judging.nulls.coins import coins
    from harness.judging.nulls.directions import directions
    from harness.judging.nulls.material import material_of
    from harness.judging.nulls.passing import askable, passed
    from harness.judging.nulls.sums import clocks, data_with_history, history_sums
    from harness.judging.nulls.table import findings_table, gate_table, sentences
    from harness.workers.progress import progress_bar
    from harness.zoo.opening import opened

    found, settings = opened(zoo, settings)
    material = material_of(found, settings, lambda text: click.echo(text, err=True))
    drawn = [[null] for null in (*coins(material), *directions(material))]
    groups = [*drawn, data_with_history(material), clocks(material), history_sums(material)]
    asked, reasons = askable(material)
    total = sum(draws if null.drawn else 1 for group in groups for null in group)
    with progress_bar("judging", total, "nulls", show=True) as bar:
        results = [passed(material, group, asked, draws, done=bar.update) for group in groups if group]
    for part in (gate_table(results), findings_table(results), sentences(reasons)):
        if part:
            click.echo(f"{part}\n")
