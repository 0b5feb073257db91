"""A list of pairs is found by its file, by its module, or handed over; whoever goes through the door again sees the
same list, or is told that it is another."""

import re
import threading
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.zoo.checkpoints.doors import find_pairs, pair_of
from tests.builders.own_twins import pair

SOURCE = """
from tests.builders.own_twins import pair

twins = [pair(seed) for seed in range(3)]
alone = pair(0)
nothing = []

def made():
    return (pair(seed) for seed in range(2))

def broken():
    raise ValueError("no weights\\nare here")

def takes(argument):
    return twins
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    return path


def test_a_list_and_a_function_that_returns_one_are_found_by_file_and_module(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(file.parent))
    assert [len(find_pairs(f"{file}{name}").pairs) for name in ("", "::twins", "::made")] == [3, 3, 2]
    listed = find_pairs("mine:twins")
    assert (listed.name, len(listed.pairs)) == ("mine:twins", 3)
    assert find_pairs(f"{file}::made").name == "mine.py::made"


def test_a_reference_leads_to_the_pair_through_its_door(file: Path) -> None:
    reference = find_pairs(f"{file}::twins").reference(2, "randomized", seed=2)
    assert reference.id == "mine.py::twins[2].randomized"
    there = pair_of(reference).randomized()
    assert (there.labels == pair(2).randomized().labels).all()


def test_a_list_that_is_handed_over_is_sent_with_what_it_refers_to() -> None:
    labels = pair(1).natural().labels
    reference = find_pairs([pair(0), pair(1)]).reference(1, "natural", seed=1)
    assert isinstance(reference.pair, bytes)
    assert (pair_of(reference).natural().labels == labels).all()


def test_what_cannot_be_sent_stays_and_that_is_known() -> None:
    held = pair(0, natural={"history": threading.Lock()})
    listed = find_pairs([pair(1), held])
    assert listed.unsent.startswith("twins[1] cannot be sent to another process (TypeError: cannot pickle")
    assert pair_of(listed.reference(1, "natural", seed=0)) is held


@pytest.mark.parametrize("beside", [False, True], ids=["the file", "what it imports"])
def test_a_file_that_was_edited_meanwhile_is_refused(file: Path, beside: bool) -> None:
    neighbour = file.with_name("my_loader.py")
    neighbour.write_text("RATE = 1\n")
    file.write_text("import my_loader\n" + SOURCE)
    reference = find_pairs(f"{file}::twins").reference(0, "natural", seed=0)
    pair_of(reference)
    edited = neighbour if beside else file
    edited.write_text(edited.read_text() + "\nOTHER = 2\n")
    with pytest.raises(HarnessError, match=r"mine.py::twins is not what it was when this run began: it was edited"):
        pair_of(reference)


def test_a_module_that_was_edited_is_seen_as_it_is_now(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(file.parent))
    file = file.rename(file.with_name("edited_module.py"))
    assert len(find_pairs("edited_module:twins").pairs) == 3
    file.write_text(SOURCE.replace("range(3)", "range(4, 12)"))
    assert len(find_pairs("edited_module:twins").pairs) == 8


def test_a_long_process_sees_what_an_edited_file_imports_now(file: Path) -> None:
    """As a notebook does, in which a run follows another."""
    first = find_pairs(f"{file}::twins").code
    file.with_name("added.py").write_text("RATE = 1\n")
    file.write_text("import added\n" + SOURCE)
    second = find_pairs(f"{file}::twins").code
    file.with_name("added.py").write_text("RATE = 2\n")
    assert len({first, second, find_pairs(f"{file}::twins").code}) == 3


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("{file}::wins", "there is no 'wins' in it; lists of pairs in it: twins"),
        ("{file}::alone", "is a Pair; expected a list of Pair(condition, natural=..., randomized=...)"),
        ("{file}::nothing", "is empty; expected a list of Pair"),
        ("{file}::SOURCE", "there is no 'SOURCE' in it"),
        ("{file}::broken", "broken() raised: ValueError: no weights are here at {file}:12"),
        ("{file}::takes", "takes() raised: TypeError: takes() missing 1 required positional argument: 'argument'"),
        ("{file}.txt::twins", "there is no file"),
        ("no_such_module:twins", "no_such_module:twins cannot be imported: ModuleNotFoundError: No module named"),
        ("twins", "--twins=twins: expected path/to/file.py::twins or package.module:twins"),
        ("mine.py:twins", "--twins=mine.py:twins: write mine.py::twins"),
        ("", "--twins=: expected path/to/file.py::twins or package.module:twins"),
        (3, "twins is an int; expected a list of Pair"),
        ([], "twins is empty; expected a list of Pair"),
        ([pair(0), ("random_labels", None)], "twins[1] is a tuple; expected a list of Pair"),
        (pair(0), "twins is a Pair; expected a list of Pair"),
        ({"random_labels": pair(0)}, "twins is a dict; expected a list of Pair"),
    ],
)
def test_what_is_no_list_of_pairs_is_one_sentence(spec: Any, sentence: str, file: Path) -> None:
    given = spec.format(file=file) if isinstance(spec, str) else spec
    with pytest.raises(HarnessError, match=re.escape(sentence.format(file=file))) as caught:
        find_pairs(given)
    assert "\n" not in str(caught.value)
