"""A file that is edited is another measure, also for the process that has judged it before: a notebook lives long."""

import importlib
import os
import py_compile
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import judge
from harness.calling.imports import measures_in
from harness.errors import HarnessError
from harness.evaluation.measure_lookup import find_measures
from harness.files import source_text
from tests import ROOT
from tests.builders.own_twins import pair

pytestmark = pytest.mark.usefixtures("own_registry")

TWINS = [pair(seed) for seed in range(10)]
TEXT = "from measures import measure\n\n\n@measure(source='x')\ndef edited(trained):\n    return {}\n"


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., set[float | None]]:
    """The values of what a file measures, on twins that were trained elsewhere."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    def values(given: object) -> set[float | None]:
        found = judge(given, twins=TWINS, cache_dir=str(tmp_path / "c"), workers=1)  # type: ignore[arg-type]
        return {value.value for value in found.values}

    return values


@pytest.mark.slow
def test_a_measure_and_what_it_imports_have_the_values_of_their_files_as_they_are_now(
    judged: Callable[..., set[float | None]], tmp_path: Path
) -> None:
    (tmp_path / "m.py").write_text(TEXT.format("1.0"))
    assert judged(f"{tmp_path}/m.py::edited") == {1.0}
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "library_of_m.py").write_text("X = 2.0\n")
    sys.path.append(str(tmp_path / "elsewhere"))
    (tmp_path / "m.py").write_text("import library_of_m\n" + TEXT.format("library_of_m.X"))
    assert judged(f"{tmp_path}/m.py") == {2.0}
    (tmp_path / "elsewhere" / "library_of_m.py").write_text("X = 3.0\n")
    assert judged(f"{tmp_path}/m.py") == {3.0}


@pytest.mark.slow
def test_a_measure_of_a_module_that_was_imported_here_is_the_one_of_its_file(
    judged: Callable[..., set[float | None]], tmp_path: Path
) -> None:
    sys.path.append(str(tmp_path))
    (tmp_path / "module_edited.py").write_text(TEXT.format("1.0"))
    module = importlib.import_module("module_edited")
    try:
        assert judged(module.edited) == {1.0}
        (tmp_path / "module_edited.py").write_text("X = 1\n" + TEXT.format("5 * X"))
        assert judged(module.edited) == {5.0}
        assert judged(importlib.reload(module).edited) == {5.0}
    finally:
        del sys.modules["module_edited"]


def test_text_that_has_the_size_and_time_of_what_was_compiled_before_is_what_is_imported(tmp_path: Path) -> None:
    """Python itself would take what it compiled; the version that is declared tells which it was."""
    text = "from measures import measure\n@measure(source='x', version={})\ndef f(t): return 1\n"
    path = tmp_path / "m.py"
    path.write_text(text.format(1))
    py_compile.compile(str(path))
    before = path.stat()
    path.write_text(text.format(2))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    (found,) = measures_in(str(path), "", "it")
    assert found.version == 2


def test_code_of_this_project_that_was_edited_since_it_was_imported_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    own, shared = ROOT / "measures" / "norms" / "l2_norm.py", ROOT / "measures" / "layers.py"
    find_measures(["l2_norm"])
    assert source_text.text_of(own) and source_text.text_of(shared)
    as_imported = dict(source_text._imported_as)
    monkeypatch.setattr(source_text, "_imported_as", as_imported)
    as_imported[own] = own.read_bytes() + b"\n# a comment\n"
    assert find_measures(["l2_norm"])
    as_imported[own] = own.read_bytes() + b"\nX = 1\n"
    with pytest.raises(HarnessError, match=r"l2_norm: .*l2_norm.py was edited since this process imported it; run"):
        find_measures(["l2_norm"])
    assert find_measures(["parameter_count"])
    as_imported[shared] = b"X = 1"
    with pytest.raises(HarnessError, match=r"parameter_count: .*layers.py was edited"):
        find_measures(["parameter_count"])
