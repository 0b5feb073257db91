"""What figure 1 shows as numbers: a row a network and condition, slowdowns against true labels, and what the paper says
of the figure in words, each statement with ours beside it. Errors in percent, as the paper has its accuracies."""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

from harness.paper.cifar10.convergence import middles, steps_to_begin, steps_to_converge
from harness.paper.cifar10.recipes import LEARNING_RATES, Cifar10
from harness.paper.result import compared
from harness.training.recipe import CONDITIONS, Condition, Recipe
from harness.training.train import Outcome
from measures.history import History

Row = dict[str, Any]

NUM_CLASSES = 10
DIGITS = 5  # of the curves, significant
PAPER_ERROR_ON_RANDOM_LABELS = 90.0
UNITS = {
    "corruption": "probability that a label is redrawn",
    "converged_after, begun_after, curve.steps": "steps of training",
    "slowdown": "converged_after, over that with true labels",
    "train_error, test_error, curve.train_error": "percent",
    "curve.train_loss": "nats",
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One training of the figure. `corruption` is of the labels; None where the images are randomized instead."""

    network: str
    condition: Condition
    corruption: float | None = None

    @classmethod
    def with_labels_corrupted(cls, network: str, corruption: float) -> "Run":
        conditions: dict[float, Condition] = {0.0: "true_labels", 1.0: "random_labels"}
        return cls(network, conditions.get(corruption, "corrupted_labels"), corruption)

    @property
    def name(self) -> str:
        """`mlp_1x512-true_labels`, `mlp_1x512-corrupted_labels0.2`, ..."""
        degree = f"{self.corruption:g}" if self.condition == "corrupted_labels" else ""
        return f"{self.network}-{self.condition}{degree}"


def result_row(run: Run, recipe: Recipe, outcome: Outcome, history: History, data: Cifar10) -> Row:
    """A row for figure1.json, but for its slowdown; a loss that is not finite is None."""
    full = data.in_full
    return {
        "row": run.name,
        **dataclasses.asdict(run),
        "run": "in full" if full else "on a subset",
        "data_set": data.described(),
        "num_train": recipe.num_train or data.all_train,
        "max_epochs": recipe.max_epochs,
        "epochs": outcome.epochs,
        "steps": outcome.steps,
        "seconds": round(outcome.seconds, 1),
        "precision": recipe.precision,
        "model": recipe.key,
        "begun_after": steps_to_begin(history, recipe.batch_size, NUM_CLASSES),
        "converged_after": steps_to_converge(history, recipe.batch_size),
        "train_error": 100 * outcome.train_error,
        "test_error": compared(
            100 * outcome.test_error,
            PAPER_ERROR_ON_RANDOM_LABELS if full and run.condition == "random_labels" else None,
        ),
        "curve": {
            "steps": middles(history, recipe.batch_size).tolist(),
            "train_loss": [_short(loss) for loss in history.train_loss.tolist()],
            "train_error": [_short(100 * error) for error in history.train_error.tolist()],
        },
    }


def sort_key(row: Row) -> tuple[Any, ...]:
    """What rows are sorted by: number of images, network, condition, corruption."""
    networks, conditions = list(LEARNING_RATES), list(CONDITIONS)
    condition = conditions.index(row["condition"]) if row["corruption"] is None else -1
    return -row["num_train"], networks.index(row["network"]), condition, row["corruption"] or 0.0


def same_images(row: Row) -> tuple[str, int]:
    """What rows that are compared, or drawn in one figure, have in common."""
    return row["data_set"]["sha256"], row["num_train"]


def with_slowdowns(rows: Iterable[Row]) -> list[Row]:
    """The rows, each with its `slowdown`: steps until convergence over those with true labels, same network, same
    images; None where either did not converge."""
    rows = list(rows)
    base = {(same_images(row), row["network"]): row for row in rows if row["condition"] == "true_labels"}
    result = []
    for row in rows:
        natural = base.get((same_images(row), row["network"]))
        steps = natural and natural["converged_after"]
        converged = row["converged_after"]
        result.append({**row, "slowdown": converged / steps if converged is not None and steps else None})
    return result


def statements(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What the paper says of figure 1 in words, and whether it holds of these rows, which are of the same images.

    `holds` is None where ours says nothing about it: the rows that it is about were not trained.
    """
    found = []
    for network in dict.fromkeys(row["network"] for row in rows):
        own = [row for row in rows if row["network"] == network]
        by_condition = {row["condition"]: row for row in own}
        found.append(_all_converge(network, own))
        if (random := by_condition.get("random_labels")) is not None:
            found += [
                _begins_sooner(by_condition[c], random) for c in ("random_pixels", "gaussian") if c in by_condition
            ]
            if random["slowdown"] is not None:
                found.append(_small_factor(random))
        found.append(_error_rises(network, label_rows(own, network)))
    return found


def partial_corruption(corruptions: Iterable[float | None]) -> float | None:
    """Which partial corruption of labels panel a shows: of those between 0 and 1 the nearest to one half, if any."""
    between = [corruption for corruption in corruptions if corruption is not None and 0 < corruption < 1]
    return min(between, key=lambda corruption: (round(abs(corruption - 0.5), 6), corruption), default=None)


def label_rows(rows: Iterable[Row], network: str) -> list[Row]:
    """The network's rows with corrupted labels, true ones to random ones."""
    own = [row for row in rows if row["network"] == network and row["corruption"] is not None]
    return sorted(own, key=lambda row: row["corruption"])


def _all_converge(network: str, rows: Sequence[Row]) -> dict[str, Any]:
    not_yet = [row["condition"] for row in rows if row["converged_after"] is None]
    ours = f"{len(rows) - len(not_yet)} of {len(rows)}" + (f"; not {', '.join(not_yet)}" if not_yet else "")
    return _statement(network, "the training set is fitted in every condition", ours, not not_yet)


def _begins_sooner(row: Row, random: Row) -> dict[str, Any]:
    statement = f"{row['condition']} starts to converge sooner than random_labels"
    first, second = row["begun_after"], random["begun_after"]
    ours = " against ".join("never" if steps is None else f"{steps:.0f} steps" for steps in (first, second))
    return _statement(row["network"], statement, ours, first is not None and (second is None or first < second))


def _small_factor(random: Row) -> dict[str, Any]:
    ours = f"{random['slowdown']:.2f} times as many steps"
    return _statement(random["network"], "random labels take longer by a small constant factor", ours, None)


def _error_rises(network: str, rows: Sequence[Row]) -> dict[str, Any]:
    errors = [row["test_error"]["ours"] for row in rows]
    ours = ", ".join(f"{error:.1f}% at {row['corruption']:g}" for row, error in zip(rows, errors, strict=True))
    rises = all(below < above for below, above in itertools.pairwise(errors)) if len(rows) > 1 else None
    return _statement(network, "test error rises steadily with corruption, up to 90%", ours, rises)


def _statement(network: str, paper: str, ours: str, holds: bool | None) -> dict[str, Any]:
    return {"network": network, "paper": paper, "ours": ours, "holds": holds}


def as_table(rows: Iterable[Row]) -> str:
    """The result in Markdown, errors in percent."""
    lines = [
        "| row | images | epochs | steps to converge | slowdown | train error | test error | paper | minutes |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        test = row["test_error"]
        cells = [
            f"`{row['row']}`",
            f"{row['num_train']:,}",
            str(row["epochs"]),
            "-" if row["converged_after"] is None else f"{row['converged_after']:.0f}",
            "-" if row["slowdown"] is None else f"{row['slowdown']:.2f}",
            f"{row['train_error']:.2f}",
            f"{test['ours']:.2f}",
            "-" if test["paper"] is None else f"about {test['paper']:.0f}",
            f"{row['seconds'] / 60:.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _short(number: float) -> float | None:
    return float(f"{number:.{DIGITS}g}") if math.isfinite(number) else None
