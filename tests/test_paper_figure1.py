"""Figure 1: when a network has converged, which models it is of, what it says beside the paper, how it looks."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import matplotlib.style
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from matplotlib.figure import Figure

from harness.__main__ import main
from harness.errors import HarnessError
from harness.history import History
from harness.paper import figure1
from harness.paper.convergence import first_at_most, middles, steps_to_begin, steps_to_converge
from harness.paper.figure1 import chosen_networks, chosen_panels, chosen_points, recipe_of, wanted_runs
from harness.paper.figure1_drawing import CONDITIONS, draw
from harness.paper.figure1_result import (
    Run,
    as_table,
    partial_corruption,
    place,
    result_row,
    statements,
    with_slowdowns,
)
from harness.paper.figure_files import write_figure
from harness.paper.settings import Cifar10, cifar10
from harness.paper.table1 import rows_of_the_table
from harness.profile_figure import STYLE
from harness.settings import make_settings
from harness.train import Outcome
from tests.paper_figures import options, texts_that_overlap, train_here

IN_FULL = Cifar10(0, "a" * 64, "", "torchvision", 50_000)
A_PART = dataclasses.replace(IN_FULL, num_train=1000)
BATCH = 128


def history(losses: list[float], errors: list[float], steps: int, num_train: int = 256) -> History:
    """Of 256 images: two steps an epoch."""
    return History(
        train_loss=torch.tensor(losses),
        train_error=torch.tensor(errors),
        correct=torch.ones(len(losses), num_train, dtype=torch.bool),
        learning_rates=torch.ones(steps),
        snapshot_epochs=torch.empty(0, dtype=torch.int64),
        snapshots=torch.empty(0, 0),
    )


def row(run: Run, converged: float | None = 100.0, test_error: float = 50.0, begun: float | None = 10.0) -> Any:
    """A row of figure1.json, by hand."""
    curve_end = converged or 300.0
    steps = [curve_end * part for part in (0.1, 0.4, 0.7, 1.0)]
    return {
        "row": run.name,
        **dataclasses.asdict(run),
        "run": "on a subset",
        "data_set": {"name": "CIFAR-10", "sha256": "a", "num_train": 1000},
        "num_train": 1000,
        "epochs": 20,
        "seconds": 60.0,
        "begun_after": begun,
        "converged_after": converged,
        "train_error": 0.0,
        "test_error": {"ours": test_error, "paper": None, "difference": None},
        "curve": {"steps": steps, "train_loss": [2.3, 1.5, 0.5, 0.01], "train_error": [90.0, 60.0, 20.0, 0.0]},
    }


def figure_rows(network: str = "alexnet_small") -> list[Any]:
    """All six conditions of one network, label corruption in three degrees of another; its random labels not fitted."""
    labels = [Run.with_labels_corrupted(network, point) for point in (0.0, 0.4, 1.0)]
    images = [Run(network, condition) for condition in figure1.IMAGES]
    rows = [row(run, 100.0 + 20 * number, 40.0 + 10 * number) for number, run in enumerate(labels + images)]
    rows += [row(Run.with_labels_corrupted("mlp_1x512", point), 50 + 50 * point, 50 + 40 * point) for point in (0, 0.4)]
    return with_slowdowns([*rows, row(Run.with_labels_corrupted("mlp_1x512", 1.0), None, 90.0)])


def drawn(panels: str = "abc", rows: list[Any] | None = None) -> Figure:
    with matplotlib.style.context(["default", STYLE]):
        return draw(figure_rows() if rows is None else rows, panels, "alexnet_small", 50_000)


# Convergence


def test_an_epochs_error_stands_for_its_middle_and_five_percent_is_found_between_two() -> None:
    seen = history([2.0, 1.0, 0.1], [0.5, 0.1, 0.0], steps=6)
    assert middles(seen, BATCH).tolist() == [1, 3, 5]
    assert steps_to_converge(seen, BATCH) == pytest.approx(4.0)


def test_the_last_epoch_may_be_cut_short() -> None:
    assert middles(history([1, 1, 1], [1, 1, 1], steps=5), BATCH).tolist() == [1, 3, 4.5]
    assert middles(history([1], [1], steps=1), BATCH).tolist() == [0.5]


def test_training_has_begun_to_converge_at_half_the_loss_of_guessing() -> None:
    guess = math.log(10)
    assert steps_to_begin(history([guess, guess / 4], [0.9, 0.9], steps=4), BATCH, 10) == pytest.approx(1 + 2 / 1.5)
    assert steps_to_begin(history([guess, 0.51 * guess], [0.9, 0.0], steps=4), BATCH, 10) is None


def test_what_was_never_fitted_or_diverged_has_no_convergence_time() -> None:
    assert steps_to_converge(history([2, 1], [0.9, 0.06], steps=4), BATCH) is None
    assert steps_to_begin(history([2.3, math.nan], [0.9, 0.9], steps=4), BATCH, 10) is None
    assert first_at_most(0.5, np.array([1.0, 2.0]), np.array([math.nan, 0.2])) == 2


def naive_first(threshold: float, values: list[float]) -> float | None:
    """Where the values at 0, 1, 2, ... come down to the threshold, looked for in steps of a hundredth."""
    for hundredth in range(100 * (len(values) - 1) + 1):
        index, part = divmod(hundredth, 100)
        beyond = values[min(index + 1, len(values) - 1)]
        if values[index] + (beyond - values[index]) * part / 100 <= threshold + 1e-9:
            return hundredth / 100
    return None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.05, 0.95))
def test_the_crossing_is_the_first_that_a_slow_search_meets(values: list[float], threshold: float) -> None:
    found = first_at_most(threshold, np.arange(float(len(values))), np.array(values))
    slow = naive_first(threshold, values)
    assert (found is None) == (slow is None)
    if found is not None and slow is not None:
        assert found <= slow + 1e-6 and slow <= math.ceil(100 * found + 1e-6) / 100 + 1e-6


# What is trained


def test_panel_a_has_the_six_conditions_of_the_paper() -> None:
    runs = wanted_runs("a", "inception_small", [], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert [run.name.removeprefix("inception_small-") for run in runs] == [
        "true_labels", "corrupted_labels0.4", "random_labels", "shuffled_pixels", "random_pixels", "gaussian"
    ]  # fmt: skip


def test_panels_b_and_c_have_every_network_at_every_point_and_share_models_with_panel_a() -> None:
    both = wanted_runs("bc", "", ["alexnet_small", "mlp_1x512"], [0.0, 0.5, 1.0])
    assert {(run.network, run.corruption) for run in both} == {
        (network, point) for network in ("alexnet_small", "mlp_1x512") for point in (0.0, 0.5, 1.0)
    }
    every = wanted_runs("abc", "alexnet_small", ["alexnet_small", "mlp_1x512"], [0.0, 0.5, 1.0])
    assert len(every) == len(set(every)) == 6 + 3


@pytest.mark.parametrize(
    ("corruptions", "partial"), [([0.0, 0.2, 0.4, 0.6, 1.0], 0.4), ([0.0, 0.9, 1.0, None], 0.9), ([0.0, 1.0], None)]
)
def test_the_partial_corruption_of_panel_a_is_the_point_nearest_to_one_half(corruptions, partial) -> None:
    assert partial_corruption(corruptions) == partial


def test_without_a_point_between_panel_a_has_five_conditions() -> None:
    assert len(wanted_runs("a", "mlp_1x512", [], [0.0, 1.0])) == 5


@pytest.mark.parametrize("labels", ["true", "random"])
def test_in_full_the_ends_of_panel_b_are_the_models_of_table_1(labels: str) -> None:
    end = 1.0 if labels == "random" else 0.0
    for network in figure1.NETWORKS:
        name = network + ("-random" if labels == "random" else "")
        (of_the_table,) = (each for each in rows_of_the_table() if each.name == name)
        of_the_figure = recipe_of(Run.with_labels_corrupted(network, end), IN_FULL, None, "cpu")
        assert of_the_figure.key == of_the_table.recipe(IN_FULL, None, "cpu").key


def test_a_point_between_corrupts_so_many_labels_and_nothing_else_differs() -> None:
    partial = recipe_of(Run.with_labels_corrupted("mlp_1x512", 0.3), IN_FULL, None, "cpu")
    assert (partial.condition, partial.corrupted_fraction) == ("corrupted_labels", 0.3)
    random = recipe_of(Run.with_labels_corrupted("mlp_1x512", 1.0), IN_FULL, None, "cpu")
    assert dataclasses.replace(random, condition="corrupted_labels", corrupted_fraction=0.3) == partial


def test_on_a_part_of_the_images_training_stops_when_they_are_fitted() -> None:
    for condition in ("true_labels", "gaussian"):
        assert recipe_of(Run("mlp_1x512", condition), A_PART, None, "cpu").stop_loss > 0  # type: ignore[arg-type]


def test_options_are_read_and_true_labels_are_always_a_point() -> None:
    assert chosen_panels("c, a".replace(" ", "")) == "ac"
    assert chosen_networks("mlp_1x512, alexnet_small") == ["mlp_1x512", "alexnet_small"]
    assert chosen_points("1,0.3") == [0.0, 0.3, 1.0]


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--panels", "a,d"], "--panels is 'a,d'; expected some of a, b, c"),
        (["--points", "0,1.5"], "--points is '0,1.5'; expected probabilities"),
        (["--points", "half"], "--points is 'half'"),
        (["--networks", "mlp_1x512,resnet"], "--networks resnet is no network of the paper's"),
        (["--network", "resnet"], "--network resnet is no network of the paper's"),
    ],
)
def test_an_option_that_cannot_be_is_refused_before_any_data_are_read(tmp_path, option, sentence) -> None:
    result = CliRunner().invoke(main, ["paper", "figure1", *option, "--cache-dir", str(tmp_path)])
    assert result.exit_code == 2 and sentence in result.output


# What it comes to


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
    assert sorted([*fewer, *rows[::-1]], key=place) == [*rows, *fewer]


def test_the_table_has_a_line_a_row_and_dashes_for_what_there_is_not() -> None:
    lines = as_table(figure_rows()).splitlines()
    assert len(lines) == 2 + 9
    assert lines[-1] == "| `mlp_1x512-random_labels` | 1,000 | 20 | - | - | 0.00 | 90.00 | - | 1.0 |"


# How it looks


@pytest.mark.parametrize("panels", ["abc", "a", "b", "c", "bc"])
def test_no_text_lies_on_another_or_is_cut(panels: str) -> None:
    assert texts_that_overlap(drawn(panels)) == []


def test_the_panels_show_the_numbers_of_the_rows() -> None:
    learning, slow, errors = drawn().axes
    assert len(learning.lines) == 6
    assert learning.lines[0].get_ydata().tolist() == [2.3, 1.5, 0.5, 0.01]  # type: ignore[union-attr]
    lines = {line.get_label(): line for line in slow.lines}
    assert list(zip(*lines["alexnet_small"].get_data(), strict=True)) == [(0, 1), (0.4, 1.2), (1, 1.4)]
    assert list(zip(*lines["mlp_1x512"].get_data(), strict=True)) == [(0, 1), (0.4, 1.4)]
    lines = {line.get_label(): line for line in errors.lines}
    assert list(lines["mlp_1x512"].get_ydata()) == [50, 66, 90]  # type: ignore[arg-type]


def test_what_was_not_fitted_is_hollow_and_named() -> None:
    figure = drawn("bc")
    hollow = [line for line in figure.axes[1].lines if line.get_markerfacecolor() == "white" and len(line.get_xdata())]  # type: ignore[arg-type]
    assert [list(line.get_ydata()) for line in hollow] == [[90]]  # type: ignore[arg-type]
    assert "Not converged, hollow: mlp_1x512-random_labels." in note(figure)


def note(figure: Figure) -> str:
    return figure.texts[-1].get_text().replace("\n", " ")


def test_a_subset_is_said_to_be_one() -> None:
    assert note(drawn("a")) == "CIFAR-10: 1,000 of 50,000 training images, 20 epochs."
    full = [{**each, "run": "in full", "num_train": 50_000, "epochs": 20 + n} for n, each in enumerate(figure_rows())]
    assert note(drawn("a", full)) == "CIFAR-10: 50,000 training images, 20 to 28 epochs."


def test_no_two_conditions_have_the_same_dashes_but_solid_ones_of_unlike_brightness() -> None:
    dashes = [dashes for _, _, dashes in CONDITIONS.values() if dashes]
    assert len(set(dashes)) == len(dashes) == len(CONDITIONS) - 2


def test_a_curve_that_diverged_is_drawn_until_then() -> None:
    broken = row(Run("alexnet_small", "gaussian"))
    broken["curve"]["train_loss"] = [2.3, 9.0, None, None]
    (line,) = drawn("a", [broken]).axes[0].lines
    assert np.isnan(line.get_ydata()).tolist() == [False, False, True, True]


def test_nothing_to_show_is_drawn_all_the_same() -> None:
    assert len(drawn("abc", []).axes) == 3


def test_the_same_numbers_are_the_same_bytes_in_both_formats(tmp_path: Path) -> None:
    files = [write_figure(tmp_path / name, "figure1", lambda: drawn("abc")) for name in ("a", "b")]
    assert [file.name for file in files[0]] == ["figure1.svg", "figure1.png"]
    assert [file.read_bytes() for file in files[0]] == [file.read_bytes() for file in files[1]]
    text = files[0][0].read_text()
    for words in ("random labels", "corrupted labels, 0.4", "(b) convergence slowdown", "chance", "mlp_1x512"):
        assert f">{words}</text>" in text


def test_a_figure_that_cannot_be_written_is_an_error_to_act_on(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HarnessError, match="could not be written"):
        write_figure(tmp_path / "file", "figure1", Figure)


# The command


FEW = ["--network=mlp_1x512", "--networks=mlp_1x512", "--points=0,0.5,1", "--epochs=2"]


def trained_here(folder: Path, num_train: int = 0) -> list[Any]:
    """The models of FEW, in the store that `options` names."""
    settings = make_settings(str(folder / "cache"), str(folder / "data"), workers=1)
    data = cifar10(settings.data_dir, settings.cache_dir, num_train)
    runs = wanted_runs("abc", "mlp_1x512", ["mlp_1x512"], [0.0, 0.5, 1.0])
    recipes = [recipe_of(run, data, 2, "cpu") for run in runs]
    train_here(recipes, settings)
    return recipes


def content(folder: Path) -> Any:
    return json.loads((folder / "out" / "figure1.json").read_text())


def test_the_command_writes_rows_and_figure_from_what_is_in_the_store(tmp_path: Path) -> None:
    folders = options(tmp_path)
    recipes = trained_here(tmp_path)
    result = CliRunner().invoke(main, ["paper", "figure1", *FEW, *folders])
    assert result.exit_code == 0, result.output
    rows = content(tmp_path)["rows"]
    assert {each["model"] for each in rows} == {recipe.key for recipe in recipes}
    assert [each["corruption"] for each in rows] == [0, 0.5, 1, None, None, None]
    assert all(len(each["curve"]["steps"]) == 2 for each in rows)
    assert "| `mlp_1x512-gaussian` | 40 | 2 |" in result.output
    assert (tmp_path / "out" / "figure1.svg").exists() and (tmp_path / "out" / "figure1.png").exists()


def test_other_images_are_rows_beside_and_no_part_of_the_figure(tmp_path: Path) -> None:
    folders = options(tmp_path)
    trained_here(tmp_path)
    trained_here(tmp_path, num_train=20)
    for few in ([], ["--num-train=20", "--panels=b,c"]):
        result = CliRunner().invoke(main, ["paper", "figure1", *FEW, *few, *folders])
        assert result.exit_code == 0, result.output
    rows = content(tmp_path)["rows"]
    assert [each["num_train"] for each in rows] == [40] * 6 + [20] * 3
    assert {each["run"] for each in rows if each["num_train"] == 20} == {"on a subset"}
    assert "| 40 |" not in result.output
    assert (tmp_path / "out" / "figure1bc.svg").exists()


def test_rows_are_written_after_every_model_and_a_later_run_adds_to_them(tmp_path: Path, monkeypatch) -> None:
    folders = options(tmp_path)
    trained_here(tmp_path)

    def interrupted(recipes: Any, settings: Any, say: Any, stored: Any) -> None:
        for recipe in list(recipes)[:2]:
            stored(recipe)
        raise HarnessError("interrupted")

    with monkeypatch.context() as patched:
        patched.setattr(figure1, "build", interrupted)
        assert CliRunner().invoke(main, ["paper", "figure1", *FEW, *folders]).exit_code == 2
    assert [each["corruption"] for each in content(tmp_path)["rows"]] == [0, 0.5]
    assert CliRunner().invoke(main, ["paper", "figure1", *FEW, *folders]).exit_code == 0
    assert len(content(tmp_path)["rows"]) == 6


@pytest.mark.slow
def test_the_command_trains_what_is_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["paper", "figure1", "--quick", *FEW, "--num-train=20", *options(tmp_path)])
    assert result.exit_code == 0, result.output
    assert len(content(tmp_path)["rows"]) == 6
