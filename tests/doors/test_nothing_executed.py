"""Nothing that can execute is ever loaded from a file: no pickle, nowhere, and code only where the user names it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT

FOLDERS = ("harness", "measures", "suites", "tests")

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
    "harness/calling/imports.py": {  # --measure: the file that the user names, and no stale copy of it
        "importlib.import_module",
        "importlib.util.spec_from_file_location",
        "exec",
        "compile",
    },
    "harness/__init__.py": {"importlib.import_module"},  # of a list of our own modules
    "harness/calling/own_networks.py": {"pickle"},  # a model of a user's class, between two processes of ours; no file
    "harness/calling/named_packages.py": {"importlib.import_module"},  # of a list, from where it is installed
    "harness/files/packed.py": {"pickle"},  # the same of any model
    "harness/files/sent_networks.py": {"pickle", "cloudpickle", "pickle_module"},  # writes it, in memory
    "harness/calling/sealed_process.py": {"pickle"},  # a notebook's function, where it is sealed
    "harness/evaluation/measure_reference.py": {"cloudpickle"},  # sends it there
    "harness/files/user_module.py": {"importlib.import_module", "exec", "compile"},  # --zoo, --twins: the user's own
    "harness/zoo/checkpoints/doors.py": {"cloudpickle"},  # a notebook's loader, to a worker of ours; no file
    "harness/evaluation/strangers.py": {"importlib.import_module"},  # of our own measures
    "measures/registry.py": {"importlib.import_module"},  # the files below it
    "harness/paper/command.py": {"importlib.import_module"},  # one of a list of our own modules
    "tests/measures/networks/test_network_check.py": {"torch.load"},  # what it has saved itself, in memory
    "tests/workers/test_worker_imports.py": {"runpy.run_path"},  # a file of this project
    "tests/files/test_function_digest.py": {
        "exec",
        "compile",
        "importlib.util.spec_from_file_location",
    },  # its own text
    "tests/calling/test_named_packages.py": {"cloudpickle"},  # what it has pickled itself
    "tests/calling/test_namespaces.py": {"exec"},  # its own text
    "tests/evaluation/test_measure_lookup.py": {"importlib.import_module"},  # of Python's own
    "tests/files/test_sent_networks.py": {"pickle", "torch.load"},  # what it has pickled itself, in memory
    "tests/leaderboard/proposal/test_unsealed.py": {"exec"},  # its own attack
    "tests/zoo/test_once_per_zoo.py": {"pickle"},  # what it has pickled itself, in memory
    "tests/files/test_user_module.py": {"pickle"},  # what it has pickled itself, in memory
    "tests/suites/test_examples.py": {"runpy.run_path"},  # an example of ours, as a script
    "tests/doors/test_edited_measures.py": {"importlib.import_module"},  # a module of this project
    "tests/doors/test_notebook.py": {"exec", "compile"},  # a notebook's cell, as a kernel runs it
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
            only_weights = any(
                each.arg == "weights_only" and ast.unparse(each.value) == "True" for each in node.keywords
            )
            if name in EXECUTES | LOADS and not only_weights:
                yield name
            for keyword in node.keywords:
                if keyword.arg == "allow_pickle" or keyword.arg == "pickle_module":
                    yield keyword.arg
                if keyword.arg == "shell" and ast.unparse(keyword.value) != "False":
                    yield "shell"


def forbidden_in(path: Path) -> set[str]:
    return set(used(ast.parse(path.read_bytes()))) - ALLOWED.get(str(path.relative_to(ROOT)), set())


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS)
def test_no_file_pickles_or_executes_what_it_reads(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    assert {str(path.relative_to(ROOT)): found for path in files if (found := forbidden_in(path))} == {}


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
