"""A training that takes long keeps its state on disk, so that after a kill it goes on as if nothing had happened."""

import time
from pathlib import Path

from torch import Tensor

from harness.files.private_folder import sweep
from harness.files.sealed_tensors import read_sealed, write_sealed

SECONDS_BETWEEN = 20.0  # a save takes a small part of it


class Checkpoint:
    """The file at `path`: `load` what is there, `save` when `due`, `remove` when the training is over."""

    def __init__(self, path: Path, seconds_between: float = SECONDS_BETWEEN):
        self.path, self.seconds_between = path, seconds_between
        self.saved = time.monotonic()

    def due(self) -> bool:
        """Whether enough time has passed since the last save."""
        return time.monotonic() - self.saved >= self.seconds_between

    def load(self) -> dict[str, Tensor] | None:
        """The state that was saved last; None where there is none, or it is not what was saved."""
        kept = read_sealed(self.path)
        return None if kept is None else kept.tensors

    def save(self, state: dict[str, Tensor]) -> None:
        """Keep the state in place of the one before. OSError if there is no room; the one before stays."""
        write_sealed(self.path, state)
        self.saved = time.monotonic()

    def remove(self) -> None:
        """It, and what a kill while writing left beside it."""
        self.path.unlink(missing_ok=True)
        sweep(self.path.parent)
