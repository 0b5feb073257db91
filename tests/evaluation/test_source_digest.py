"""The digest changes with what a measure's value depends on, and with nothing else."""

import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

import harness.files.imported_files
from harness.evaluation import source_digest as module
from harness.evaluation.source_digest import ROOT, source_digest
from harness.files.imported_files import imported_files

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def nothing_of_other_tests(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they have added to where imports are looked for."""
    base = tmp_path_factory.getbasetemp()
    monkeypatch.setattr(sys, "path", [path for path in sys.path if not Path(path).resolve().is_relative_to(base)])


def digest_of(path: Path, text: str) -> str:
    path.write_text(text)
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
    reached = module.reachable(ROOT / "measures" / "spectral" / "spectral_norm.py")
    names = {str(path.relative_to(ROOT)) for path in reached}
    assert {"measures/spectral/spectral_norm.py", "measures/trained_model.py", "measures/layers.py"} <= names
    assert "measures/_registry.py" not in names
    assert "harness/judging/verdict.py" not in names
    assert "harness/training/train.py" not in names


def test_what_a_measure_receives_counts_though_it_imports_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("from measures import measure")
    names = {path.name for path in module.reachable(tmp_path / "m.py")}
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


def test_a_measure_that_moves_with_what_it_imports_keeps_its_digest(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after" / "deeper"
    for folder, quantity in ((before, "norms"), (after, "lengths")):
        folder.mkdir(parents=True)
        (folder / f"{quantity}.py").write_text(f'"""Of {folder}."""\ndef norm(x):\n    return x * x\n')
        (folder / "m.py").write_text(f'"""In {folder}."""\nfrom {quantity} import norm\nprint(norm(3))\n')
    assert source_digest(before / "m.py") == source_digest(after / "m.py")


def test_one_operator_of_what_a_measure_imports_changes_its_digest(tmp_path: Path) -> None:
    (tmp_path / "near.py").write_text("def f(x):\n    return x * x")
    before = digest_of(tmp_path / "m.py", "from near import f\nf(3)")
    (tmp_path / "near.py").write_text("def f(x):\n    return x + x")
    assert digest_of(tmp_path / "m.py", "from near import f\nf(3)") != before


def test_a_reworded_docstring_of_a_neighbour_does_not_change_it(tmp_path: Path) -> None:
    (tmp_path / "near.py").write_text('"""A square."""\nx = 3')
    before = digest_of(tmp_path / "m.py", "from near import x\nx")
    (tmp_path / "near.py").write_text('"""A number."""\nx = 3  # exactly')
    assert digest_of(tmp_path / "m.py", "from near import x\nx") == before


def test_a_package_whose_init_only_documents_it_is_no_other_source(tmp_path: Path) -> None:
    (tmp_path / "near.py").write_text("x = 3")
    before = digest_of(tmp_path / "m.py", "from near import x\nx")
    (tmp_path / "near.py").unlink()
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "__init__.py").write_text('"""What several measures need."""')
    (tmp_path / "deeper" / "near.py").write_text("x = 3")
    assert digest_of(tmp_path / "m.py", "from deeper.near import x\nx") == before


def test_what_stands_beside_it_where_packages_are_installed_has_no_say(tmp_path: Path) -> None:
    """A virtual environment may lie anywhere: what is installed there is of other distributions, but for its own."""
    (tmp_path / "mine-1.0.dist-info").mkdir()
    package = tmp_path / "mine"
    package.mkdir()
    for name in ("__init__.py", "near.py"):
        (package / name).write_text("x = 1")
    (tmp_path / "torch.py").write_text("x = 1")
    code = "import torch\nfrom mine.near import x"
    before = digest_of(package / "m.py", code)
    (tmp_path / "torch.py").write_text("x = 2")
    assert digest_of(package / "m.py", code) == before
    (package / "near.py").write_text("x = 2")
    assert digest_of(package / "m.py", code) != before


def test_what_is_found_where_imports_are_looked_for_counts_unless_it_is_installed(tmp_path: Path) -> None:
    """Not what comes later under the same name, as an import would not find it either."""
    for folder in ("a", "first", "later", "site-packages", "named"):
        (tmp_path / folder).mkdir()
    (tmp_path / "named" / "x-1.0.dist-info").mkdir()
    search = tuple(str(tmp_path / folder) for folder in ("site-packages", "named", "first", "later"))
    path = tmp_path / "a" / "m.py"
    path.write_text("import lib, installed, other\nfrom pkg.sub import x\nimport statistics\n")

    def reached() -> set[str]:
        files = module.reachable(path, search=search)
        return {str(file.relative_to(tmp_path)) for file in files if tmp_path in file.parents} - {"a/m.py"}

    assert reached() == set()
    for file in ("first/lib.py", "later/lib.py", "site-packages/installed.py", "later/installed.py", "named/other.py"):
        (tmp_path / file).write_text("import deeper\n")
    (tmp_path / "later" / "deeper.py").write_text("x = 1\n")
    for folder in ("first/pkg", "later/pkg"):  # without __init__.py: both are of the package
        (tmp_path / folder).mkdir()
    (tmp_path / "later" / "pkg" / "sub.py").write_text("x = 1\n")
    assert reached() == {"first/lib.py", "later/deeper.py", "later/pkg/sub.py"}
    before = source_digest(path, search=search)
    (tmp_path / "later" / "deeper.py").write_text("x = 2\n")
    assert source_digest(path, search=search) != before


def test_what_this_process_alone_has_imported_under_a_name_has_no_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "imported_here.py").write_text("x = 1\n")
    spec = spec_from_file_location("imported_here", tmp_path / "a" / "imported_here.py")
    assert spec is not None
    monkeypatch.setitem(sys.modules, "imported_here", module_from_spec(spec))
    (tmp_path / "m.py").write_text("import imported_here\n")
    assert [path for path in module.reachable(tmp_path / "m.py") if tmp_path in path.parents] == [tmp_path / "m.py"]


def test_a_package_that_an_import_hook_links_to_another_folder_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As some editable installations do."""
    (tmp_path / "src").mkdir()
    for name in ("__init__.py", "near.py"):
        (tmp_path / "src" / name).write_text("x = 1\n")

    class Hook:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
            if name != "linked_elsewhere":
                return None
            init = tmp_path / "src" / "__init__.py"
            return spec_from_file_location(name, init, submodule_search_locations=[str(init.parent)])

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Hook])
    (tmp_path / "m.py").write_text("from linked_elsewhere.near import x\n")
    assert {tmp_path / "src" / "near.py"} < module.reachable(tmp_path / "m.py")


def test_nothing_beside_this_project_counts_as_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Installed, it stands beside torch and everything else."""
    (tmp_path / "measures").mkdir()
    (tmp_path / "measures" / "__init__.py").touch()
    for name in ("near.py", "torch.py"):
        (tmp_path / "measures" / name if name == "near.py" else tmp_path / name).write_text("x = 1")
    monkeypatch.setattr(harness.files.imported_files, "ROOT", tmp_path)
    path = tmp_path / "measures" / "m.py"
    path.write_text("import torch\nfrom measures.near import x")
    assert imported_files(path) == (tmp_path / "measures" / "near.py",)


def test_a_neighbour_that_is_not_python_counts_by_its_text(tmp_path: Path) -> None:
    """Its import may stand under an `except`."""
    uses = "try:\n    import near\nexcept SyntaxError:\n    pass\n"
    (tmp_path / "near.py").write_text("def (:")
    before = digest_of(tmp_path / "m.py", uses)
    (tmp_path / "near.py").write_text("def (:\n")
    assert digest_of(tmp_path / "m.py", uses) != before


@pytest.mark.parametrize("deep", ["x = " + "1 + " * 2000 + "1", "if x: y\n" + "elif x: y\n" * 900])
def test_code_of_any_depth_has_a_digest(deep: str, tmp_path: Path) -> None:
    assert digest_of(tmp_path / "m.py", deep) != digest_of(tmp_path / "m.py", deep + "\ny = 1")
