"""The command `paper expressivity`: samples, counts beside the paper's and a figure."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from harness.paper.expressivity import theorem1
from harness.settings import make_settings
from harness.training.reading.data_sets import CIFAR10_CLASSES


def test_cifar10_is_a_sample_where_it_is_there_and_is_not_downloaded(tmp_path: Path) -> None:
    found = make_settings(cache_dir=str(tmp_path), data_dir=str(tmp_path / "data"))
    assert "cifar10" not in theorem1.samples(found)
    for split, name in itertools.product(("train", "test"), CIFAR10_CLASSES):
        place = tmp_path / "data" / split / name / "0.png"
        place.parent.mkdir(parents=True)
        Image.fromarray(np.random.default_rng(len(name)).integers(256, size=(32, 32, 3), dtype=np.uint8)).save(place)
    points = theorem1.samples(found)["cifar10"](3)
    assert points.shape == (3, 2352)
    assert points.mean(dim=1).tolist() == pytest.approx([0] * 3, abs=1e-5)


@pytest.mark.slow
def test_the_command_writes_counts_beside_the_papers_and_a_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(theorem1, "QUICK_SIZES", (4, 8))
    options = ["--quick", "--out", str(tmp_path), "--cache-dir", str(tmp_path / "cache")]
    result = CliRunner().invoke(theorem1.command, options, catch_exceptions=False)
    assert result.exit_code == 0
    rows = json.loads((tmp_path / "expressivity.json").read_text())["rows"]
    assert {(row["sample"], row["num_distinct"]) for row in rows} >= {("gaussian, d = 1", 8), ("digits", 4)}
    for row in rows:
        expected = 2 * row["num_points"] + row["dimension"]
        assert row["num_weights"] == {"ours": expected, "paper": expected, "difference": 0}
        assert row["error_in_exact_arithmetic"] == 0
        assert row["largest_weight"] <= row["weight_bound"]
        for each in (row, *row["deep"]):
            assert each["error_in_float64"] <= each["error_bound_in_float64"] < 1e-6
        assert [deep["hidden_layers"] for deep in row["deep"]] == [2, 3, row["num_points"]]
    for place in ("expressivity.json", "expressivity.svg", "expressivity.png"):
        assert str(tmp_path / place) in result.output
        assert (tmp_path / place).stat().st_size > 1000
