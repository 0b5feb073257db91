"""What Figure 1's rows and statements say beside the paper."""

import json
import math
from typing import Any

import pytest

from harness.paper.cifar10.figure1 import recipe_of
from harness.paper.cifar10.figure1_result import Run, as_table, result_row, sort_key, statements, with_slowdowns
from harness.paper.cifar10.recipes import Cifar10
from harness.training.train import Outcome
from measures.history import History
from tests.builders.paper.figure1_rows import A_PART, IN_FULL, figure_rows, history, row


def outcome(test_error: float) -> Outcome:
    return Outcome(0.01, 0.0, 1.0, test_error, 3, 6, 1.0, True)


def made(run: Run, data: Cifar10, seen: History | None = None) -> Any:
    seen = history([2.0, 1.0, math.nan], [0.5, 0.1, 0.0], steps=6) if seen is None else seen
    return result_row(run, recipe_of(run, data, None, "cpu"), outcome(0.895), seen, data)


def test_a_row_has_the_curves_and_the_error_in_percent() -> None:
    found = made(Run.with_labels_corrupted("mlp_1x512", 1.0), IN_FULL)
    assert found["curve"] == {"steps": [1, 3, 5], "train_loss": [2.0, 1.0, None], "train_error": [50.0, 10.0, 0.0]}
    assert found["test_error"] == {"ours": 89.5, "paper": 90.0, "difference": -0.5}
    assert (found["run"], found["num_train"]) == ("in full", 50_000)
    json.dumps(found, allow_nan=False)


def test_only_random_labels_in_full_are_held_against_the_papers_error() -> None:
    for run, data in ((Run.with_labels_corrupted("mlp_1x512", 1.0), A_PART), (Run("mlp_1x512", "gaussian"), IN_FULL)):
        assert made(run, data)["test_error"]["paper"] is None


def test_the_slowdown_is_against_true_labels_of_the_same_network_on_the_same_images() -> None:
    def network(name: str, true: float | None, random: float | None) -> list[Any]:
        return [
            row(Run.with_labels_corrupted(name, 0.0), true),
            row(Run.with_labels_corrupted(name, 1.0), random),
            row(Run(name, "gaussian"), 150.0),
        ]

    more_images = [{**each, "num_train": 2000} for each in network("mlp_1x512", 10.0, 40.0)]
    rows = [*network("mlp_1x512", 100.0, 250.0), *network("alexnet_small", None, 300.0), *more_images]
    assert [each["slowdown"] for each in with_slowdowns(rows)] == [1, 2.5, 1.5, None, None, None, 1, 4, 15]
    unfitted = with_slowdowns(network("mlp_1x512", 100.0, None))
    assert [each["slowdown"] for each in unfitted] == [1, None, 1.5]


def says(rows: list[Any], words: str) -> Any:
    (found,) = (each for each in statements(with_slowdowns(rows)) if words in each["paper"])
    return found["holds"]


@pytest.mark.parametrize(
    ("noise", "random", "holds"),
    [(10.0, 20.0, True), (20.0, 10.0, False), (10.0, None, True), (None, None, False), (None, 10.0, False)],
)
def test_noise_starts_sooner_than_random_labels_if_its_loss_falls_first(noise, random, holds) -> None:
    rows = [
        row(Run("mlp_1x512", "gaussian"), begun=noise),
        row(Run.with_labels_corrupted("mlp_1x512", 1.0), begun=random),
    ]
    assert says(rows, "gaussian starts to converge sooner") is holds


@pytest.mark.parametrize(("errors", "holds"), [((50, 70, 90), True), ((50, 90, 89), False), ((50,), None)])
def test_test_error_rises_steadily_or_does_not(errors, holds) -> None:
    points = [Run.with_labels_corrupted("mlp_1x512", number / 2) for number in range(len(errors))]
    rows = [row(run, test_error=error) for run, error in zip(points, errors, strict=True)]
    assert says(rows[::-1], "rises steadily") is holds


def test_a_condition_that_was_not_fitted_is_named() -> None:
    (said,) = (each for each in statements(figure_rows()) if "every condition" in each["paper"] and not each["holds"])
    assert said["network"] == "mlp_1x512" and said["ours"] == "2 of 3; not random_labels"


def test_rows_are_in_the_order_of_images_networks_conditions_and_corruption() -> None:
    rows = figure_rows()
    fewer = [{**rows[0], "num_train": 500}]
    assert sorted([*fewer, *rows[::-1]], key=sort_key) == [*rows, *fewer]


def test_the_table_has_a_line_a_row_and_dashes_for_what_there_is_not() -> None:
    lines = as_table(figure_rows()).splitlines()
    assert len(lines) == 2 + 9
    assert lines[-1] == "| `mlp_1x512-random_labels` | 1,000 | 20 | - | - | 0.00 | 90.00 | - | 1.0 |"
