"""The digest changes with what a measure's value depends on, and with nothing else."""

from pathlib import Path

import pytest

from harness import source_digest as module
from harness.source_digest import ROOT, source_digest


@pytest.fixture(autouse=True)
def forget() -> None:
    """The digest reads each file once a process; these tests edit them."""
    module._imported_files.cache_clear()
    module._content_sha256.cache_clear()


def digest_of(path: Path, text: str) -> str:
    path.write_text(text)
    module._imported_files.cache_clear()
    module._content_sha256.cache_clear()
    return source_digest(path)


def test_an_edited_file_has_another_digest(tmp_path: Path) -> None:
    assert digest_of(tmp_path / "m.py", "a = 1") != digest_of(tmp_path / "m.py", "a = 2")


def test_an_edited_neighbour_that_it_imports_changes_it(tmp_path: Path) -> None:
    (tmp_path / "near.py").write_text("x = 1")
    before = digest_of(tmp_path / "m.py", "from near import x")
    (tmp_path / "near.py").write_text("x = 2")
    assert digest_of(tmp_path / "m.py", "from near import x") != before


def test_a_neighbour_that_it_does_not_import_has_no_say(tmp_path: Path) -> None:
    before = digest_of(tmp_path / "m.py", "import math")
    (tmp_path / "other.py").write_text("x = 1")
    assert digest_of(tmp_path / "m.py", "import math") == before


def test_a_measure_depends_on_the_shared_quantities_but_not_on_the_registry() -> None:
    reached = module._reachable(ROOT / "measures" / "spectral" / "spectral_norm.py")
    names = {str(path.relative_to(ROOT)) for path in reached}
    assert {"measures/spectral/spectral_norm.py", "harness/trained_model.py", "harness/layers.py"} <= names
    assert "measures/_registry.py" not in names
    assert "harness/verdict.py" not in names
    assert "harness/train.py" not in names


def test_what_a_measure_receives_counts_though_it_imports_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("from measures import measure")
    names = {path.name for path in module._reachable(tmp_path / "m.py")}
    assert {"m.py", "trained_model.py", "layers.py", "folding.py"} <= names


@pytest.mark.parametrize("statement", ["from pkg.helper import x", "from .helper import x", "from . import helper"])
def test_a_module_of_its_own_package_counts(tmp_path: Path, statement: str) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    (tmp_path / "pkg" / "helper.py").write_text("x = 1")
    before = digest_of(tmp_path / "pkg" / "m.py", statement)
    (tmp_path / "pkg" / "helper.py").write_text("x = 2")
    assert digest_of(tmp_path / "pkg" / "m.py", statement) != before


def test_the_digest_does_not_depend_on_where_the_file_is(tmp_path: Path) -> None:
    for folder in ("a", "z"):
        (tmp_path / folder).mkdir()
    assert digest_of(tmp_path / "a" / "m.py", "x = 1") == digest_of(tmp_path / "z" / "m.py", "x = 1")


def test_imports_inside_functions_count(tmp_path: Path) -> None:
    (tmp_path / "near.py").write_text("x = 1")
    before = digest_of(tmp_path / "m.py", "def f():\n    import near")
    (tmp_path / "near.py").write_text("x = 2")
    assert digest_of(tmp_path / "m.py", "def f():\n    import near") != before


def test_files_that_import_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "near.py").write_text("import m")
    assert digest_of(tmp_path / "m.py", "import near")
