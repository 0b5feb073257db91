"""Figure 2: what regularizers that nobody calls by that name do along training (section 3.2 and 3.3 of the paper).

(a) Inception V3 on ImageNet, from the result of `paper imagenet`; (b) Inception on CIFAR-10 with and without batch
normalization. Training and test accuracy against steps, and what stopping at the best test accuracy could gain.
"""

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from harness.errors import HarnessError
from harness.paper.cifar10.curve import accuracy_curve
from harness.paper.cifar10.figure2_drawing import draw
from harness.paper.cifar10.figure2_result import IDENTITY, INCEPTION, as_table, cifar10_row, imagenet_rows, statements
from harness.paper.cifar10.options import chosen_data, chosen_networks, training_options
from harness.paper.cifar10.recipes import EPOCHS, Cifar10, paper_recipe
from harness.paper.figure_files import write_figure
from harness.paper.result import merge_rows, read_rows, write_result
from harness.settings import Settings
from harness.store.store import store_of
from harness.training.recipe import Recipe
from harness.zoo.build import build

QUICK_NETWORKS = ("alexnet_small", "mlp_1x512")
QUICK_EPOCHS = 30


def chosen_panels(text: str | None, imagenet: Path | None) -> str:
    """ "a,b" as "ab"; without a text panel b, and a where there is a result for it. HarnessError for another panel."""
    panels = ("b" if imagenet is None else "ab") if text is None else text.replace(",", "")
    if not panels or set(panels) - set("ab"):
        raise HarnessError(f"--panels is {text!r}; expected some of a, b")
    if "a" in panels and imagenet is None:
        raise HarnessError("panel a is drawn from the result of `paper imagenet`; name its file with --imagenet")
    return panels


def recipe_of(network: str, data: Cifar10, epochs: int | None, device: str) -> Recipe:
    """The paper's recipe on true labels, for a fixed number of epochs on a part of the images too: only then is the
    test error watched along training."""
    return paper_recipe(network, data, epochs=epochs or EPOCHS[network], device=device)


def train_networks(
    networks: Iterable[str], data: Cifar10, epochs: int | None, settings: Settings, out: Path
) -> list[dict[str, Any]]:
    """Train what is neither in the store nor in table 1, write the result after every model; the rows of panel b."""
    recipes = {recipe_of(network, data, epochs, settings.device): network for network in networks}
    rows = {recipe: row for recipe in recipes if (row := of_table1(recipe, data, out))}
    if rows:
        write_rows(rows.values(), settings, out)
    store = store_of(settings)

    def note(recipe: Recipe) -> None:
        entry = store.find(recipe)
        assert entry is not None
        curve = accuracy_curve(recipe, *store.progress(recipe))
        rows[recipe] = cifar10_row(recipe, entry.outcome.epochs, entry.outcome.seconds, curve, data)
        write_rows([rows[recipe]], settings, out)

    missing = [recipe for recipe in recipes if recipe not in rows]
    build(missing, settings, say=lambda text: click.echo(text, err=True), stored=note)
    return [rows[recipe] for recipe in recipes]


def of_table1(recipe: Recipe, data: Cifar10, out: Path) -> dict[str, Any] | None:
    """The row of a training that table 1 in the same folder went through, and so need not be gone through again."""
    for row in read_rows(out, "table1"):
        if row.get("model") == recipe.key and "curve" in row:
            return cifar10_row(recipe, row["epochs"], row["seconds"], row["curve"], data)
    return None


def write_rows(rows: Iterable[dict[str, Any]], settings: Settings, out: Path) -> None:
    """Add the rows to the result, in place of older rows of the same training."""
    written = merge_rows(read_rows(out, "figure2"), rows, IDENTITY)
    written.sort(key=lambda row: (row["panel"], -row["num_train"]))
    content = {"unit": "percent", "paper_in_words": statements(written), "rows": written}
    write_result(out, "figure2", content, settings.device, settings.workers)


@click.command(name="figure2")
@training_options(usual_epochs="by network; quick: 30")
@click.option("--panels", metavar="LETTERS", help="a, b or both [b; with --imagenet both].")
@click.option("--imagenet", type=click.Path(path_type=Path), metavar="FILE", help="imagenet.json, for panel a.")
@click.option("--networks", metavar="NAMES", help=f"Of panel b, separated by commas [{','.join(INCEPTION)}].")
def command(
    panels: str | None,
    imagenet: Path | None,
    networks: str | None,
    num_train: int | None,
    epochs: int | None,
    quick: bool,
    out: Path,
    settings: Settings,
) -> None:
    """Figure 2: accuracies along training, with what early stopping could gain; batch normalization on and off.

    Networks are trained side by side, each kept on disk; a run that was interrupted is taken up by the next. A
    training that the table1.json of the same folder has is not repeated.
    """
    shown = chosen_panels(panels, imagenet)
    chosen = list(QUICK_NETWORKS if quick else INCEPTION) if networks is None else chosen_networks(networks)
    drawn: dict[str, list[dict[str, Any]]] = {}
    if "a" in shown and imagenet is not None:
        drawn["a"] = imagenet_rows(imagenet)
        write_rows(drawn["a"], settings, out)
    if "b" in shown:
        data = chosen_data(num_train, quick, settings)
        asked = QUICK_EPOCHS if quick and epochs is None and not data.in_full else epochs
        drawn["b"] = train_networks(chosen, data, asked, settings, out)
    files = []
    for panel, rows in drawn.items():
        files += write_figure(out, f"figure2{panel}", functools.partial(draw, panel, rows))
    rows = [row for panel_rows in drawn.values() for row in panel_rows]
    click.echo(as_table(rows))
    for statement in statements(rows):
        click.echo(f"{statement['paper']}: ours {statement['ours']:.2f} points, {statement['num_train']:,} images")
    click.echo(f"\nwritten to {out}/figure2.json, {', '.join(map(str, files))}")
