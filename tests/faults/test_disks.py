"""A disk that fills, a cache that may only be read: a sentence says so, nothing is half written, nothing is lost."""

import dataclasses
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from harness.settings import make_settings
from harness.zoo.build import build
from tests.faults.conftest import RECIPES, ROOT, digests, litter

pytestmark = pytest.mark.slow

# In a namespace of its own anybody may mount; what is mounted there is gone with the last process in it.
UNSHARE = ["unshare", "--mount", "--map-root-user"]


def mounting() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "none", "/tmp"], capture_output=True).returncode == 0


needs_mounting = pytest.mark.skipif(not mounting(), reason="no file system can be mounted here (unshare --mount)")


MOUNT = """
    mount -t tmpfs -o size=300k none "$1/small"
    mount -t tmpfs -o size=16k none "$1/tiny"
    mount --bind "$1/cache" "$1/below"
    mount -o remount,bind,ro "$1/below"
    "$PYTHON" "$FILE" "$1"
    cp -r "$1/small" "$1/copy"
"""

# One process does all three: it imports torch, and so does the server that its workers are forked from.
INSIDE = """
    import sys
    from pathlib import Path
    import torch
    from harness.errors import HarnessError
    from harness.settings import make_settings
    from harness.store.store import store_of
    from harness.training.checkpoint import Checkpoint
    from harness.training.train import train
    from harness.zoo.build import build
    from tests.faults.conftest import RECIPES

    def fills(folder):
        try:
            build(RECIPES, make_settings(folder / "small", workers=2), print, progress=False)
        except HarnessError as problem:
            print(problem)

    def has_no_room_for_a_state(folder):
        checkpoint = Checkpoint(folder / "tiny" / "a.checkpoint", seconds_between=0)
        checkpoint.save({"weights": torch.ones(10)})
        try:
            checkpoint.save({"weights": torch.zeros(100_000)})
        except OSError as problem:
            print(problem)
        outcomes = [train(RECIPES[0], folder / "data", checkpoint=kept)[1] for kept in (checkpoint, None)]
        print(outcomes[0].steps == outcomes[1].steps > 0, outcomes[0].train_loss == outcomes[1].train_loss)
        print(len(checkpoint.load()["weights"]), len(list(checkpoint.path.parent.iterdir())))

    def may_only_be_read(folder):
        try:
            make_settings(folder / "below")
        except HarnessError as problem:
            print(problem)
        settings = make_settings(folder / "own", workers=2, shared_cache=folder / "below")
        found = build(RECIPES, settings, progress=False)
        store = store_of(settings)
        print(len(found), sum(store.folder(recipe).exists() for recipe in RECIPES))
        assert all(store.verify(recipe) == found[recipe] for recipe in RECIPES)
        store.load(RECIPES[0], settings.data_dir)

    if __name__ == "__main__":
        torch.set_num_threads(1)
        for part in (fills, has_no_room_for_a_state, may_only_be_read):
            part(Path(sys.argv[1]))
            print("---")
"""


@dataclasses.dataclass(frozen=True)
class Said:
    """What each part printed, and the folder that they ran in."""

    folder: Path
    fills: str
    has_no_room_for_a_state: str
    may_only_be_read: str


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Said:
    """A run in a namespace that has a small disk, a tiny one, and a cache of five models that may only be read."""
    folder = tmp_path_factory.mktemp("disks")
    for name in ("small", "tiny", "below"):
        (folder / name).mkdir()
    build(RECIPES[:5], make_settings(cache_dir=str(folder / "cache"), workers=2), progress=False)
    file = folder / "inside.py"
    file.write_text(textwrap.dedent(INSIDE))
    result = subprocess.run(
        [*UNSHARE, "sh", "-e", "-c", textwrap.dedent(MOUNT), "sh", str(folder)],
        env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHON": sys.executable,
            "FILE": str(file),
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    fills, has_no_room, may_only_be_read, _ = result.stdout.split("---\n")
    return Said(folder, fills, has_no_room, may_only_be_read)


@needs_mounting
@pytest.mark.long
def test_a_disk_that_fills_keeps_what_was_stored_and_leaves_no_half(said: Said, undisturbed: dict[str, str]) -> None:
    """Some models have room on it, not all; what is there is copied to where there is room, for another run."""
    disk, copy = said.folder / "small", said.folder / "copy"
    assert f"could not be stored under {disk} (No space left on device)" in said.fills
    assert "what was trained before it is kept: make room" in said.fills
    there = digests(copy)
    assert 0 < len(there) < len(RECIPES)
    assert there.items() <= undisturbed.items()
    assert litter(copy) == []
    build(RECIPES, make_settings(cache_dir=str(copy), workers=2), progress=False)
    assert digests(copy) == undisturbed


@needs_mounting
@pytest.mark.long
def test_a_training_goes_on_where_its_state_has_no_room(said: Said) -> None:
    sentence, equal, what_is_there = said.has_no_room_for_a_state.splitlines()
    assert "could not be written" in sentence and "No space left on device" in sentence
    assert (equal, what_is_there) == ("True True", "10 1")


@needs_mounting
def test_a_cache_that_may_only_be_read_is_refused_and_serves_as_a_shared_one(
    said: Said, undisturbed: dict[str, str]
) -> None:
    refusal, counts = said.may_only_be_read.splitlines()
    assert f"the cache folder {said.folder / 'below'} cannot be written (Read-only file system)" in refusal
    assert "as --shared-cache to use what it has" in refusal
    assert counts == f"{len(RECIPES)} {len(RECIPES) - 5}"
    assert digests(said.folder / "cache") | digests(said.folder / "own") == undisturbed
