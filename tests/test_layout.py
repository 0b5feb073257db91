"""The house keeps its plan: one way of imports, rooms of a size to live in, tests where their source is."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT

FOLDERS = ("measures", "harness", "suites", "tests")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
FAMILIES = {path.parent.name for path in (ROOT / "measures").glob("*/__init__.py")} - {"networks", "quantities"}
TOP_LEVEL = {"pyproject.toml", "README.md", "LICENSE", "measures", "harness", "suites", "tests", "baselines"}

MOST_LINES_OF_A_FILE = 350
MOST_LINES_OF_A_FUNCTION = 40
MOST_FILES_OF_A_FOLDER = 20
MOST_FILES_OF_THE_CORRIDOR = 14


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the last."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_is_long() -> None:
    lines = {named(path): len(path.read_text().splitlines()) for path in FILES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES_OF_A_FILE} == {}


def test_no_function_is_long() -> None:
    lines = {f"{named(path)}: {node.name}": body_lines(node) for path in FILES for node in functions(path)}
    assert {name: count for name, count in lines.items() if count > MOST_LINES_OF_A_FUNCTION} == {}


def test_no_folder_is_crowded_but_for_families_of_measures() -> None:
    folders = {path.parent for path in FILES}
    crowded = {named(folder): len([*folder.glob("*.py")]) for folder in folders if folder.name not in FAMILIES}
    assert {name: count for name, count in crowded.items() if count > MOST_FILES_OF_A_FOLDER} == {}
    assert crowded["harness"] <= MOST_FILES_OF_THE_CORRIDOR


def test_every_room_says_what_it_is() -> None:
    rooms = [path for path in FILES if path.name == "__init__.py" and path.parts[len(ROOT.parts)] == "harness"]
    assert [named(path) for path in rooms if not ast.get_docstring(ast.parse(path.read_bytes()))] == []


def test_nothing_else_stands_at_the_top_level() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a checkout of git: which files belong to it is not known")
    top = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} == TOP_LEVEL


def test_a_folder_of_tests_has_the_name_of_the_folder_that_it_tests() -> None:
    apart = {"benchmarks", "builders", "data", "doors", "faults", "fuzz", "networks", "peers", "red_team"}
    apart |= {"references", "suites"}
    for folder in {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}:
        if folder.parts and folder.parts[0] not in apart:
            assert (ROOT / folder).is_dir() or (ROOT / "harness" / folder).is_dir(), folder


def test_a_test_of_a_measure_stands_in_the_family_of_the_measure() -> None:
    for family in FAMILIES:
        for path in (ROOT / "tests" / "measures" / family).glob("test_*.py"):
            imported = [node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.ImportFrom)]
            assert any((node.module or "").startswith(f"measures.{family}") for node in imported), named(path)


def checked_layers(root: Path) -> subprocess.CompletedProcess[str]:
    lint = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or "lint-imports"
    command = [lint, "--no-cache"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, env={"PYTHONPATH": str(root)}, check=False)


UPWARDS = [
    ("measures/norms/l2_norm.py", "import harness.errors"),
    ("measures/layers.py", "import measures.norms.path_norm"),
    ("measures/spectral/stable_rank.py", "import measures.margins.inverse_margin"),
    ("harness/training/train.py", "import harness.store.store"),
    ("harness/files/whole_file.py", "def late():\n    import harness.judging.verdict"),
    ("harness/store/store.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import harness.zoo.zoo"),
]
"""Within a function, and for types alone, too."""


@pytest.mark.slow
def test_imports_upwards_are_refused(tmp_path: Path) -> None:
    for folder in ("measures", "harness"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for file, statement in UPWARDS:
        with (tmp_path / file).open("a") as edited:
            edited.write(f"\n{statement}\n")
    result = checked_layers(tmp_path)
    assert result.returncode == 1, result.stdout
    assert sum(line.endswith(" BROKEN") for line in result.stdout.splitlines()) == 4
    said = " ".join(result.stdout.split())
    for file, statement in UPWARDS:
        importer = file.removesuffix(".py").replace("/", ".")
        assert f"{importer} -> {statement.rpartition('import ')[2]} (l." in said, importer


def test_imports_run_one_way() -> None:
    result = checked_layers(ROOT)
    assert result.returncode == 0, result.stdout
