"""The table of agreement in measures/README.md has a row for each comparison, and its numbers are numbers."""

import re

from tests.networks.networks_table import README
from tests.peers.agreement_table import COMPARISONS, HEADER, INTRODUCTION, current_section, row, section
from tests.peers.comparison import Agreement, Comparison

NUMBER = r"-?\d+\.\d+"
ROW = re.compile(
    rf"\| `(\w+)` \| ([\w-]+) \d[\w.]* \| (?:[89]|1\d) \| {NUMBER} \[{NUMBER}, {NUMBER}\] \| {NUMBER} \| (.+) \|"
)


def rows_of_the_readme() -> list[str]:
    lines = current_section(README.read_text()).splitlines()
    return lines[lines.index(HEADER) + 2 :]


def test_the_readme_has_a_row_of_numbers_for_each_comparison() -> None:
    found = [match.groups() if (match := ROW.fullmatch(line)) else line for line in rows_of_the_readme() if line]
    assert found == [(each.measure, each.package, each.why) for each in COMPARISONS]


def test_the_section_is_written_by_the_command() -> None:
    assert current_section(README.read_text()).strip() == section([r for r in rows_of_the_readme() if r]).strip()
    assert INTRODUCTION in current_section(README.read_text())


def test_a_row_has_the_median_and_the_range_of_the_ratios() -> None:
    comparison = Comparison(
        measure="l2_norm", package="torch", pair=lambda trained: None, ratio=None, rank=1.0, why="because"
    )
    line = row(comparison, Agreement((0.5, 1.0, 3.0), 0.25))
    assert line == f"| `l2_norm` | torch {comparison.version} | 3 | 1.000 [0.500, 3.000] | 0.25 | because |"


def test_a_package_that_is_not_installed_has_no_version() -> None:
    absent = Comparison(measure="l2_norm", package="no-such-package", pair=lambda _: None, ratio=None, rank=1, why="")
    assert absent.version is None
