"""Where a record from anywhere would rank; nothing is added to the others."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.__main__ import main
from tests import ROOT
from tests.builders.digits_records import altered, some_records


def rank(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["leaderboard", "rank", *map(str, arguments)])


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Two that pass the gate, one that does not, and a control."""
    return some_records(tmp_path / "others", "path_norm", "spectral_norm", "lpf_flatness", "constant").parent


def as_of(folder: Path, name: str) -> Path:
    """A recorded measure under another name."""
    altered(folder / f"{name}.json", lambda record: record.update(measure="mine", family="external", origin="mine.py"))
    return (folder / f"{name}.json").rename(folder / "mine.json")


def test_a_record_is_ranked_as_if_it_stood_among_them_and_ties_share_a_rank(tmp_path: Path, others: Path) -> None:
    path = as_of(some_records(tmp_path / "mine", "path_norm"), "path_norm")
    before = {file.name: file.read_bytes() for file in (others / "digits").iterdir()}
    result = rank(path, "--among", others)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("mine on digits would rank 1 of 4: passes ")
    assert {file.name: file.read_bytes() for file in (others / "digits").iterdir()} == before


def test_one_that_is_recorded_already_has_the_rank_of_the_leaderboard() -> None:
    content = json.loads((ROOT / "baselines" / "leaderboard.json").read_text())["zoos"]["digits"]["entries"]
    ranked = {standing["measure"]: standing["rank"] for standing in content if standing["rank"] is not None}
    for name in ("path_norm", "inverse_margin"):
        result = rank(ROOT / "baselines" / "digits" / f"{name}.json", "--among", ROOT / "baselines")
        assert f"would rank {ranked[name]} of {len(ranked)}: " in result.output


def test_what_can_have_no_rank_is_told_why(tmp_path: Path, others: Path) -> None:
    folder = some_records(tmp_path / "mine", "coin_flip", "path_norm", "spectral_norm")
    altered(folder / "path_norm.json", lambda record: record.update(complete=False, verdict=None))
    altered(folder / "spectral_norm.json", lambda record: record["zoo"].update(digest="0" * 64))
    lines = rank(folder, "--among", others).output.splitlines()
    assert lines == [
        "coin_flip on digits has no rank: controls have none",
        "path_norm on digits has no rank: its record is incomplete; run all of the gate",
        "spectral_norm on digits has no rank: it was measured on other networks or other data",
    ]


def test_where_there_are_no_records_of_its_zoo_that_is_said(tmp_path: Path, others: Path) -> None:
    result = rank(ROOT / "baselines" / "cifar10-small" / "path_norm.json", "--among", others)
    assert result.exit_code == 2
    assert "has no records on the zoo cifar10-small; it has digits" in result.output
