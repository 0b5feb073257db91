"""What the page says of a measure from its file and from claims.toml."""

import sys
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.evaluation.catalogue import declared
from harness.leaderboard.page.about import about_measures

PATH_NORM = ("path_norm", "measures.norms.path_norm")


def test_a_measure_has_its_formula_its_file_and_its_claim() -> None:
    about = about_measures()[PATH_NORM]
    assert (
        about.summary == "Path norms: the weights met on a path from an input to an output multiplied, over all paths."
    )
    assert about.formula.splitlines()[0].split("  ")[-1].strip() == "path_norm" and about.formula.startswith("    μ")
    assert about.file == "measures/norms/path_norm.py"
    assert "arXiv:1503.00036" in about.text and "Claims:" not in about.text + about.summary
    assert (about.larger, about.random_labels) == ("larger gap (Jiang et al. 2020, eqs. 44 and 43)", "unknown")


def test_all_measures_of_this_project_are_there_and_say_something() -> None:
    found = about_measures()
    assert {name for name, _ in found} == {measure.name for measure in declared()}
    assert [where for where, about in found.items() if not about.summary] == []


def test_a_file_of_claims_beside_the_records_is_what_counts(tmp_path: Path) -> None:
    (tmp_path / "claims.toml").write_text(
        '[path_norm]\nsource = "a"\nsays = "separates"\nplace = "section 2"\nchecked = "full text"\n'
    )
    about = about_measures(tmp_path)[PATH_NORM]
    assert (about.random_labels, about.place, about.checked) == ("separates", "section 2", "full text")
    assert about_measures(tmp_path)["l2_norm", "measures.norms.l2_norm"].checked == ""


def test_a_file_of_claims_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "claims.toml").write_text("[path_norm\n")
    with pytest.raises(HarnessError, match=r"claims\.toml cannot be read as TOML"):
        about_measures(tmp_path)


def test_no_measure_is_imported_for_it() -> None:
    loaded = {name for name in sys.modules if name.startswith("measures.")}
    about_measures()
    assert {name for name in sys.modules if name.startswith("measures.")} == loaded
