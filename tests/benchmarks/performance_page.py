"""baselines/performance.md: every number that a machine measures, a section for each file of benchmarks.

A section that was not measured stays as it was, with the machine and the date that it had, so that a part can be
measured again. Two sections follow from the records: the time of every measure, and of the paper's systems.
"""

import ast
import json
import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from harness.records.tables import seconds_of

TITLE = """# Performance

Written by `pytest tests/benchmarks --write`, never by hand. Each section says when and where it was measured; memory is
that of the largest process.
"""

Section = str
"""What stands under a heading, the heading left out."""


def machine() -> str:
    """Processor, cores, accelerator, Python and torch, in a line."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    system = f"{platform.system()}, Python {platform.python_version()}, torch {torch.__version__}"
    return f"{_processor()}, {os.cpu_count()} cores, {gpu}, {system}"


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", path.read_text(), re.M) if path.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def parse(text: str) -> dict[str, Section]:
    """The sections of a page by their headings."""
    parts = re.split(r"^## (.+)\n", text, flags=re.M)[1:]
    return {heading: body.strip("\n") for heading, body in zip(parts[::2], parts[1::2], strict=True)}


def page(sections: Mapping[str, Section]) -> str:
    """The whole page, sections in the order of their headings."""
    return TITLE + "".join(f"\n## {heading}\n\n{sections[heading]}\n" for heading in sorted(sections))


def measured(benchmarks: Iterable[Mapping[str, Any]], root: Path, said: str) -> dict[str, Section]:
    """A section for each file that the benchmarks stand in; `said` is the line on machine and date.

    A benchmark is pytest-benchmark's flat dictionary: `fullname`, `median` in seconds, `extra_info`. A key of its extra
    info is what was measured, with the unit in brackets if it has one: `peak memory [MB]`.
    """
    files: dict[str, list[Mapping[str, Any]]] = {}
    for benchmark in benchmarks:
        files.setdefault(benchmark["fullname"].split("::")[0], []).append(benchmark)
    return {Path(file).name: _section(root / file, found, said) for file, found in files.items()}


def _section(file: Path, benchmarks: Sequence[Mapping[str, Any]], said: str) -> Section:
    title = (ast.get_docstring(ast.parse(file.read_text())) or file.stem).splitlines()[0]
    lines = []
    for benchmark in benchmarks:
        what = _words(benchmark["fullname"].split("::", 1)[1])
        lines.append((what, *with_unit(benchmark["median"])))
        for key, value in benchmark["extra_info"].items():
            name, _, unit = key.removesuffix("]").partition(" [")
            lines.append((f"{what}: {name}", f"{value:,.4g}" if isinstance(value, float) else f"{value}", unit))
    return f"{title}\n\n{said}\n\n{_table(('what', 'median', 'unit'), lines)}"


def _words(test: str) -> str:
    """`test_planning[1000]` is `planning (1000)`."""
    name, bracket, parameters = test.removeprefix("test_").partition("[")
    return name.replace("_", " ") + (f" ({parameters.removesuffix(']')})" if bracket else "")


def with_unit(seconds: float) -> tuple[str, str]:
    """A time in the unit that suits it, to three digits."""
    for unit, size in (("min", 120.0), ("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / (60 if unit == 'min' else size):.3g}", unit
    return f"{seconds / 1e-6:.3g}", "µs"


def _table(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [columns, ["---"] * len(columns), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def recorded(baselines: Path) -> dict[str, Section]:
    """What the records say of times: of each measure on a model of the digits zoo, and of the paper's systems."""
    found = {}
    if (baselines / "digits").is_dir():
        found["baselines/digits"] = _measures(baselines / "digits")
    if (baselines / "paper").is_dir():
        found["baselines/paper"] = _paper(baselines / "paper")
    return found


def _measures(folder: Path) -> Section:
    records = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json")) if path.name != "zoo.json"]
    said = (
        "One thread. Fast measures alone on one model, nothing shared, the median over the networks; others as they "
        "came in the run of the gate, the median over its models. As recorded."
    )
    lines = [
        (f"`{record['measure']}`", record["cost"], *with_unit(seconds))
        for record in records
        if (seconds := seconds_of(record)) is not None
    ]
    return f"{said}\n\n{_table(('measure', 'tier', 'median', 'unit'), lines)}"


def _paper(folder: Path) -> Section:
    lines = []
    for path in sorted(folder.glob("*.json")):
        for row in json.loads(path.read_text())["rows"]:
            if row.get("seconds") is None:
                continue
            name = row.get("row") or row.get("name") or row.get("sample")
            images = row.get("num_train") or row.get("num_points")
            memory = f"{row['peak_memory'] / 1e9:.1f} GB" if "peak_memory" in row else "-"
            lines.append((path.stem, f"{name}", f"{images:,}", *with_unit(row["seconds"]), memory))
    said = "Each row of the paper's systems as recorded: on one thread, beside other work."
    return f"{said}\n\n{_table(('system', 'row', 'examples', 'time', 'unit', 'peak memory'), lines)}"
