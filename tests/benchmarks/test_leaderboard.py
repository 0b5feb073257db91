"""How long ten thousand records take: to be folded into a leaderboard, and one of them to be checked.

pytest tests/benchmarks/test_leaderboard.py
"""

import json
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.leaderboard.check import check
from harness.leaderboard.standings import build
from harness.records.record_files import as_text
from harness.records.schema import digest_of
from tests.builders.digits_records import record_of, some_records

RECORDS = 10_000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten thousand whole records, 43 kB each: those of one measure under other names."""
    folder = some_records(tmp_path_factory.mktemp("many"))
    record = record_of("l2_norm")
    old, text = record["digest"], as_text(record)
    for number in range(RECORDS):
        name = f"measure_{number}"
        renamed = text.replace('"measure": "l2_norm"', f'"measure": "{name}"')
        digest = digest_of({**record, "measure": name})
        (folder / f"{name}.json").write_text(renamed.replace(old, digest))
    assert json.loads((folder / "measure_0.json").read_text())["measure"] == "measure_0"
    return folder


def test_build_of_ten_thousand_records(benchmark: BenchmarkFixture, many: Path) -> None:
    content = benchmark.pedantic(lambda: build(many), rounds=1)
    assert len(content["zoos"]["digits"]["entries"]) == RECORDS + 1


def test_check_of_one_record(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    folder = some_records(tmp_path, "l2_norm")
    assert benchmark.pedantic(lambda: check(folder), rounds=1) == []
