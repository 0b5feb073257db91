"""Which measures a change adds, alters or removes: by registration and source digest, not by the names of its files.

A digest covers the measure's file and what it shares with others, so a change to a shared quantity alters every measure
that uses it.
"""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.leaderboard.proposal.registered import LITERALS, Registered

BASELINES = "baselines"
LISTING = Path(__file__).with_name("registered.py")


@dataclasses.dataclass(frozen=True)
class Changes:
    """Names of measures, and the record files (relative to the checkout) that are not as in the base."""

    added: tuple[str, ...]
    altered: tuple[str, ...]
    removed: tuple[str, ...]
    records: tuple[Path, ...]

    @property
    def nothing(self) -> bool:
        return not (self.added or self.altered or self.removed or self.records)


def merge_base(root: Path, base: str) -> str:
    """The commit from which HEAD and `base` went apart. HarnessError where there is none."""
    try:
        return _git(root, "merge-base", base, "HEAD").decode().strip()
    except HarnessError as problem:
        raise HarnessError(
            f"--base {base} is not a commit that HEAD has a history in common with ({problem}); fetch it, or name "
            "another"
        ) from problem


@contextlib.contextmanager
def tree_of(root: Path, commit: str) -> Iterator[Path]:
    """The files of a commit, in a folder that goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="base-") as folder:
        tree = Path(folder) / "tree"
        tree.mkdir()
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}  # not the checkout's own
        _git(root, "read-tree", commit, **index)
        _git(root, "checkout-index", "--all", f"--prefix={tree}/", **index)
        yield tree


def registered_in(tree: Path, by_literals: bool = False) -> dict[str, Registered]:
    """The measures of a tree, by its own harness, in a process of its own. HarnessError if it cannot say.

    `by_literals`: as their files declare them, without importing any.
    """
    command = [sys.executable, "-P", str(LISTING)]  # -P: nothing but what the file puts first
    command += [LITERALS] if by_literals else []
    result = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        last = (result.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise HarnessError(f"the measures of {tree} cannot be listed: {last}")
    listed = [measure | {"files": tuple(measure["files"])} for measure in json.loads(result.stdout)]
    return {measure["name"]: Registered(**measure) for measure in listed}


def changes(here: Mapping[str, Registered], there: Mapping[str, Registered], records: tuple[Path, ...] = ()) -> Changes:
    """What `here` has that `there`, the base, has not, or otherwise."""
    both = sorted(here.keys() & there.keys())
    return Changes(
        added=tuple(sorted(here.keys() - there.keys())),
        altered=tuple(
            name
            for name in both
            if (here[name].source_sha256, here[name].version) != (there[name].source_sha256, there[name].version)
        ),
        removed=tuple(sorted(there.keys() - here.keys())),
        records=records,
    )


def changed_records(root: Path, commit: str) -> tuple[Path, ...]:
    """The files under baselines/ that differ from the commit, or are not tracked; removed ones too."""
    found = changed_files(root, commit, BASELINES)
    return tuple(sorted(path for path in found if path.suffix == ".json" and len(path.parts) == 3))


def changed_files(root: Path, commit: str, below: str = ".") -> frozenset[Path]:
    """The files that differ from the commit, or are not tracked; removed ones too."""
    differ = _git(root, "diff", "--name-only", "-z", "--no-renames", commit, "--", below)
    untracked = _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", below)
    return frozenset(Path(name) for text in (differ, untracked) for name in text.decode().split("\0") if name)


def _git(root: Path, *arguments: str, **environment: str) -> bytes:
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=True, env=os.environ | environment).stdout
    except FileNotFoundError as cause:
        raise HarnessError("git is not installed; it says what a change changes") from cause
    except subprocess.CalledProcessError as cause:
        lines: list[Any] = cause.stderr.decode(errors="replace").strip().splitlines() or [f"git {arguments[0]} failed"]
        raise HarnessError(str(lines[0])) from cause
