"""What `from harness import ...` offers: documented, with examples that run."""

import dataclasses
import doctest
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness.settings import CACHE_VARIABLE
from harness.zoo.zoos import ZOOS
from tests import ROOT
from tests.conftest import TINY

pytestmark = pytest.mark.usefixtures("own_registry")


@pytest.mark.slow
@pytest.mark.parametrize("name", harness.__all__)
def test_the_examples_in_its_docstring_run(
    name: str, shared_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the tiny zoo in the place of the digits: what they show is the same on both."""
    monkeypatch.setitem(ZOOS, "digits", dataclasses.replace(TINY, name="digits"))
    monkeypatch.setenv(CACHE_VARIABLE, str(shared_cache))
    (example,) = doctest.DocTestFinder(recurse=False).find(getattr(harness, name), name, globs={})
    assert example.examples
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(example)
    assert runner.summarize(verbose=False).failed == 0, capsys.readouterr().out


@pytest.mark.slow
def test_importing_the_harness_imports_no_torch() -> None:
    code = "import sys, harness; assert not {'torch', 'numpy', 'matplotlib'} & sys.modules.keys(); harness.adam"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'harness' has no attribute 'judgment'"):
        harness.judgment  # noqa: B018
