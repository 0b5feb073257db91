"""From what a user types to a measure, or one sentence that says what is wrong."""

import importlib
import importlib.metadata
import re
import sys
import textwrap
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.evaluation.measure_lookup import check_names, describe, find_measures, spec_of
from harness.evaluation.measure_reference import sealed
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


def test_a_name_in_other_letters_gets_the_one_in_its_own() -> None:
    with pytest.raises(HarnessError, match=r"unknown measure 'L2_NORM'; did you mean 'l2_norm'\?$"):
        find_measures(["L2_NORM"])
    with pytest.raises(HarnessError, match="unknown measure 'Path_Nrom'; did you mean 'path_norm'"):
        check_names(["Path_Nrom"])


def test_a_path_with_a_comma_is_told_that_commas_separate_names(folder: Path) -> None:
    (folder / "a,b").mkdir()
    write(folder / "a,b" / "mine.py", MINE.format(name="behind_a_comma"))
    for look in (find_measures, check_names):
        with pytest.raises(
            HarnessError, match=r"mine\.py::behind_a_comma: names are separated by commas, so that no path"
        ):
            look(["a,b/mine.py::behind_a_comma"])


MADE = """
    from measures import measure
    def making(value):
        @measure(source="mine")
        def made(trained):
            return float(value)
        return made
    made_1, made_2 = making(1), making(2)
    @measure(source="mine")
    def alone(trained):
        return 3.0
"""


def test_measures_that_one_function_makes_go_by_the_names_that_their_file_gives_them(folder: Path) -> None:
    write(folder / "mine.py", MADE)
    trained = random_network("mlp_1x2", 0)
    found = [*find_measures(["mine.py"]), *find_measures(["mine.py::made_2"])]
    assert [spec_of(each) for each in found] == [f"mine.py::{name}" for name in ("alone", "made_1", "made_2", "made_2")]
    assert [sealed(each)(trained) for each in found] == [3.0, 1.0, 2.0, 2.0]


def test_made_ones_of_which_one_has_the_name_of_another_measure_are_refused(folder: Path) -> None:
    write(folder / "mine.py", MADE + "    alone, other = making(4), alone\n")
    with pytest.raises(HarnessError, match=r"two measures are named 'alone': .*mine.py:\d+ and what .*mine.py:4 makes"):
        find_measures(["mine.py"])


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (
            "@measure(source='x')\nclass Wrong:\n    pass\n",
            r"mine.py:9: the class Wrong is not a function; @measure goes",
        ),
        ("@measure\nclass Wrong:\n    pass\n", "Wrong is decorated with a bare @measure; write @measure"),
        (
            "@measure(source='x', invariant_to=3)\ndef Wrong(trained):\n    return 1.0\n",
            "mine.py:9: Wrong is invariant_to=3; expected some of layer_rescaling",
        ),
        (
            "@measure(source='x', invariant_to=[[3]])\ndef Wrong(trained):\n    return 1.0\n",
            r"mine.py:9: Wrong is invariant_to=\[3\]; known are layer_rescaling",
        ),
        (
            "@measure(source='x', bound=3)\ndef Wrong(trained):\n    return 1.0\n",
            "mine.py:9: Wrong has bound=3; expected True or False",
        ),
    ],
)
def test_what_cannot_be_a_measure_costs_the_others_of_its_file_nothing(folder: Path, wrong: str, reason: str) -> None:
    write(folder / "mine.py", MINE.format(name="beside_it") + "\n\n\n")
    with (folder / "mine.py").open("a") as file:
        file.write(wrong)
    assert sealed(find_measures(["mine.py::beside_it"])[0])(random_network("mlp_1x2", 0)) == 1.0
    with pytest.raises(HarnessError, match=reason):
        find_measures(["mine.py::Wrong"])


@pytest.mark.parametrize(
    "raised", ["KeyboardInterrupt", "BaseException('b')", "type('E', (Exception,), {'__str__': 1})()"]
)
def test_whatever_a_file_raises_when_it_is_imported_is_one_sentence(folder: Path, raised: str) -> None:
    write(folder / "mine.py", f"raise {raised}\n")
    with pytest.raises(HarnessError) as caught:
        find_measures(["mine.py::f"])
    assert re.fullmatch(r"--measure=mine.py::f cannot be imported: \w+(: .+)? at .*/mine.py:1", str(caught.value))


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
        (None, "gone.py:f", "write gone.py::f"),
        (None, "./gone.py:f", r"--measure=./gone.py:f: write ./gone.py::f$"),
        (None, f"{ROOT}/README.md::f", "is not a Python file; its name has to end in .py"),
        (MINE.format(name="present"), "mine.py::absent", r"there is no measure 'absent' in it; it has \['present'\]"),
        ("import no_such_module", "mine.py::f", "No module named 'no_such_module' at .*mine.py:1"),
        ("def f(:", "mine.py::f", "SyntaxError"),
        ("raise SystemExit(3)", "mine.py::f", "SystemExit: 3"),
        ("def f(trained): return 1.0", "mine.py::f", "f is not decorated; write @measure"),
        ("def f(trained): return 1.0", "mine.py", "no function in .* is decorated"),
        (MINE.format(name="path_norm"), "mine.py::path_norm,l2_norm", "two measures are named 'path_norm'"),
        (
            MINE.format(name="zoo"),
            "mine.py::zoo",
            "a measure cannot be named 'zoo', as a file of records is",
        ),
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
