"""What a proposal works in: a checkout. An installation has neither tests nor a history."""

from pathlib import Path

from harness.errors import HarnessError


def in_a_checkout(root: Path) -> bool:
    """Whether the folder is a checkout of this project."""
    return (root / "tests" / "measures").is_dir() and (root / "measures").is_dir()


def check_checkout(root: Path, command: str) -> None:
    """HarnessError if it is not."""
    if not in_a_checkout(root):
        raise HarnessError(
            f"{root} is not a checkout of shatterproof: it has no tests/measures, and {command} works in one; clone it "
            "first (a measure in a file of your own needs none: shatterproof judge ./mine.py::my_measure)"
        )
