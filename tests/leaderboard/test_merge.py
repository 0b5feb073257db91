"""Merging is a union: nothing is overwritten, and where two records differ nothing is written at all."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.__main__ import main
from harness.leaderboard.check import check
from harness.records.record_files import as_text, write_record
from tests import ROOT
from tests.builders.digits_records import altered, gate_records, gate_run_of, some_records, zoo_described

pytestmark = pytest.mark.slow


def merge(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["leaderboard", "merge", *map(str, arguments)])


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_records_of_several_places_are_joined_and_sound(tmp_path: Path) -> None:
    one = some_records(tmp_path / "one", "constant")  # with the models of the findings
    write_record(gate_run_of("l2_norm", "parameter_count"), tmp_path / "run.json")  # the gate's alone
    target = tmp_path / "all"
    result = merge(tmp_path / "run.json", one.parent, "--into", target)
    assert result.exit_code == 0, result.output
    assert sorted(files(target)) == [
        f"digits/{name}.json" for name in ("constant", "l2_norm", "parameter_count", "zoo")
    ]
    assert f"new in {target}: 3;" in result.output
    assert check(target) == []
    assert len(json.loads((target / "digits" / "zoo.json").read_text())["zoo"]["models"]) == len(
        zoo_described()["models"]
    )


def test_what_is_there_stays_to_the_byte_and_merging_again_adds_nothing(tmp_path: Path) -> None:
    gate_records(tmp_path / "one")
    merge(tmp_path / "one", "--into", tmp_path / "all")
    before = files(tmp_path / "all")
    result = merge(tmp_path / "one", "--into", tmp_path / "all")
    assert ": 0; run leaderboard build" in result.output
    assert files(tmp_path / "all") == before


def test_another_record_of_a_measure_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    gate_records(tmp_path / "one")
    other = some_records(tmp_path / "other", "constant", "l2_norm")
    merge(tmp_path / "one", "--into", tmp_path / "all")
    before = files(tmp_path / "all")
    result = merge(other, "--into", tmp_path / "all")
    assert result.exit_code == 2
    assert "l2_norm has another record in" in result.output and "none is overwritten" in result.output
    assert files(tmp_path / "all") == before
    result = merge(tmp_path / "one", other, "--into", tmp_path / "new")
    assert result.exit_code == 2
    assert not (tmp_path / "new").exists()


def test_records_of_models_with_other_weights_are_not_mixed(tmp_path: Path) -> None:
    gate_records(tmp_path / "one")
    other = gate_records(tmp_path / "other")
    zoo = json.loads((other / "zoo.json").read_text())
    zoo["zoo"]["models"][min(zoo["zoo"]["models"])]["weights_sha256"] = "0" * 64
    (other / "zoo.json").write_text(as_text(zoo))
    (other / "l2_norm.json").unlink()
    altered(other / "parameter_count.json", lambda record: record.update(measure="another"))
    (other / "parameter_count.json").rename(other / "another.json")
    merge(tmp_path / "one", "--into", tmp_path / "all")
    before = files(tmp_path / "all")
    result = merge(other, "--into", tmp_path / "all")
    assert result.exit_code == 2
    assert "holds results of another training of" in result.output
    assert files(tmp_path / "all") == before


def test_into_a_zoos_own_folder_records_go_where_build_looks(tmp_path: Path) -> None:
    some_records(tmp_path / "theirs", "l2_norm")
    own = some_records(tmp_path / "all", "constant")
    result = merge(tmp_path / "theirs", "--into", own)
    assert result.exit_code == 0, result.output
    assert sorted(files(tmp_path / "all")) == [f"digits/{name}.json" for name in ("constant", "l2_norm", "zoo")]
    assert check(tmp_path / "all") == []


def test_into_the_folder_of_another_zoo_nothing_is_written(tmp_path: Path) -> None:
    some_records(tmp_path / "theirs", "l2_norm")
    other = tmp_path / "cifar10-small"
    other.mkdir()
    zoo = json.loads((ROOT / "baselines" / "cifar10-small" / "zoo.json").read_text())
    (other / "zoo.json").write_text(as_text(zoo))
    before = files(other)
    result = merge(tmp_path / "theirs", "--into", other)
    assert result.exit_code == 2
    assert "is the folder of the cifar10-small zoo, and there are records on digits; name one above it" in result.output
    assert files(other) == before
