"""Where a record from anywhere stands among others; nothing is added to these."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.__main__ import main
from harness.records.record_files import as_text, read_record
from tests import ROOT
from tests.builders.digits_records import OLDER, altered, some_records

pytestmark = pytest.mark.slow


def place(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["leaderboard", "place", *map(str, arguments)])


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """What passes everything, data alone, a coin, and a control."""
    return some_records(tmp_path / "others", "path_norm", "margin_median", "spectral_norm", "constant").parent


def as_mine(folder: Path, name: str) -> Path:
    """A record under another name."""
    altered(folder / f"{name}.json", lambda record: record.update(measure="mine", family="external", origin="mine.py"))
    return (folder / f"{name}.json").rename(folder / "mine.json")


def test_a_record_is_said_to_pass_or_fail_and_whom_it_dominates(tmp_path: Path, others: Path) -> None:
    path = as_mine(some_records(tmp_path / "mine", "l2_norm"), "l2_norm")
    before = {file.name: file.read_bytes() for file in (others / "digits").iterdir()}
    result = place(path, "--among", others)
    assert (result.exit_code, result.output) == (
        0,
        "mine on digits passes the gate, at worst random labels: 16 of 18 units (16 needed); of 4 measures that were "
        "asked the same, 1 (path_norm) dominate it, 2 (constant, spectral_norm) are dominated by it\n",
    )
    assert {file.name: file.read_bytes() for file in (others / "digits").iterdir()} == before


def test_one_that_is_among_them_is_not_compared_with_itself(tmp_path: Path, others: Path) -> None:
    said = place(others / "digits" / "spectral_norm.json", "--among", others).output
    assert said.startswith("spectral_norm on digits fails the gate, at worst random labels: 8 of 18 units (16 needed)")
    assert "of 3 measures that were asked the same, 2 (margin_median, path_norm) dominate it, none are" in said


def test_what_cannot_be_placed_is_told_why(tmp_path: Path, others: Path) -> None:
    folder = some_records(tmp_path / "mine", "path_norm", "spectral_norm")
    altered(folder / "path_norm.json", lambda record: record.update(complete=False, verdict=None))
    altered(folder / "spectral_norm.json", lambda record: record["zoo"].update(digest="0" * 64))
    assert place(folder, "--among", others).output.splitlines() == [
        "path_norm on digits cannot be placed: its record is incomplete; run all of the gate",
        "spectral_norm on digits cannot be placed: it was measured on other networks or other data",
    ]


def test_a_record_of_an_older_protocol_is_compared_with_nothing(tmp_path: Path, others: Path) -> None:
    (tmp_path / "run.json").write_text(as_text(read_record(OLDER)))
    lines = place(tmp_path / "run.json", "--among", others).output.splitlines()
    assert lines[0] == (
        "l2_norm on digits cannot be placed: it is of protocol 1, which nothing of protocol 4 is compared with; run it "
        "again"
    )
    older = tmp_path / "older"
    older.mkdir()
    old = read_record(OLDER)
    (older / "zoo.json").write_text(as_text({name: old[name] for name in ("schema_version", "zoo")}))
    (older / "l2_norm.json").write_text(as_text(old["entries"][0]))
    altered(others / "digits" / "path_norm.json", lambda record: record["zoo"].update(digest=old["zoo"]["digest"]))
    said = place(others / "digits" / "path_norm.json", "--among", older).output
    assert "no other measure was asked the same" in said


def test_where_there_are_no_records_of_its_zoo_that_is_said(others: Path) -> None:
    result = place(ROOT / "baselines" / "cifar10-small" / "path_norm.json", "--among", others)
    assert result.exit_code == 2
    assert "has no records on the zoo cifar10-small; it has digits" in result.output
