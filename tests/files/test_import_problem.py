"""What keeps a user's file from being imported is told with the line that is theirs."""

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.files.user_module import import_file


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def f(trained:\n    return 1\n", "SyntaxError: '(' was never closed at {folder}/mine.py:1"),
        ("x = 1\nfrom .near import x\n", "a relative import has no package to start from: the file's own folder is s"),
        ("\nimport broken\n", "SyntaxError: invalid syntax at {folder}/broken.py:2"),
        ("import torch\ntorch.nn.Linear('a', 2)\n", " at {folder}/mine.py:2"),
        ("import json\n\n\njson.loads('')\n", "at {folder}/mine.py:4"),
        ("import near\nnear.fails()\n", "ValueError: why at {folder}/near.py:2"),
    ],
    ids=["syntax", "relative", "syntax-of-a-neighbour", "torch", "library", "neighbour"],
)
def test_the_line_is_the_last_of_the_users_own(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("x = 1\nx =\n")
    (tmp_path / "near.py").write_text("def fails():\n    raise ValueError('why')\n")
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(HarnessError) as caught:
        import_file(path, "mine.py::f")
    assert str(caught.value).startswith("mine.py::f cannot be imported: ")
    assert sentence.format(folder=tmp_path) in str(caught.value)
