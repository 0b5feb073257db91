"""How Figure 1 looks."""

from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import pytest
from matplotlib.figure import Figure

from harness.errors import HarnessError
from harness.paper.cifar10.figure1_drawing import CONDITIONS, draw
from harness.paper.cifar10.figure1_result import Run
from harness.paper.figure_files import write_figure
from harness.records.profile_figure import STYLE
from tests.builders.paper.figure1_rows import figure_rows, row
from tests.builders.paper.paper_figures import texts_that_overlap


def drawn(panels: str = "abc", rows: list[Any] | None = None) -> Figure:
    with matplotlib.style.context(["default", STYLE]):
        return draw(figure_rows() if rows is None else rows, panels, "alexnet_small", 50_000)


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


@pytest.mark.slow
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
