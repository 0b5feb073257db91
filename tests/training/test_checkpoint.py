"""A checkpoint: what was saved last comes back whole, whatever happened while it was written, or not at all."""

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

import harness.files.sealed_tensors
from harness.store.store import Store
from harness.training.checkpoint import Checkpoint
from harness.training.recipe import Recipe
from harness.workers.pool import process_context

STATE = {
    "model/weight": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)),
    "model/count": torch.tensor(7),
    "stream/0": torch.Generator().manual_seed(0).get_state(),
    "log/seconds": torch.tensor(0.1, dtype=torch.float64),
    "log/correct": torch.tensor([[True, False]]),
    "so_far/test_errors": torch.empty(0, dtype=torch.float64),
}
LATER = {name: torch.zeros_like(tensor) for name, tensor in STATE.items()}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return Checkpoint(tmp_path / "deep" / "a.checkpoint", seconds_between=0)


def same(ours: dict[str, Tensor] | None, theirs: dict[str, Tensor]) -> bool:
    return (
        ours is not None
        and ours.keys() == theirs.keys()
        and all(torch.equal(ours[name], theirs[name]) and ours[name].dtype == theirs[name].dtype for name in ours)
    )


def files(checkpoint: Checkpoint) -> list[str]:
    return sorted(path.name for path in checkpoint.path.parent.iterdir())


def test_what_was_saved_last_is_loaded_bit_for_bit(checkpoint: Checkpoint) -> None:
    assert checkpoint.load() is None
    checkpoint.save(LATER)
    checkpoint.save(STATE)
    assert same(checkpoint.load(), STATE)
    assert files(checkpoint) == ["a.checkpoint"]


def test_tensors_come_back_whatever_their_layout_and_gradient(checkpoint: Checkpoint) -> None:
    image = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    checkpoint.save({"a": image.to(memory_format=torch.channels_last), "b": image[:, 1]})
    assert same(checkpoint.load(), {"a": image.detach(), "b": image[:, 1].detach()})


def test_nothing_is_left_of_a_removed_checkpoint_and_removing_twice_is_no_error(checkpoint: Checkpoint) -> None:
    checkpoint.save(STATE)
    checkpoint.remove()
    checkpoint.remove()
    assert checkpoint.load() is None
    assert files(checkpoint) == []


def test_it_is_due_so_many_seconds_after_the_last_save(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    checkpoint = Checkpoint(checkpoint.path, seconds_between=20)
    due = []
    for seconds in (0, 19.9, 0.2, 5):
        now += seconds
        due.append(checkpoint.due())
    assert due == [False, False, True, True]
    checkpoint.save(STATE)
    assert not checkpoint.due()
    now += 20
    assert checkpoint.due()


@pytest.mark.parametrize("length", [0, 7, 8, 100, -1])
def test_a_file_cut_short_is_none(checkpoint: Checkpoint, length: int) -> None:
    checkpoint.save(STATE)
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:length])
    assert checkpoint.load() is None


def test_every_flipped_bit_is_noticed(checkpoint: Checkpoint) -> None:
    checkpoint.save({name: STATE[name] for name in STATE if name != "stream/0"})
    intact = checkpoint.path.read_bytes()
    rng = random.Random(0)
    for _ in range(500):
        damaged = bytearray(intact)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        checkpoint.path.write_bytes(bytes(damaged))
        assert checkpoint.load() is None
    checkpoint.path.write_bytes(intact)
    assert checkpoint.load() is not None


def test_a_tensor_under_anothers_name_is_noticed(checkpoint: Checkpoint) -> None:
    checkpoint.save({"log/aaa": torch.zeros(2), "log/bbb": torch.zeros(2)})
    content = checkpoint.path.read_bytes()
    before, quoted, after = content.rpartition(b'"log/aaa"')
    assert quoted
    checkpoint.path.write_bytes(before + b'"log/aab"' + after)
    assert checkpoint.load() is None


def test_a_folder_in_its_place_is_none(checkpoint: Checkpoint) -> None:
    checkpoint.path.mkdir(parents=True)
    assert checkpoint.load() is None


def test_a_disk_that_is_full_leaves_the_old_one_and_no_litter(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(STATE)

    def full(state: dict[str, Tensor], path: str, metadata: dict[str, str]) -> None:
        Path(path).write_bytes(b"the beginning")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(harness.files.sealed_tensors, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(LATER)
    assert same(checkpoint.load(), STATE)
    assert files(checkpoint) == ["a.checkpoint"]


# Killed while it writes


def killed_while_writing(path: Path) -> None:
    checkpoint = Checkpoint(path)
    checkpoint.save(STATE)
    original = harness.files.sealed_tensors.save_file

    def half(state: dict[str, Tensor], private: str, metadata: dict[str, str]) -> None:
        original(state, private, metadata)
        os.truncate(private, os.path.getsize(private) // 2)
        os.kill(os.getpid(), signal.SIGKILL)

    harness.files.sealed_tensors.save_file = half
    checkpoint.save(LATER)


def killed_before_the_rename(path: Path) -> None:
    checkpoint = Checkpoint(path)
    checkpoint.save(STATE)
    os.replace = lambda *places: os.kill(os.getpid(), signal.SIGKILL)
    checkpoint.save(LATER)


@pytest.mark.parametrize("die", [killed_while_writing, killed_before_the_rename], ids=lambda die: die.__name__)
def test_a_kill_while_it_is_written_leaves_the_old_one(die: Callable[[Path], None], checkpoint: Checkpoint) -> None:
    process = process_context().Process(target=die, args=(checkpoint.path,))
    process.start()
    process.join(timeout=120)
    assert process.exitcode == -signal.SIGKILL
    assert same(checkpoint.load(), STATE)
    checkpoint.save(LATER)
    assert same(checkpoint.load(), LATER)
    checkpoint.remove()
    assert files(checkpoint) == []


# Whose it is


def test_each_recipe_has_a_checkpoint_of_its_own_named_by_its_key(tmp_path: Path) -> None:
    recipes = [Recipe(data_set="digits", network="mlp_1x8", learning_rate=0.1, seed=seed) for seed in (0, 1)]
    store = Store(tmp_path)
    paths = [store.checkpoint(recipe).path for recipe in recipes]
    assert paths[0] != paths[1]
    assert all(recipe.key in path.name for recipe, path in zip(recipes, paths, strict=True))
