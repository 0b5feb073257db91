"""A disk that fills, a cache that may only be read: a sentence says so, nothing is half written, nothing is lost."""

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from harness.build import build
from harness.settings import Settings, make_settings
from tests.faults.conftest import RECIPES, ROOT, digests, litter

pytestmark = pytest.mark.slow

# In a namespace of its own anybody may mount; what is mounted there is gone with the last process in it.
UNSHARE = ["unshare", "--mount", "--map-root-user"]


def mounting() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "none", "/tmp"], capture_output=True).returncode == 0


needs_mounting = pytest.mark.skipif(not mounting(), reason="no file system can be mounted here (unshare --mount)")


def in_a_namespace(script: str, python: str, tmp_path: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run a shell script, with `$PYTHON FILE` for the Python code in it."""
    file = tmp_path / "inside.py"
    file.write_text(textwrap.dedent(python))
    return subprocess.run(
        [*UNSHARE, "sh", "-e", "-c", textwrap.dedent(script), "sh", *map(str, arguments)],
        env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHON": sys.executable,
            "FILE": str(file),
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
    )


BUILD = """
    import sys
    from harness.build import build
    from harness.errors import HarnessError
    from harness.settings import make_settings
    from tests.faults.conftest import RECIPES
    if __name__ == "__main__":
        try:
            build(RECIPES, make_settings(*sys.argv[1:2], workers=2), print, progress=False)
        except HarnessError as problem:
            print(problem)
"""


@needs_mounting
def test_a_disk_that_fills_keeps_what_was_stored_and_leaves_no_half(
    tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    """Some models have room on it, not all; what is there is copied to where there is room, for another run."""
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    disk.mkdir()
    result = in_a_namespace(
        """
        mount -t tmpfs -o size=300k none "$1"
        "$PYTHON" "$FILE" "$1"
        cp -r "$1" "$2"
        """,
        BUILD,
        tmp_path,
        disk,
        copy,
    )
    assert result.returncode == 0, result.stderr
    assert f"could not be stored under {disk} (No space left on device)" in result.stdout
    assert "what was trained before it is kept: make room" in result.stdout
    there = digests(copy)
    assert 0 < len(there) < len(RECIPES)
    assert there.items() <= undisturbed.items()
    assert litter(copy) == []
    build(RECIPES, make_settings(cache_dir=str(copy), workers=2), progress=False)
    assert digests(copy) == undisturbed


@needs_mounting
def test_a_training_goes_on_where_its_state_has_no_room(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    result = in_a_namespace(
        """
        mount -t tmpfs -o size=16k none "$1"
        "$PYTHON" "$FILE" "$1" "$2"
        """,
        """
        import sys
        from pathlib import Path
        import torch
        from harness.checkpoint import Checkpoint
        from harness.train import train
        from tests.faults.conftest import RECIPES
        checkpoint = Checkpoint(Path(sys.argv[1]) / "a.checkpoint", seconds_between=0)
        checkpoint.save({"weights": torch.ones(10)})
        try:
            checkpoint.save({"weights": torch.zeros(100_000)})
        except OSError as problem:
            print(problem)
        outcomes = [train(RECIPES[0], Path(sys.argv[2]), checkpoint=each)[1] for each in (checkpoint, None)]
        print(outcomes[0].steps == outcomes[1].steps > 0, outcomes[0].train_loss == outcomes[1].train_loss)
        print(len(checkpoint.load()["weights"]), len(list(checkpoint.path.parent.iterdir())))
        """,
        tmp_path,
        tmp_path / "disk",
        tmp_path / "data",
    )
    assert result.returncode == 0, result.stderr
    sentence, equal, what_is_there = result.stdout.splitlines()
    assert "could not be written" in sentence and "No space left on device" in sentence
    assert (equal, what_is_there) == ("True True", "10 1")


@needs_mounting
def test_a_cache_that_may_only_be_read_is_refused_and_serves_as_a_shared_one(
    tmp_path: Path, settings: Settings, undisturbed: dict[str, str]
) -> None:
    build(RECIPES[:5], settings, progress=False)
    below, own = tmp_path / "below", tmp_path / "own"
    below.mkdir()
    result = in_a_namespace(
        """
        mount --bind "$1" "$2"
        mount -o remount,bind,ro "$2"
        "$PYTHON" "$FILE" "$2" "$3"
        """,
        """
        import sys
        from pathlib import Path
        from harness.build import build
        from harness.errors import HarnessError
        from harness.settings import make_settings
        from harness.store import store_of
        from tests.faults.conftest import RECIPES
        if __name__ == "__main__":
            try:
                make_settings(sys.argv[1])
            except HarnessError as problem:
                print(problem)
            settings = make_settings(sys.argv[2], workers=2, shared_cache=sys.argv[1])
            trained = []
            found = build(RECIPES, settings, progress=False)
            store = store_of(settings)
            print(len(found), sum(store.folder(recipe).exists() for recipe in RECIPES))
            assert all(store.verify(recipe) == found[recipe] for recipe in RECIPES)
            store.load(RECIPES[0], settings.data_dir)
        """,
        tmp_path,
        settings.cache_dir,
        below,
        own,
    )
    assert result.returncode == 0, result.stderr
    refusal, counts = result.stdout.splitlines()
    assert f"the cache folder {below} cannot be written (Read-only file system)" in refusal
    assert "as --shared-cache to use what it has" in refusal
    assert counts == f"{len(RECIPES)} {len(RECIPES) - 5}"
    assert digests(settings.cache_dir) | digests(own) == undisturbed
