"""Halfway points of kernel interpolants: by hand, and against the mathematics that the file states."""

import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from harness.errors import HarnessError
from harness.paper.command import paper
from harness.paper.kernels.gaussian_kernel import GaussianKernel
from harness.paper.kernels.midpoints import (
    Interpolated,
    bend_limit,
    corrupted,
    interpolate_all,
    load_problem,
    shares_of,
)
from harness.paper.kernels.midpoints_command import all_follow
from harness.settings import make_settings


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Interpolated]:
    settings = make_settings(str(tmp_path_factory.mktemp("cache")))
    problem = load_problem("digits", 300, settings)
    return list(interpolate_all(problem, widths=(0.25, 4.0), shares=(0.0, 0.5, 1.0)))


def test_all_labels_are_fitted_and_midpoint_error_is_the_sum_of_its_parts(rows: list[Interpolated]) -> None:
    assert len(rows) == 6
    for row in rows:
        assert row.train_error == 0
        parts = row.two_labels / 2 + (1 - row.two_labels) * row.another_label + row.two_labels * row.third_label
        assert row.midpoint_error == pytest.approx(parts)


def test_by_hand_the_shares_are_of_pairs_of_one_label_and_of_two() -> None:
    # one label: 0-0 told 0, 1-1 told 2; two labels: 0-1 told 1, 0-2 told 1, 1-2 told 2, 2-0 told 1
    halfway, first, second = (
        torch.tensor(labels) for labels in ([0, 2, 1, 1, 2, 1], [0, 1, 0, 0, 1, 2], [0, 1, 1, 2, 2, 0])
    )
    assert shares_of(halfway, first, second) == (4 / 6, 1 / 2, 2 / 4)


def test_a_class_without_examples_has_no_bend() -> None:
    row = next(interpolate_all(load_problem("digits", 8, make_settings()), widths=(1.0,), shares=(0.0,)))
    assert 0 < row.largest_bend <= 1


def test_no_function_bends_more_than_its_norm_allows(rows: list[Interpolated]) -> None:
    assert all(0 < row.largest_bend <= 1 for row in rows)


def test_labels_that_tell_nothing_are_fitted_and_generalize_as_chance(rows: list[Interpolated]) -> None:
    for clean, _, noise in (rows[:3], rows[3:]):
        assert clean.test_error < 0.15
        assert noise.test_error == pytest.approx(0.9, abs=0.06)
        assert clean.norm < noise.norm


@pytest.mark.parametrize("gamma", [0.1, 1.0])
def test_the_limit_of_a_bend_is_the_norm_of_the_kernels_second_difference(gamma: float) -> None:
    """|k_z − (k_x + k_y)/2|² by the kernel's values at x, z, y; of close points it is small, and exact."""
    points = torch.tensor([[0.0], [0.5], [1.0]], dtype=torch.float64)
    weights = torch.tensor([-0.5, 1.0, -0.5], dtype=torch.float64)
    matrix = GaussianKernel(points, gamma)(slice(0, 3))
    assert float(bend_limit(torch.tensor([1.0], dtype=torch.float64), gamma)) == pytest.approx(
        math.sqrt(float(weights @ matrix @ weights))
    )
    close = 1e-5  # κ² ≈ γ² h⁴ · 3/16, from the fourth derivative of φ at 0
    found = float(bend_limit(torch.tensor([close**2], dtype=torch.float64), gamma))
    assert found == pytest.approx(math.sqrt(3 / 16) * gamma * close**2, rel=1e-3)


def test_a_larger_share_of_corrupted_labels_has_the_smaller_one() -> None:
    labels = torch.arange(10).repeat(100)
    few, many, all_of_them = (corrupted(labels, 10, share) for share in (0.2, 0.6, 1.0))
    assert torch.equal(corrupted(labels, 10, 0.0), labels)
    assert torch.equal(few[few != labels], many[few != labels])
    assert float((all_of_them != labels).double().mean()) == pytest.approx(0.9, abs=0.03)


def test_a_number_that_labels_alone_determine_does_not_follow_the_width() -> None:
    def row(width: float, share: float, test_error: float) -> Interpolated:
        zeros = dict.fromkeys((field.name for field in dataclasses.fields(Interpolated)), 0.0)
        given = {"data_set": "made", "num_train": 2, "width": width, "corrupted": share, "test_error": test_error}
        return Interpolated(**{**zeros, **given, "two_labels": share, "norm": width})  # type: ignore[arg-type]

    found = {f.number: f for f in all_follow([row(1, 0, 0.1), row(2, 0, 0.2), row(1, 1, 0.5), row(2, 1, 0.4)])}
    assert (found["two_labels"].over_widths, found["two_labels"].over_labels) == (None, 1.0)
    assert (found["norm"].over_widths, found["norm"].over_labels) == (0.0, None)


def test_too_many_images_are_refused_by_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="digits has 1797 images"):
        load_problem("digits", 1797, make_settings(str(tmp_path)))


def test_the_command_writes_numbers_and_a_figure(tmp_path: Path) -> None:
    arguments = ["midpoints", "--quick", "--num-train=100", f"--out={tmp_path}", f"--cache-dir={tmp_path / 'cache'}"]
    result = CliRunner().invoke(paper, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    content = json.loads((tmp_path / "midpoints.json").read_text())
    assert len(content["rows"]) == 6 and {row["number"] for row in content["follows"]} >= {"midpoint_error", "norm"}
    assert (tmp_path / "midpoints.svg").read_text().startswith("<?xml")
    constant = {row["number"] for row in content["follows"] if row["over_widths"] is None}
    assert "two_labels" in constant and "norm" not in constant
    assert "constant" in result.output
