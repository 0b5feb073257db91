"""A row's training that was interrupted goes on to the same bytes."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from harness.errors import HarnessError
from harness.paper.imagenet import train as imagenet_train
from harness.paper.imagenet.image_stream import ImageStream
from harness.paper.imagenet.image_tree import read_tree
from harness.paper.imagenet.setting import Setting
from harness.paper.imagenet.state import RowState
from tests.builders.image_training import ALONE, EVERYTHING, SETTING, SIZE, normalized_network, run
from tests.builders.paper.imagenet_rows import FIRST, HISTORY, SECOND, state_bytes, write_untrained


class Killed(BaseException):
    pass


def killed_after(epochs: int) -> Callable[[str], None]:
    def say(text: str) -> None:
        if f"epoch {epochs}/" in text:
            raise Killed

    return say


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_that_was_killed_goes_on_to_the_same_bytes(precision: Any, root: Path, tmp_path: Path) -> None:
    setting = dataclasses.replace(EVERYTHING, precision=precision)
    run(root, setting, tmp_path / "whole", normalized_network)
    for epochs in (1, 2):
        with pytest.raises(Killed):
            run(root, setting, tmp_path / "killed", normalized_network, say=killed_after(epochs))
        torch.manual_seed(epochs)  # whatever else has been drawn by then
    assert RowState(tmp_path / "killed", setting.of_every_epoch()).epochs == 2
    run(root, setting, tmp_path / "killed", normalized_network)
    whole, killed = state_bytes(tmp_path / "whole"), state_bytes(tmp_path / "killed")
    assert {"momentum.0.weight", "model.1.running_var", "about"} < set(whole)
    assert killed == whole


def test_the_first_process_alone_writes(root: Path, tmp_path: Path) -> None:
    run(root, path=tmp_path / "state", processes=SECOND)
    assert list(tmp_path.iterdir()) == []
    run(root, path=tmp_path / "state", processes=FIRST)
    assert list(tmp_path.iterdir()) == [tmp_path / "state"]


def test_a_run_that_is_whole_is_not_trained_again(root: Path, tmp_path: Path) -> None:
    _, first = run(root, path=tmp_path / "state")
    contents = (tmp_path / "state").read_bytes()

    def never(*arguments: Any) -> nn.Module:
        raise AssertionError("a network was built")

    state = RowState(tmp_path / "state", SETTING.of_every_epoch())
    stream = ImageStream(read_tree(root), image_size=SIZE, seed=0)
    imagenet_train.train(SETTING, stream, ALONE, state, never)
    assert state.history == first.history
    assert state.seconds == first.seconds
    assert (tmp_path / "state").read_bytes() == contents


def test_more_epochs_go_on_from_there_and_fewer_are_refused(root: Path, tmp_path: Path) -> None:
    run(root, path=tmp_path / "at_once")
    run(root, dataclasses.replace(SETTING, epochs=2), tmp_path / "state")
    run(root, path=tmp_path / "state")
    assert state_bytes(tmp_path / "state") == state_bytes(tmp_path / "at_once")
    with pytest.raises(HarnessError, match="--epochs is 2, but inception_v3 was trained for 3 already"):
        run(root, dataclasses.replace(SETTING, epochs=2), tmp_path / "state")


def test_seconds_add_up_over_interruptions(tmp_path: Path) -> None:
    write_untrained(tmp_path / "state", seconds=100.0)
    state = RowState(tmp_path / "state", SETTING.of_every_epoch())
    assert (state.epochs, state.seconds) == (1, 100)
    for passed in (5.0, 9.0):
        state.note(HISTORY[0], passed)
        assert state.seconds == 100 + passed


@pytest.mark.parametrize("damage", ["a byte", "the end", "everything"])
def test_a_damaged_state_is_one_sentence(damage: str, root: Path, tmp_path: Path) -> None:
    path = tmp_path / "state"
    run(root, path=path)
    contents = path.read_bytes()
    flipped = contents[:-5] + bytes([contents[-5] ^ 1]) + contents[-4:]
    path.write_bytes({"a byte": flipped, "the end": contents[:-100], "everything": b"\0" * 50}[damage])
    with pytest.raises(HarnessError) as problem:
        run(root, path=path)
    assert str(problem.value) == f"the checkpoint {path} is damaged; remove it to train this row again"


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(Setting) if each.name != "epochs"])
def test_a_state_of_another_setting_is_one_sentence_with_what_differs(name: str, root: Path, tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_untrained(path)
    value = getattr(SETTING, name)
    other = not value if isinstance(value, bool) else value + 1 if isinstance(value, (int, float)) else f"other{value}"
    with pytest.raises(HarnessError) as problem:
        RowState(path, dataclasses.replace(SETTING, **{name: other}).of_every_epoch())
    assert f"is of another setting ({name} {value} there, {other} now)" in str(problem.value)
