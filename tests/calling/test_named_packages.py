"""What a measure's text names is imported by its host: packages of this project's own, and nothing else."""

import sys
from pathlib import Path

import cloudpickle
import pytest

from harness.calling.named_packages import (
    _is_as_installed,
    _is_of_tests,
    _modules_named_in,
    _text_of,
    import_what_is_named,
)
from harness.calling.request import Request


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ("import scipy.stats", ["scipy.stats"]),
        ("import scipy.stats as st, os", ["scipy.stats"]),
        ("from sklearn import svm, tree as t", ["sklearn", "sklearn.svm", "sklearn.tree"]),
        ("from scipy.x import (\n    a,\n    b,\n)", ["scipy.x", "scipy.x.a", "scipy.x.b"]),
        ("    return torch.optim.SGD(weights)", []),
        ("import my.scipy, notscipy, scipyish, requests", []),
        ("'sklearn'", ["sklearn"]),
    ],
)  # fmt: skip
def test_modules_are_named_in_all_ways_of_importing_them(text: str, modules: list[str]) -> None:
    assert list(_modules_named_in(text.encode())) == modules


def test_a_function_of_a_notebook_names_what_it_refers_to() -> None:
    import sklearn.svm

    def function(trained: object) -> float:
        return float(sklearn.svm is not None)

    sent = Request("call", "__main__", "function", "", (), function_bytes=cloudpickle.dumps(function))
    assert {"sklearn", "sklearn.svm"} & set(_modules_named_in(_text_of(sent)))


@pytest.mark.parametrize("origin", ["/nowhere/at_all.py", "package.module"])
def test_what_cannot_be_read_names_nothing(origin: str) -> None:
    assert _text_of(Request("call", origin, "function", "", ())) == b""


def test_what_is_named_is_imported_and_the_file_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "scipy.constants", raising=False)
    (tmp_path / "mine.py").write_text("from scipy import constants, nothing_of_that_name\n1 / 0\n")
    named = Request("call", str(tmp_path / "mine.py"), "function", "", ())
    import_what_is_named(named)
    assert "scipy.constants" in sys.modules
    assert named.origin not in sys.modules


def test_tests_of_a_package_are_not_imported_as_they_read_its_data(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from sklearn.tree.tests import test_tree\nimport sklearn.conftest\n")
    import_what_is_named(Request("call", str(tmp_path / "mine.py"), "function", "", ()))
    assert {"sklearn.tree.tests", "sklearn.tree.tests.test_tree", "sklearn.conftest"}.isdisjoint(sys.modules)
    assert not _is_of_tests("scipy.stats._latest")


def test_a_file_that_has_the_name_of_a_package_is_not_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "not_installed.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [_is_as_installed(name) for name in ("sklearn", "not_installed", "nowhere")] == [True, False, False]
