"""A private folder goes when its writer is done; what a killed process left is swept, and nothing else."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from harness.files.private_folder import abandoned, of_other_machines, private_folder, sweep


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_is_new_and_goes_with_all_that_is_left_in_it(tmp_path: Path) -> None:
    beside = tmp_path / "deep" / "tmp"
    with private_folder(beside) as one, private_folder(beside) as other:
        assert one != other
        assert one.parent == other.parent == beside
        (one / "file").touch()
        assert abandoned(beside) == of_other_machines(beside) == []
    assert names(beside) == []


def test_it_goes_also_when_its_writer_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), private_folder(tmp_path):
        raise RuntimeError
    assert names(tmp_path) == []


def die_within(beside: Path) -> None:
    with private_folder(beside) as folder:
        (folder / "half").touch()
        os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_process_left_is_swept_and_what_lives_or_is_anothers_stays(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=die_within, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    foreign, plain = tmp_path / "0123456789ab-1-1-x", tmp_path / "a.checkpoint"
    foreign.mkdir()
    plain.touch()
    with private_folder(tmp_path) as own:
        assert abandoned(tmp_path) == [left]
        assert of_other_machines(tmp_path) == [foreign]
        sweep(tmp_path)
        assert names(tmp_path) == sorted([own.name, foreign.name, plain.name])


def test_sweeping_where_there_is_no_folder_is_not_an_error(tmp_path: Path) -> None:
    sweep(tmp_path / "none")
