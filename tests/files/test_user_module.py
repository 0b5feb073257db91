"""A user's file is imported as it is now, once, under a name that is nobody else's."""

import pickle
import sys
from pathlib import Path

import pytest
import torch

from harness.errors import HarnessError
from harness.files.user_module import import_file, import_module, is_as_imported, name_of


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_it_is_executed_once_and_again_when_it_changed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.py", "class A: pass\nx = 1\n")
    first = import_file(path, "it")
    assert import_file(path, "it") is first and is_as_imported(path)
    written(path, "class A: pass\nx = 2\n")
    assert not is_as_imported(path)
    second = import_file(path, "it")
    assert (first.x, second.x) == (1, 2) and is_as_imported(path)
    path.unlink()
    assert not is_as_imported(path)


def test_it_is_executed_again_when_what_it_imports_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands between them holds a part of what was edited."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    written(tmp_path / "edited_below.py", "x = 1\n")
    written(tmp_path / "between_them.py", "from edited_below import x\n")
    path = written(tmp_path / "a.py", "from between_them import x\n")
    try:
        first = import_file(path, "it")
        written(tmp_path / "edited_below.py", "x = 22\n")
        second = import_file(path, "it")
        assert (first.x, second.x) == (1, 22) and import_file(path, "it") is second
    finally:
        for name in ("edited_below", "between_them"):
            sys.modules.pop(name, None)


def test_two_files_of_one_name_do_not_meet_and_what_is_pickled_is_found(tmp_path: Path) -> None:
    one, two = (import_file(written(tmp_path / f / "a.b.py", "class A: pass\n"), "it") for f in ("x", "y"))
    assert one.__name__ == name_of(tmp_path / "x" / "a.b.py") != two.__name__
    assert one.__name__.isidentifier()
    for module in (one, two):
        assert type(pickle.loads(pickle.dumps(module.A()))) is module.A


def test_it_is_not_run_as_a_script_and_can_have_dataclasses_and_neighbours(tmp_path: Path) -> None:
    written(tmp_path / "a_neighbour_of_it.py", "y = 3\n")
    text = """
from __future__ import annotations
import dataclasses
from a_neighbour_of_it import y

@dataclasses.dataclass
class D:
    z: int = y

if __name__ == "__main__":
    raise SystemExit("run as a script")
"""
    assert import_file(written(tmp_path / "a.py", text), "it").D().z == 3


@pytest.mark.parametrize("raised", ["BaseException('b')", "type('E', (Exception,), {'__str__': 1})()"])
def test_whatever_it_raises_is_one_sentence_and_ctrl_c_is_the_users(tmp_path: Path, raised: str) -> None:
    path = written(tmp_path / "a.py", f"raise {raised}\n")
    with pytest.raises(HarnessError, match=rf"^it cannot be imported: \w+: .* at {path}:1$"):
        import_file(path, "it")
    with pytest.raises(KeyboardInterrupt):
        import_file(written(path, "raise KeyboardInterrupt\n"), "it")


@pytest.mark.parametrize("end", ["", "1 / 0"])
def test_what_it_changes_of_torchs_defaults_is_put_back_so_that_nothing_else_is_blamed(
    tmp_path: Path, end: str
) -> None:
    text = f"import torch\ntorch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\n{end}\n"
    said = r"^it (changes torch's default dtype from|cannot be imported: ZeroDivision)"
    with pytest.raises(HarnessError, match=said):
        import_file(written(tmp_path / "a.py", text), "it")
    assert torch.get_default_dtype() == torch.float32 and torch.is_grad_enabled()


def test_of_one_that_fails_nothing_is_left_and_a_repaired_one_is_imported(tmp_path: Path) -> None:
    path = written(tmp_path / "a.py", "x = 1\ny = x / 0\n")
    with pytest.raises(HarnessError, match=rf"^it cannot be imported: ZeroDivisionError: .* at {path}:2$"):
        import_file(path, "it")
    assert name_of(path) not in sys.modules
    assert import_file(written(path, "x = 1\n"), "it").x == 1


def test_a_folder_and_a_module_that_is_nowhere_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"it: .* cannot be read \(Is a directory\)"):
        import_file(tmp_path, "it")
    with pytest.raises(HarnessError, match="it cannot be imported: ModuleNotFoundError: No module named 'no_such'"):
        import_module("no_such", "it")
