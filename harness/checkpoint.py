"""A training that takes long keeps its state on disk, so that after a kill it goes on as if nothing had happened.

One safetensors file, written privately and moved into place in one rename, with a sha256 of its tensors in its header.
All of the state is tensors; nothing that can execute is ever loaded.
"""

import os
import time
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from harness.private_folder import private_folder, sweep
from harness.sources import digest_tensors

SECONDS_BETWEEN = 20.0  # writing 20 MB takes a few hundredths of one


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
        try:
            with safe_open(str(self.path), framework="pt") as file:
                state = {name: file.get_tensor(name) for name in file.keys()}
                sha256 = (file.metadata() or {}).get("sha256")
        except (OSError, SafetensorError):
            return None
        return state if sha256 == _digest(state) else None

    def save(self, state: dict[str, Tensor]) -> None:
        """Keep the state in place of the one before. OSError if there is no room; the one before stays."""
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
        with private_folder(self.path.parent) as folder:
            private = folder / self.path.name
            try:
                save_file(state, str(private), metadata={"sha256": _digest(state)})
            except SafetensorError as cause:  # a full disk as well
                raise OSError(f"{self.path} could not be written: {cause}") from cause
            with open(private, "rb") as file:
                os.fsync(file.fileno())
            os.replace(private, self.path)
        self.saved = time.monotonic()

    def remove(self) -> None:
        """It, and what a kill while writing left beside it."""
        self.path.unlink(missing_ok=True)
        sweep(self.path.parent)


def _digest(state: dict[str, Tensor]) -> str:
    names = sorted(state)
    return digest_tensors(*[state[name] for name in names]) + ":" + ",".join(names)
