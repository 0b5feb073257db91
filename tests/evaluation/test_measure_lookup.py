"""From what a user types to a measure, or one sentence that says what is wrong."""

import importlib
import importlib.metadata
import sys
import textwrap
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.evaluation.measure_lookup import describe, find_measures, spec_of
from tests import ROOT
from tests.builders.models import random_network

pytestmark = pytest.mark.usefixtures("own_registry")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if sys.platform == "linux":  # a copy of sys.modules would lose it, and what is pickled looks for it there
        importlib.import_module("multiprocessing.popen_forkserver")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return tmp_path


def write(path: Path, text: str) -> None:
    path.write_text(textwrap.dedent(text))


MINE = """
    from measures import measure
    @measure(source="mine")
    def {name}(trained):
        return 1.0
"""


def test_names_lists_and_repetitions_are_sorted_and_each_once() -> None:
    found = find_measures(["path_norm, l2_norm", "l2_norm"])
    assert [each.name for each in found] == ["l2_norm", "path_norm"]


def test_all_is_every_registered_measure_up_to_the_cost() -> None:
    fast = {each.name for each in find_measures(["all"], "fast")}
    everything = {each.name for each in find_measures(["all"])}
    assert "spectral_norm" in fast
    assert "leave_out_stability" not in fast
    assert fast < everything


def test_an_unknown_name_gets_near_ones() -> None:
    with pytest.raises(HarnessError, match="unknown measure 'spectral_nrom'; did you mean 'spectral_norm'"):
        find_measures(["spectral_nrom"])


def test_a_function_in_a_file_outside_the_project(folder: Path) -> None:
    write(folder / "mine.py", MINE.format(name="in_a_file"))
    (found,) = find_measures(["./mine.py::in_a_file"])
    assert (found.name, found.family) == ("in_a_file", "external")
    assert spec_of(found) == "mine.py::in_a_file"


def test_a_file_without_a_function_means_all_in_it(folder: Path) -> None:
    write(folder / "mine.py", MINE.format(name="first_of_two") + MINE.format(name="second_of_two"))
    assert [each.name for each in find_measures(["mine.py"])] == ["first_of_two", "second_of_two"]


def test_a_file_may_import_its_neighbours(folder: Path) -> None:
    write(folder / "next_to_it.py", "VALUE = 1.0")
    write(folder / "mine.py", "from next_to_it import VALUE\n" + textwrap.dedent(MINE.format(name="with_neighbour")))
    assert find_measures(["mine.py::with_neighbour"])


def test_a_file_of_the_project_is_the_registered_measure() -> None:
    root = ROOT
    by_file = find_measures([f"{root}/measures/norms/path_norm.py::path_norm"])
    assert by_file == find_measures(["path_norm"])


def test_a_module_and_a_function(folder: Path) -> None:
    (folder / "apackage").mkdir()
    write(folder / "apackage" / "__init__.py", "")
    write(folder / "apackage" / "amodule.py", MINE.format(name="in_a_module"))
    (found,) = find_measures(["apackage.amodule:in_a_module"])
    assert spec_of(found) == "apackage.amodule:in_a_module"


def test_an_entry_point_is_found_by_its_measures_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "third_party.py", MINE.format(name="from_elsewhere"))
    monkeypatch.syspath_prepend(folder)
    point = importlib.metadata.EntryPoint("from_elsewhere", "third_party:from_elsewhere", "shatterproof.measures")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    assert find_measures(["from_elsewhere"])[0].name == "from_elsewhere"
    assert "from_elsewhere" in {each.name for each in find_measures(["all"])}


def test_an_entry_point_that_cannot_be_imported_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = importlib.metadata.EntryPoint("gone", "no_such_package:gone", "shatterproof.measures")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    problem = "entry point gone = no_such_package:gone cannot be imported"
    with pytest.raises(HarnessError, match=problem):
        find_measures(["gone"])
    with pytest.raises(HarnessError, match=problem):
        next(measure for measure in find_measures(["all"]) if measure.name == "gone")(random_network("mlp_2x5", 0))
    assert find_measures(["l2_norm"])


@pytest.mark.parametrize(
    ("text", "spec", "problem"),
    [
        (None, "gone.py::f", "there is no file"),
        (None, f"{ROOT}/README.md::f", "is not a Python file; its name has to end in .py"),
        (MINE.format(name="present"), "mine.py::absent", r"there is no measure 'absent' in it; it has \['present'\]"),
        ("import no_such_module", "mine.py::f", "No module named 'no_such_module' at .*mine.py:1"),
        ("def f(:", "mine.py::f", "SyntaxError"),
        ("raise SystemExit(3)", "mine.py::f", "SystemExit: 3"),
        ("def f(trained): return 1.0", "mine.py::f", "f is not decorated; write @measure"),
        ("def f(trained): return 1.0", "mine.py", "no function in .* is decorated"),
        (MINE.format(name="path_norm"), "mine.py::path_norm,l2_norm", "two measures are named 'path_norm'"),
        (None, "no.such.module:f", "No module named 'no'"),
        (None, " , ", "no measure was named"),
    ],
)
def test_what_cannot_be_found_or_read_gets_one_sentence(
    folder: Path, text: str | None, spec: str, problem: str
) -> None:
    if text is not None:
        write(folder / "mine.py", text)
    with pytest.raises(HarnessError, match=problem):
        find_measures([spec])


def test_the_description_has_a_line_a_measure() -> None:
    lines = describe(find_measures(["l2_norm,path_norm"])).splitlines()
    assert lines[0].split() == ["name", "family", "cost", "source"]
    assert [line.split()[:3] for line in lines[1:]] == [["l2_norm", "norms", "fast"], ["path_norm", "norms", "fast"]]
