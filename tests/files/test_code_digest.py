"""What changes the digest of a file's code, and what does not."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evaluation.source_digest import ROOT
from harness.files.code_digest import code_digest

SOURCE = '''"""How long the weights are.

    μ = Σ w²
"""

import math
from collections.abc import Iterable

from torch import Tensor

from measures import measure

SCALE = 2.0
"""Of the weights."""


def total(weights: Iterable[Tensor]) -> float:
    """Summed over layers."""
    return sum(float((SCALE * weight).square().sum()) for weight in weights)  # all of them


@measure(source="mine")
def length(trained):
    return math.sqrt(total(trained.model.parameters()))
'''


def digest(source: str) -> str:
    return code_digest(source.encode(), ours=lambda module: module.split(".")[0] in ("harness", "measures", "near"))


def altered(old: str, new: str) -> str:
    assert SOURCE.count(old) == 1
    return SOURCE.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Summed over layers.", "The sum over all layers, in other words."),
        ("    μ = Σ w²", "    μ = Σᵢ wᵢ²"),
        ("Of the weights.", "What each weight is multiplied by."),
        ("  # all of them", ""),
        ("sum(float(", "sum(\n        float("),
        ("SCALE = 2.0", "SCALE = (2.0)"),
        ('source="mine"', "source='mine'"),
        ("\n\n\n@measure", "\n\n\n# Registered:\n@measure"),
        ("from measures import measure", "from measures.registry import measure"),
        ("from measures import measure\n", ""),
        ("import math\nfrom collections.abc import Iterable", "from collections.abc import Iterable\nimport math"),
        ("import math\n", "import math\nimport re\n"),
        ("    return math.sqrt", "    import math\n\n    return math.sqrt"),
        (
            "from torch import Tensor\n",
            "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from torch import Tensor\n",
        ),
    ],
)
def test_documentation_layout_and_the_order_of_imports_are_not_code(old: str, new: str) -> None:
    edited = altered(old, new)
    if old == "from measures import measure\n":  # it may stand behind the others as well
        edited = edited.replace("SCALE = 2.0", "from measures import measure\nSCALE = 2.0")
    assert digest(edited) == digest(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SCALE * weight", "SCALE / weight"),
        ("SCALE * weight", "weight * SCALE"),
        ("2.0", "2.5"),
        ("2.0", "2"),
        (".square()", ".abs()"),
        ('source="mine"', 'source="mine", version=2'),
        ("sum(float", "max(float"),
        ("import math", "import numpy as math"),
        ("from torch import Tensor", "from torch import DoubleTensor as Tensor"),
        ("import math", "from near import other as math"),
        ("    return math.sqrt", "    return -math.sqrt"),
        ("in weights)", "in weights if weight.ndim > 1)"),
    ],
)
def test_what_is_computed_is_code(old: str, new: str) -> None:
    assert digest(altered(old, new)) != digest(SOURCE)


def test_a_function_of_another_package_under_the_same_name_is_other_code() -> None:
    assert digest("from math import log\nx = log(2)") != digest("from math import log2 as log\nx = log(2)")
    assert digest("from math import log\nx = log(2)") != digest("from numpy import log\nx = log(2)")


def test_another_function_of_the_same_module_of_ours_under_the_same_name_is_other_code() -> None:
    assert digest("from near import a as f\nx = f(2)") != digest("from near import b as f\nx = f(2)")


def test_a_docstring_that_is_used_is_code() -> None:
    assert digest('TEXT = """one"""') != digest('TEXT = """two"""')


@pytest.mark.parametrize("path", sorted((ROOT / "measures").rglob("*.py")), ids=lambda path: path.stem)
def test_code_written_by_python_itself_from_the_tree_has_the_same_digest(path: Path) -> None:
    source = path.read_text()
    assert digest(ast.unparse(ast.parse(source))) == digest(source)


OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "@", "<<", ">>", "|", "^", "&")


@given(st.sampled_from(OPERATORS), st.sampled_from(OPERATORS))
def test_two_operators_have_one_digest_only_if_they_are_one(one: str, other: str) -> None:
    assert (digest(f"x = a {one} b") == digest(f"x = a {other} b")) == (one == other)
