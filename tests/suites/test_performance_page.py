"""`pytest tests/benchmarks --write` replaces the sections that it measured, and keeps the others."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.benchmarks.performance_page import measured, page, parse, recorded, with_unit


def benchmark(name: str, median: float, **extra_info: Any) -> dict[str, Any]:
    return {"fullname": f"benches/{name}", "median": median, "extra_info": extra_info}


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.25e-6, "0.25 µs"), (0.0019, "1.9 ms"), (7.1, "7.1 s"), (73.0, "73 s"), (257.0, "4.28 min")],
)
def test_a_time_has_the_unit_that_suits_it(seconds: float, shown: str) -> None:
    assert " ".join(with_unit(seconds)) == shown


def test_a_page_is_its_sections_again() -> None:
    sections = {"test_b.py": "words\n\n| a |\n| --- |", "test_a.py": "more"}
    assert parse(page(sections)) == sections
    assert page(parse(page(sections))) == page(sections)
    assert page(sections).index("test_a.py") < page(sections).index("test_b.py")


def test_a_section_has_a_line_for_each_number(tmp_path: Path) -> None:
    (tmp_path / "benches").mkdir()
    (tmp_path / "benches" / "test_speed.py").write_text('"""How fast.\n\nMore."""\n')
    found = measured(
        [benchmark("test_speed.py::test_of_it[mlp-2]", 0.5, **{"peak memory [MB]": 780.25, "models": 80})],
        tmp_path,
        "Measured on a day.",
    )
    assert found == {
        "test_speed.py": "How fast.\n\nMeasured on a day.\n\n"
        "| what | median | unit |\n| --- | --- | --- |\n"
        "| of it (mlp-2) | 500 | ms |\n"
        "| of it (mlp-2): peak memory | 780.2 | MB |\n"
        "| of it (mlp-2): models | 80 |  |"
    }


def test_every_measure_and_system_on_record_has_its_time() -> None:
    sections = recorded(ROOT / "baselines")
    assert sections.keys() == {"baselines/digits", "baselines/paper"}
    assert "| `path_norm` | fast | " in sections["baselines/digits"]
    assert "| table1 | mlp_1x512-random | 50,000 | " in sections["baselines/paper"]


def test_the_page_that_is_there_is_written_by_the_command() -> None:
    text = (ROOT / "baselines" / "performance.md").read_text()
    assert page(parse(text)) == text


@pytest.mark.slow
def test_a_run_replaces_its_own_sections_alone(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"):  # where nothing is timed
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (pytester.path / "baselines").mkdir()
    path = pytester.path / "baselines" / "performance.md"
    path.write_text(page({"test_fast.py": "of old", "test_other.py": "as it was"}))
    shutil.copy(ROOT / "tests" / "benchmarks" / "conftest.py", pytester.mkdir("benches"))
    (pytester.path / "benches" / "test_fast.py").write_text(
        '"""How fast a sum is."""\n\ndef test_a_sum(benchmark):\n    benchmark.pedantic(sum, args=([1],), rounds=2)\n'
    )
    pytester.makeini("[pytest]")
    run = ("benches", "-p", "no:cacheprovider")
    assert pytester.runpytest_subprocess(*run).ret == 0
    assert "of old" in path.read_text()
    assert pytester.runpytest_subprocess(*run, "--write").ret == 0
    sections = parse(path.read_text())
    assert sections["test_other.py"] == "as it was"
    assert sections["test_fast.py"].startswith("How fast a sum is.\n\nMeasured on 20")
    assert "| a sum | " in sections["test_fast.py"]
