"""Table 1: training and test accuracy on CIFAR-10 of five networks, with and without regularizers, true labels and
random ones; and the training accuracy on random labels with a regularizer still on (section 3 of the paper)."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from harness.errors import HarnessError
from harness.paper.cifar10.curve import accuracy_curve
from harness.paper.cifar10.options import chosen_data, training_options
from harness.paper.cifar10.recipes import WEIGHT_DECAY, Cifar10, paper_recipe
from harness.paper.reported import REGULARIZED_RANDOM_LABELS, TABLE1
from harness.paper.result import compared, merge_rows, read_rows, write_result
from harness.records.environment import environment
from harness.settings import Settings
from harness.store.store import Store, store_of
from harness.training.recipe import Augmentation, Recipe
from harness.zoo.build import build

QUICK_NETWORKS = ("alexnet_small", "mlp_3x512", "mlp_1x512")


@dataclasses.dataclass(frozen=True)
class Row:
    """A row to train: what is switched on, and what the paper reports (percent; None where it reports nothing)."""

    name: str
    network: str
    augmentation: Augmentation
    weight_decay: bool
    random_labels: bool
    paper_train: float | None
    paper_test: float | None

    def recipe(self, data: Cifar10, epochs: int | None, device: str, decay: float = WEIGHT_DECAY) -> Recipe:
        return paper_recipe(
            self.network,
            data,
            "random_labels" if self.random_labels else "true_labels",
            augmentation=self.augmentation,
            weight_decay=decay if self.weight_decay else 0.0,
            epochs=epochs,
            device=device,
        )


def rows_of_the_table() -> list[Row]:
    """The 19 rows, in the paper's order."""
    return [
        Row(
            row.name,
            row.network,
            "crop" if row.random_crop else "",
            row.weight_decay,
            row.labels == "random",
            row.train_accuracy,
            row.test_accuracy,
        )
        for row in TABLE1
    ]


def regularized_random_labels() -> list[Row]:
    """Random labels with a regularizer still on, which the paper's text reports."""
    rows = []
    for (network, regularizer), accuracy in REGULARIZED_RANDOM_LABELS.items():
        decay = regularizer == "weight_decay"
        augmentation: Augmentation = "" if decay else "crop" if regularizer == "crop" else "crop_flip_colour"
        name = f"{network}-{'decay' if decay else augmentation}-random"
        rows.append(Row(name, network, augmentation, decay, True, accuracy, None))
    return rows


def chosen_rows(names: str | None, quick: bool) -> list[Row]:
    """The rows with these names (separated by commas); without names the table's. HarnessError for an unknown name."""
    table = rows_of_the_table()
    if names is None:
        return [row for row in table if not quick or row.network in QUICK_NETWORKS]
    known = {row.name: row for row in [*table, *regularized_random_labels()]}
    wanted = [name.strip() for name in names.split(",")]
    if unknown := [name for name in wanted if name not in known]:
        raise HarnessError(f"--rows {unknown[0]} is not a row of table 1; known: {', '.join(known)}")
    return [known[name] for name in wanted]


def run(
    rows: Iterable[Row],
    data: Cifar10,
    epochs: int | None,
    settings: Settings,
    out: Path,
    decay: float = WEIGHT_DECAY,
) -> list[dict[str, Any]]:
    """Train what is not in the store, write the result after every row; all rows of the result. `decay` is of the rows
    with weight decay."""
    recipes = {row.recipe(data, epochs, settings.device, decay): row for row in rows}
    store = store_of(settings)
    written = read_rows(out, "table1")
    order = {row.name: number for number, row in enumerate([*rows_of_the_table(), *regularized_random_labels()])}

    def note(recipe: Recipe) -> None:
        nonlocal written
        if any((row.get("model"), row["row"]) == (recipe.key, recipes[recipe].name) for row in written):
            return  # noted when it was trained, perhaps on another machine
        written = merge_rows(
            written,
            [_result(recipes[recipe], recipe, store, data, settings)],
            ("row", "weight_decay", "num_train", "data_sha256"),
        )
        written.sort(key=lambda row: (order.get(row["row"], len(order)), -row["num_train"]))
        write_result(out, "table1", {"rows": written}, settings.device, settings.workers)

    build(recipes, settings, say=lambda text: click.echo(text, err=True), stored=note)
    return written


def _result(row: Row, recipe: Recipe, store: Store, data: Cifar10, settings: Settings) -> dict[str, Any]:
    entry = store.find(recipe)
    assert entry is not None
    outcome = entry.outcome
    full = data.in_full
    curve = accuracy_curve(recipe, *store.progress(recipe))
    return {
        "row": row.name,
        "network": row.network,
        "augmentation": row.augmentation,
        "weight_decay": recipe.weight_decay,
        "labels": "random" if row.random_labels else "true",
        "run": "in full" if full else "on a subset",
        "data_set": data.described(),
        "data_sha256": data.sha256,
        "num_train": data.images,
        "epochs": outcome.epochs,
        "seconds": round(outcome.seconds, 1),
        "precision": recipe.precision,
        "environment": environment(settings.device, settings.workers),
        "model": recipe.key,
        # a subset's accuracies are not to be held against the paper's
        "train_accuracy": compared(100 * (1 - outcome.train_error), row.paper_train if full else None),
        "test_accuracy": compared(100 * (1 - outcome.test_error), row.paper_test if full else None),
        **({"curve": curve} if curve["test_accuracy"] else {}),
    }


def as_table(rows: Iterable[dict[str, Any]]) -> str:
    """The result in Markdown, accuracies in percent."""
    lines = [
        "| row | images | epochs | train | paper | test | paper | minutes |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        decay = "" if row["weight_decay"] in (0.0, WEIGHT_DECAY) else f", decay {row['weight_decay']:g}"
        cells = [f"`{row['row']}`{decay}", f"{row['num_train']:,}", str(row["epochs"])]
        for kind in ("train_accuracy", "test_accuracy"):
            cells += [f"{row[kind]['ours']:.2f}", "-" if row[kind]["paper"] is None else f"{row[kind]['paper']:.2f}"]
        lines.append("| " + " | ".join([*cells, f"{row['seconds'] / 60:.0f}"]) + " |")
    return "\n".join(lines)


@click.command()
@training_options(usual_epochs="as many as the network needs")
@click.option("--rows", metavar="NAMES", help="Only these rows, separated by commas [the table's 19].")
@click.option(
    "--weight-decay",
    type=click.FloatRange(0, min_open=True),
    default=WEIGHT_DECAY,
    show_default=True,
    metavar="X",
    help="Of the rows that have one; the paper does not give its own.",
)
def command(
    rows: str | None,
    weight_decay: float,
    num_train: int | None,
    epochs: int | None,
    quick: bool,
    out: Path,
    settings: Settings,
) -> None:
    """Table 1: accuracies on CIFAR-10 with true and random labels, with and without regularizers.

    Rows are trained side by side, each kept on disk; a run that was interrupted is taken up by the next.
    """
    chosen = chosen_rows(rows, quick)
    data = chosen_data(num_train, quick, settings)
    result = run(chosen, data, epochs, settings, out, weight_decay)
    click.echo(as_table(result))
    click.echo(f"\nwritten to {out}/table1.json")
