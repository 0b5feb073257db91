"""Figure 1: fitting random labels and random images on CIFAR-10 (section 2 of the paper).

(a) training loss against steps under the conditions of the randomization test, (b) how much longer training takes with
corrupted labels, (c) the test error then.
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from harness.errors import HarnessError
from harness.paper.cifar10.figure1_drawing import draw
from harness.paper.cifar10.figure1_result import (
    UNITS,
    Run,
    as_table,
    partial_corruption,
    result_row,
    same_images,
    sort_key,
    statements,
    with_slowdowns,
)
from harness.paper.cifar10.options import chosen_data, chosen_networks, training_options
from harness.paper.cifar10.recipes import Cifar10, paper_recipe
from harness.paper.figure_files import write_figure
from harness.paper.result import merge_rows, read_rows, write_result
from harness.settings import Settings
from harness.store.store import store_of
from harness.training.recipe import Condition, Recipe
from harness.zoo.build import build

PANELS = "abc"
IMAGES: tuple[Condition, ...] = ("shuffled_pixels", "random_pixels", "gaussian")
NETWORKS = ("inception_small", "alexnet_small", "mlp_1x512")
POINTS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
QUICK_NETWORKS = ("alexnet_small", "mlp_1x512")
QUICK_POINTS = (0.0, 0.5, 1.0)


def chosen_panels(text: str) -> str:
    """ "a,c" as "ac". HarnessError for another panel."""
    panels = text.replace(",", "")
    if not panels or set(panels) - set(PANELS):
        raise HarnessError(f"--panels is {text!r}; expected some of {', '.join(PANELS)}")
    return "".join(panel for panel in PANELS if panel in panels)


def chosen_points(text: str) -> list[float]:
    """Label corruptions separated by commas; 0 is always one, since slowdowns are against it."""
    try:
        points = {float(point) for point in text.split(",")}
    except ValueError:
        points = {math.nan}
    if not all(0 <= point <= 1 for point in points):
        raise HarnessError(f"--points is {text!r}; expected probabilities separated by commas: 0,0.5,1")
    return sorted(points | {0.0})


def runs_of_panel_a(network: str, points: Iterable[float]) -> list[Run]:
    """The six conditions, or the five without partially corrupted labels if no point is between 0 and 1."""
    partial = partial_corruption(points)
    corruptions = [0.0, 1.0] if partial is None else [0.0, partial, 1.0]
    labels = [Run.with_labels_corrupted(network, corruption) for corruption in corruptions]
    return labels + [Run(network, condition) for condition in IMAGES]


def wanted_runs(panels: str, network: str, networks: Iterable[str], points: Sequence[float]) -> list[Run]:
    """What the panels show, each training once."""
    runs = runs_of_panel_a(network, points) if "a" in panels else []
    if "b" in panels or "c" in panels:
        runs += [Run.with_labels_corrupted(name, point) for name in networks for point in points]
    return list(dict.fromkeys(runs))


def recipe_of(run: Run, data: Cifar10, epochs: int | None, device: str) -> Recipe:
    """The paper's recipe for the run: in full the one that table 1 has."""
    partial = run.corruption if run.condition == "corrupted_labels" else None
    return paper_recipe(
        run.network, data, run.condition, corrupted_fraction=partial or 0.0, epochs=epochs, device=device
    )


def train_runs(
    runs: Iterable[Run], data: Cifar10, epochs: int | None, settings: Settings, out: Path
) -> list[dict[str, Any]]:
    """Train what is not in the store, write the result after every model; all of its rows that are of these images."""
    recipes = {recipe_of(run, data, epochs, settings.device): run for run in runs}
    store = store_of(settings)
    written = read_rows(out, "figure1")

    def own() -> list[dict[str, Any]]:
        images = data.sha256, data.num_train or data.all_train
        return [row for row in written if same_images(row) == images]

    def note(recipe: Recipe) -> None:
        nonlocal written
        entry = store.find(recipe)
        assert entry is not None
        row = result_row(recipes[recipe], recipe, entry.outcome, store.progress(recipe)[0], data)
        written = with_slowdowns(sorted(merge_rows(written, [row], ("row", "num_train")), key=sort_key))
        content = {"units": UNITS, "paper_in_words": statements(own()), "rows": written}
        write_result(out, "figure1", content, settings.device, settings.workers)

    build(recipes, settings, say=lambda text: click.echo(text, err=True), stored=note)
    return own()


@click.command(name="figure1")
@training_options(usual_epochs="as many as the network needs")
@click.option("--panels", default=",".join(PANELS), show_default=True, metavar="LETTERS", help="Only these panels.")
@click.option("--network", metavar="NAME", help="Of panel a [inception_small; quick: alexnet_small].")
@click.option("--networks", metavar="NAMES", help=f"Of panels b and c, separated by commas [{','.join(NETWORKS)}].")
@click.option("--points", metavar="P,P", help="Label corruptions, separated by commas [0,0.2,0.4,0.6,0.8,1].")
def command(
    panels: str,
    network: str | None,
    networks: str | None,
    points: str | None,
    num_train: int | None,
    epochs: int | None,
    quick: bool,
    out: Path,
    settings: Settings,
) -> None:
    """Figure 1: training loss under all conditions; convergence time and test error against label corruption.

    Models are trained side by side, each kept on disk; a run that was interrupted is taken up by the next. The figure
    shows all that the result has on the same images, from earlier runs too.
    """
    shown = chosen_panels(panels)
    usual_networks, usual_points = (QUICK_NETWORKS, QUICK_POINTS) if quick else (NETWORKS, POINTS)
    several = list(usual_networks) if networks is None else chosen_networks(networks)
    single = usual_networks[0] if network is None else chosen_networks(network, "--network")[0]
    corruptions = list(usual_points) if points is None else chosen_points(points)
    data = chosen_data(num_train, quick, settings)
    rows = train_runs(wanted_runs(shown, single, several, corruptions), data, epochs, settings, out)
    name = "figure1" + ("" if shown == PANELS else shown)
    files = write_figure(out, name, lambda: draw(rows, shown, single, data.all_train))
    click.echo(as_table(rows))
    for statement in statements(rows):
        verdict = {True: "holds", False: "does not hold", None: "ours"}[statement["holds"]]
        click.echo(f"{statement['network']}: {statement['paper']}: {verdict} ({statement['ours']})")
    click.echo(f"\nwritten to {out}/figure1.json, {', '.join(map(str, files))}")
