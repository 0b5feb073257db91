"""Nothing that can execute is ever loaded from a file: no pickle, nowhere, and code only where the user names it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("harness", "measures", "suites", "tests")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

PICKLES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "copyreg", "yaml"}
EXECUTES = {"eval", "exec", "compile", "__import__"}
LOADS = {
    "torch.load",
    "torch.jit.load",
    "torch.package.PackageImporter",
    "numpy.load",
    "np.load",
    "pd.read_pickle",
    "runpy.run_path",
    "os.system",
    "os.popen",
    "code.interact",
    "importlib.import_module",
    "importlib.util.spec_from_file_location",
}
ALLOWED = {
    "harness/measure_lookup.py": {"importlib.import_module", "importlib.util.spec_from_file_location"},  # --measure
    "measures/_registry.py": {"importlib.import_module"},  # the files below it
    "harness/paper/command.py": {"importlib.import_module"},  # one of a list of our own modules
    "tests/test_notebook.py": {"exec", "compile"},  # a notebook's cell, as a kernel runs it
}


def used(tree: ast.AST) -> Iterator[str]:
    """What an import or a call in it names, of what is not to be there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] in PICKLES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PICKLES:
            yield node.module or ""
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in EXECUTES | LOADS:
                yield name
            for keyword in node.keywords:
                if keyword.arg == "allow_pickle" or keyword.arg == "pickle_module":
                    yield keyword.arg
                if keyword.arg == "shell" and ast.unparse(keyword.value) != "False":
                    yield "shell"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_neither_pickles_nor_executes_what_it_reads(path: Path) -> None:
    allowed = ALLOWED.get(str(path.relative_to(ROOT)), set())
    assert set(used(ast.parse(path.read_bytes()))) - allowed == set()


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib.numpy_pickle",
        "torch.load(path)",
        "np.load(path, allow_pickle=True)",
        "eval(text)",
        "subprocess.run(text, shell=True)",
    ],
)
def test_what_is_looked_for_is_found(code: str) -> None:
    assert list(used(ast.parse(code)))
