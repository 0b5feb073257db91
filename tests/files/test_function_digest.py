"""What changes the digest of one function of a file, and what does not."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.files.function_digest import function_digest

FILE = '''
"""Some networks."""
import math
from torch import nn
from harness import network
from blocks import Block

WIDTH = 64
SIZES = {"depth": 3}
OTHER = 1


def helper(width):
    return nn.Linear(width, WIDTH)


class Net(nn.Module):
    """A network."""

    def __init__(self):
        super().__init__()
        self.block = Block()
        self.depth = SIZES["depth"]


@network
def resnet(input_shape, num_classes):
    """It is small."""
    return nn.Sequential(helper(4), Net())


@network(blind_to_positions=True)
def plain(input_shape, num_classes):
    return nn.Linear(OTHER, num_classes)


zoo = [resnet, plain, 0.1]
'''
BLOCKS = "from torch import nn\n\n\nclass Block(nn.Module):\n    size = 2\n"


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., dict[str, str]]]:
    """Writes the file and the one beside it, imports it, and gives the digests of its two networks."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])

    def write(file: str = FILE, blocks: str = BLOCKS) -> dict[str, str]:
        (tmp_path / "blocks.py").write_text(blocks)
        module = imported(tmp_path / "networks.py", file)
        sys.modules.pop("blocks", None)
        return {name: function_digest(vars(module)[name].function) for name in ("resnet", "plain")}

    yield write
    sys.modules.pop("blocks", None)


def imported(path: Path, content: str) -> Any:
    path.write_text(content)
    spec = importlib.util.spec_from_file_location("networks_of_a_user", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    exec(compile(content, str(path), "exec"), vars(module))
    return module


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("helper(4), Net()", "helper(5), Net()"),
        ("WIDTH = 64", "WIDTH = 65"),
        ("WIDTH = 64", "WIDTH = 64\nWIDTH += 1"),
        ('"depth": 3', '"depth": 4'),
        ("OTHER = 1\n", 'OTHER = 1\nSIZES["depth"] = 4\n'),
        ("OTHER = 1\n", "OTHER = 1\nSIZES.update(depth=4)\n"),
        ("nn.Linear(width, WIDTH)", "nn.Linear(width, WIDTH, bias=False)"),
        ("self.block = Block()", "self.block = None"),
    ],
)
def test_what_a_function_needs_changes_its_digest_and_no_other(
    before: str, after: str, written: Callable[..., dict[str, str]]
) -> None:
    assert before in FILE
    old = written()
    new = written(FILE.replace(before, after))
    assert new["resnet"] != old["resnet"]
    assert new["plain"] == old["plain"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("zoo = [resnet, plain, 0.1]", "zoo = [resnet, plain, 0.2]"),
        ("blind_to_positions=True", "blind_to_positions=False"),
        ('"""It is small."""', '"""It is large."""'),
        ("import math\n", "import math\nimport random\n"),
        (
            "    return nn.Sequential(helper(4), Net())",
            "    # really\n\n    return nn.Sequential(\n        helper(4), Net()\n    )",
        ),
        ("@network\n", "@network(blind_to_positions=True)\n"),
        ("\n\ndef helper(width):", "\n\ndef unused():\n    return WIDTH\n\n\ndef helper(width):"),
    ],
)
def test_what_it_does_not_need_leaves_it(before: str, after: str, written: Callable[..., dict[str, str]]) -> None:
    assert before in FILE
    assert written(FILE.replace(before, after)) == written()


def test_a_file_beside_it_counts_for_the_function_that_imports_from_it(
    written: Callable[..., dict[str, str]],
) -> None:
    old, new = written(), written(blocks=BLOCKS.replace("size = 2", "size = 3"))
    assert new["resnet"] != old["resnet"] and new["plain"] == old["plain"]
    assert written(blocks="# two\n" + BLOCKS) == old


def test_a_file_that_python_finds_elsewhere_counts_as_one_beside_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "elsewhere")])
    module = imported(tmp_path / "a.py", "def f(x):\n    import its_library\n    return its_library.X\n")
    found = set[str]()
    for value in (1, 2):
        (tmp_path / "elsewhere" / "its_library.py").write_text(f"X = {value}\n")
        found.add(function_digest(module.f))
    assert len(found) == 2


def test_where_the_file_stands_does_not_count(tmp_path: Path) -> None:
    content = "def f(x):\n    return x + 1\n"
    (tmp_path / "a").mkdir()
    here, there = imported(tmp_path / "a" / "one.py", content), imported(tmp_path / "two.py", "X = 1\n\n\n" + content)
    assert function_digest(here.f) == function_digest(there.f)


MADE = "def maker({0}):\n    def f(x):\n        return x + {0}\n    return f\n\n\nf = maker({1})\n"


def test_of_a_function_that_another_makes_what_it_holds_counts(tmp_path: Path) -> None:
    one, two = (function_digest(imported(tmp_path / f"{n}.py", MADE.format("n", n)).f) for n in (1, 2))
    assert one != two


def test_what_it_holds_may_be_a_tuple_of_constants(tmp_path: Path) -> None:
    shapes = ("(3, (4, 5))", "(3, (4, 6))", "(3, ([4],))")
    one, two, list_in_it = (imported(tmp_path / f"s{i}.py", MADE.format("n", n)).f for i, n in enumerate(shapes))
    assert function_digest(one) != function_digest(two)
    with pytest.raises(HarnessError, match="f holds n, a tuple of the function around it"):
        function_digest(list_in_it)


def test_a_function_that_holds_what_has_no_digest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="f holds n, a list of the function around it; define it at the top"):
        function_digest(imported(tmp_path / "a.py", MADE.format("n", "[1]")).f)


def test_a_function_of_no_file_is_refused() -> None:
    scope: dict[str, Any] = {}
    exec(compile("def f(x):\n    return x\n", "<cell 3>", "exec"), scope)
    with pytest.raises(HarnessError, match="f stands in no file, so that no other process finds it; write it into"):
        function_digest(scope["f"])
