"""Table 2 and the data of figure 2a: Inception V3 on ImageNet's class folders, true and random labels, regularizers on
and off. In one process, or in several by `torchrun --nproc-per-node=8 -m harness paper imagenet`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.errors import HarnessError
from harness.paper.command import paper_options
from harness.paper.reported import IMAGENET, ImageNetRow
from harness.paper.result import merge_rows, read_rows, write_result
from harness.settings import cores, make_settings

if TYPE_CHECKING:
    from harness.paper.imagenet.image_tree import ImageTree
    from harness.paper.imagenet.processes import Processes
    from harness.paper.imagenet.setting import Setting
    from harness.paper.imagenet.state import RowState

FULL = {"image_size": 299, "batch_size": 256, "epochs": 100}
QUICK = {"image_size": 75, "batch_size": 16, "epochs": 2}
QUICK_PART = (10, 16, 8)  # classes, and training and test images of each
QUICK_ROWS = ("inception_v3", "inception_v3-random")
IDENTITY = ("row", "listing_sha256", "image_size", "seed")


def row_name(row: ImageNetRow) -> str:
    """`inception_v3-augmentation-dropout-decay`, `inception_v3`, `inception_v3-dropout-random`, ..."""
    on = {
        "augmentation": row.augmentation,
        "dropout": row.dropout,
        "decay": row.weight_decay,
        "random": row.labels == "random",
    }
    return "-".join(["inception_v3", *(name for name, is_on in on.items() if is_on)])


ROWS = {row_name(row): row for row in IMAGENET}


def chosen_rows(names: str | None, quick: bool) -> list[str]:
    """The rows with these names, separated by commas; without names all of them. HarnessError for an unknown name."""
    if names is None:
        return list(QUICK_ROWS if quick else ROWS)
    wanted = names.split(",")
    if unknown := [name for name in wanted if name not in ROWS]:
        raise HarnessError(f"--rows {unknown[0]} is not a row of the ImageNet table; known: {', '.join(ROWS)}")
    return wanted


def toggles(name: str) -> dict[str, Any]:
    """What a row switches on."""
    row = ROWS[name]
    return {
        "row": name,
        "augmentation": row.augmentation,
        "dropout": row.dropout,
        "weight_decay": row.weight_decay,
        "labels": row.labels,
    }


def train_row(
    setting: "Setting", tree: "ImageTree", processes: "Processes", cache_dir: Path, workers: int
) -> "RowState":
    """Train a row, or what is left of it; its state is kept in the cache folder after every epoch."""
    from harness.paper.imagenet.image_stream import ImageStream
    from harness.paper.imagenet.state import RowState
    from harness.paper.imagenet.train import train

    name = f"{setting.row}-{setting.image_size}px-seed{setting.seed}-{setting.listing_sha256[:12]}.safetensors"
    state = RowState(cache_dir / "imagenet" / name, setting.of_every_epoch())
    stream = ImageStream(
        tree,
        image_size=setting.image_size,
        seed=setting.seed,
        labels=setting.labels,
        augmentation=setting.augmentation,
        workers=workers,
        rank=processes.rank,
        world_size=processes.count,
        pin_memory=processes.device.type == "cuda",
    )
    train(setting, stream, processes, state, say=lambda text: click.echo(text, err=True))
    return state


@click.command(name="imagenet")
@paper_options
@click.option("--rows", metavar="NAMES", help="Only these rows, separated by commas [the table's 7].")
@click.option("--epochs", type=click.IntRange(1), help="[100; quick: 2]")
@click.option("--batch-size", type=click.IntRange(2), help="Of all processes together [256; quick: 16].")
@click.option("--image-size", type=click.IntRange(1), help="In pixels, 75 or more [299; quick: 75].")
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    default=0.1,
    show_default=True,
    help="At its peak, for a batch of 256.",
)
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--device", default="cpu", show_default=True, help="cuda: under torchrun, a GPU for each process.")
@click.option("--workers", type=click.IntRange(0), help="Decoding processes of each process [its share of the cores].")
def command(
    rows: str | None,
    epochs: int | None,
    batch_size: int | None,
    image_size: int | None,
    learning_rate: float,
    precision: Any,
    seed: int,
    device: str,
    workers: int | None,
    quick: bool,
    out: Path,
    cache_dir: str | None,
    data_dir: str | None,
) -> None:
    """Table 2: Inception V3 on ImageNet with true and random labels, with and without regularizers.

    --data-dir has train/<class>/* and val/<class>/*. Rows are trained one after the other; after every epoch a row is
    kept in the cache folder, and a run that was interrupted is taken up by the next with the same options.
    """
    from harness.paper.imagenet.image_tree import read_tree
    from harness.paper.imagenet.processes import own_device, process_group, processes_here
    from harness.paper.imagenet.result import Data, as_table, result_row
    from harness.paper.imagenet.setting import Setting

    chosen = chosen_rows(rows, quick)
    settings = make_settings(cache_dir, data_dir, own_device(device))
    tree = read_tree(settings.data_dir)
    tree = tree.part(*QUICK_PART) if quick else tree
    data = Data.of(tree)
    asked: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "image_size": image_size}
    sizes: dict[str, Any] = (QUICK if quick else FULL) | {
        name: size for name, size in asked.items() if size is not None
    }
    decoders = max(1, cores() // processes_here()) if workers is None else workers
    with process_group(settings.device) as processes:
        for name in chosen:
            setting = Setting(
                **sizes,
                **toggles(name),
                listing_sha256=data.listing_sha256,
                seed=seed,
                learning_rate=learning_rate,
                precision=precision,
                processes=processes.count,
            )
            state = train_row(setting, tree, processes, settings.cache_dir, decoders)
            if processes.first:
                written = merge_rows(
                    read_rows(out, "imagenet"), [result_row(ROWS[name], setting, data, state)], IDENTITY
                )
                written.sort(key=lambda row: list(ROWS).index(row["row"]))
                write_result(out, "imagenet", {"rows": written}, settings.device, processes.count)
        if processes.first:
            click.echo(as_table(written))
            click.echo(f"\nwritten to {out}/imagenet.json")
