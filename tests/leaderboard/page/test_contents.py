"""The leaderboard of records: as it stands beside them where it is of exactly these, else folded."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.leaderboard.page.contents import contents, is_of
from harness.leaderboard.reading import read_runs
from harness.leaderboard.standings import build
from harness.records.record_files import LEADERBOARD_FILE, as_text
from harness.records.schema import LEADERBOARD_VERSION
from tests import ROOT
from tests.builders.digits_records import GATE_ALONE, altered, gate_records

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Records with their leaderboard.json, in which a word says that it was taken."""
    gate_records(tmp_path)
    content = build(tmp_path)
    content["zoos"]["digits"]["data_set"] = "as it stands"
    (tmp_path / LEADERBOARD_FILE).write_text(as_text(content))
    return tmp_path


def said(folder: Path) -> str:
    return str(contents(folder)[0]["zoos"]["digits"]["data_set"])


def test_the_leaderboard_of_exactly_these_records_is_taken(folder: Path) -> None:
    assert said(folder) == "as it stands"
    assert contents(folder)[1] == read_runs(folder)


def other_value(record: dict[str, Any]) -> None:
    record["seconds_per_model"] = 7.0


@pytest.mark.parametrize("how", ["another record", "a record fewer", "another schema", "no leaderboard"])
def test_of_other_records_they_are_folded(folder: Path, how: str) -> None:
    record, derived = folder / "digits" / "l2_norm.json", folder / LEADERBOARD_FILE
    if how == "another record":
        altered(record, other_value)
    elif how == "a record fewer":
        record.unlink()
    elif how == "another schema":
        derived.write_text(
            derived.read_text().replace(f'"schema_version": "{LEADERBOARD_VERSION}"', '"schema_version": "3.0"')
        )
    else:
        derived.unlink()
    assert said(folder) == "digits; noisy_digits"
    assert contents(folder)[0] == build(folder)


def test_a_record_that_was_changed_is_refused(folder: Path) -> None:
    path = folder / "digits" / "l2_norm.json"
    path.write_text(path.read_text().replace('"family": "norms"', '"family": "norm"'))
    with pytest.raises(HarnessError, match=r"l2_norm\.json was changed after it was written"):
        contents(folder)


def test_the_file_of_a_run_is_read_as_before() -> None:
    content, runs = contents(GATE_ALONE)
    assert is_of(content, runs) and list(runs) == ["digits"]


@pytest.mark.slow
def test_the_page_of_a_folded_leaderboard_imports_no_network_and_no_plots(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    code = f"""
import sys
from harness.__main__ import main
main(["leaderboard", "page", {str(folder)!r}, "--out", {str(out)!r}], standalone_mode=False)
print([name for name in ("torch", "matplotlib", "sklearn") if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == f"written to {out}\n[]\n"


def test_the_recorded_baselines_need_no_folding() -> None:
    """Else their page takes minutes; `leaderboard build` makes it so."""
    recorded = json.loads((ROOT / "baselines" / LEADERBOARD_FILE).read_text())
    runs = {
        folder.name: {
            "entries": [json.loads(file.read_text()) for file in folder.glob("*.json") if file.name != "zoo.json"]
        }
        for folder in (ROOT / "baselines").iterdir()
        if (folder / "zoo.json").exists()
    }
    assert is_of(recorded, runs)
