"""What figure 2 shows as numbers: accuracies along training, in percent, and what stopping early could gain.

Figure 2b's curves are those of curve.py; figure 2a's come from `paper imagenet`, where both accuracies are measured
after an epoch.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.paper.cifar10.recipes import Cifar10
from harness.paper.reported import TABLE1
from harness.paper.result import compared
from harness.training.recipe import Recipe

Row = dict[str, Any]

INCEPTION = ("inception_small", "inception_small_no_bn")
IDENTITY = ("panel", "row", "num_train")
PAPER_FINAL = {
    row.network: row.test_accuracy
    for row in TABLE1
    if not row.random_crop and not row.weight_decay and row.labels == "true"
}


def cifar10_row(recipe: Recipe, epochs: int, seconds: float, curve: dict[str, list[Any]], data: Cifar10) -> Row:
    """A row of panel b, of a training that took so long and went so."""
    full = data.in_full
    return {
        "panel": "b",
        "row": recipe.network,
        "run": "in full" if full else "on a subset",
        "data_set": data.described(),
        "num_train": recipe.num_train or data.all_train,
        "epochs": epochs,
        "seconds": round(seconds, 1),
        "precision": recipe.precision,
        "model": recipe.key,
        **_gain(
            curve,
            paper_final=PAPER_FINAL[recipe.network] if full else None,
            paper_gain=None,  # said in words alone, see `statements`
        ),
    }


def imagenet_rows(path: Path) -> list[Row]:
    """The rows of panel a, from what `paper imagenet` wrote: those with true labels, of the largest data set there.

    Top-1 accuracies. HarnessError if there is no such file, or that command did not write it.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["rows"]
        found = [row for row in found if row.get("labels", "true") == "true" and row["history"]]
        rows = [_imagenet_row(row) for row in found]
    except OSError as cause:
        raise HarnessError(f"--imagenet {path} cannot be read ({cause.strerror}); run `paper imagenet`") from cause
    except (ValueError, KeyError, TypeError, AttributeError) as cause:
        raise HarnessError(f"--imagenet {path} is not a result of `paper imagenet`; name its imagenet.json") from cause
    if not rows:
        raise HarnessError(f"--imagenet {path} has no row with true labels and a history; train one")
    largest = max(rows, key=lambda row: (row["num_train"], row["image_size"]))
    return [row for row in rows if _same_training(row) == _same_training(largest)]


def _imagenet_row(row: Mapping[str, Any]) -> Row:
    """A row of panel a; what the paper has beside it only where that command found the two comparable."""
    paper = {name: row.get(name, {}).get("paper") for name in ("test_top1", "best_top1")}
    if not str(row.get("comparable")).startswith("yes"):
        paper = dict.fromkeys(paper)
    final, best = paper["test_top1"], paper["best_top1"]
    return {
        "panel": "a",
        "row": row["row"],
        **{name: row.get(name, 0) for name in ("num_train", "num_classes", "image_size", "seed")},
        "listing_sha256": row.get("listing_sha256", ""),
        "comparable": row.get("comparable", "no: it is not known what it was trained on"),
        "epochs": len(row["history"]),
        **_gain(
            {
                "steps": [epoch["steps"] for epoch in row["history"]],
                "train_accuracy": [epoch["train_top1"] for epoch in row["history"]],
                "test_accuracy": [epoch["test_top1"] for epoch in row["history"]],
            },
            paper_final=final,
            paper_gain=best - final if best is not None and final is not None else None,
        ),
    }


def _same_training(row: Row) -> tuple[Any, ...]:
    return row["listing_sha256"], row["image_size"], row["seed"]


def _gain(curve: dict[str, list[Any]], paper_final: float | None, paper_gain: float | None) -> Row:
    """The curve, its ends, its best, and their difference in points of accuracy."""
    test = curve["test_accuracy"]
    return {
        "final_train_accuracy": curve["train_accuracy"][-1],
        "final_test_accuracy": compared(test[-1], paper_final),
        "best_test_accuracy": max(test),
        "early_stopping_gain": compared(max(test) - test[-1], paper_gain),
        "curve": curve,
    }


def statements(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """What the paper says of panel b in words, with ours beside it, in points of accuracy; on the largest number of
    images that there are rows of."""
    rows = [row for row in rows if row["panel"] == "b"]
    images = max((row["num_train"] for row in rows), default=0)
    own = {row["row"]: row for row in rows if row["num_train"] == images and row["row"] in INCEPTION}
    found = [
        {"paper": f"early stopping gains nothing ({name})", "ours": row["early_stopping_gain"]["ours"]}
        for name, row in own.items()
    ]
    if set(own) == set(INCEPTION):
        normalized, plain = (own[name]["final_test_accuracy"]["ours"] for name in INCEPTION)
        found.append({"paper": "batch normalization is worth 3 to 4 points", "ours": round(normalized - plain, 3)})
    return [{**statement, "num_train": images} for statement in found]


def as_table(rows: Iterable[Row]) -> str:
    """The result in Markdown, accuracies in percent."""
    lines = [
        "| panel | row | images | epochs | train | test | paper | best test | early stopping gains | paper |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        final, gain = row["final_test_accuracy"], row["early_stopping_gain"]
        numbers = [row["final_train_accuracy"], final["ours"], final["paper"], row["best_test_accuracy"]]
        cells = [row["panel"], f"`{row['row']}`", f"{row['num_train']:,}", str(row["epochs"])]
        cells += ["-" if number is None else f"{number:.2f}" for number in [*numbers, gain["ours"], gain["paper"]]]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
