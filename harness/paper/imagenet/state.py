"""What a row of table 2 has come to, kept on disk after every epoch, so that a run goes on where it was killed."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.training.checkpoint import Checkpoint


@dataclasses.dataclass(frozen=True)
class Accuracies:
    """In percent, after so many steps: top-1 and top-5, of training and test images."""

    steps: int
    train_top1: float
    train_top5: float
    test_top1: float
    test_top5: float


class RowState:
    """The history of a row so far, and its file: weights, momentum, batch normalization's statistics, history.

    No random state: what is drawn is a function of the seed and the epoch. The file is replaced in one rename and its
    contents are verified; nothing that can execute is in it. `setting` is all that determines the row, as JSON values.

    HarnessError where there is a file at `path` that is damaged, or is of another setting.
    """

    def __init__(self, path: Path, setting: dict[str, Any]):
        self.path, self.setting = path, setting
        self.history: list[Accuracies] = []
        self.earlier_seconds = self.seconds = 0.0
        self._tensors: dict[str, Tensor] = {}
        if not path.exists():
            return
        kept = Checkpoint(path).load()
        if kept is None or "about" not in kept:
            raise HarnessError(f"the checkpoint {path} is damaged; remove it to train this row again")
        about = json.loads(bytes(kept.pop("about").tolist()))
        self._check(about["setting"])
        self.history = [Accuracies(**epoch) for epoch in about["history"]]
        self.earlier_seconds = self.seconds = about["seconds"]
        self._tensors = kept

    @property
    def epochs(self) -> int:
        """How many are done."""
        return len(self.history)

    def best(self) -> tuple[float, float]:
        """The best test accuracies along training, top-1 and top-5, each by itself: what stopping early would gain."""
        return max(epoch.test_top1 for epoch in self.history), max(epoch.test_top5 for epoch in self.history)

    def note(self, accuracies: Accuracies, seconds: float) -> None:
        """Add an epoch, at the end of which `seconds` had passed since training began or went on."""
        self.history.append(accuracies)
        self.seconds = self.earlier_seconds + seconds

    def write(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        about = {
            "setting": self.setting,
            "history": [dataclasses.asdict(epoch) for epoch in self.history],
            "seconds": self.seconds,
        }
        text = bytearray(json.dumps(about, allow_nan=False).encode())
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        for name, parameter in model.named_parameters():
            tensors[f"momentum.{name}"] = optimizer.state[parameter]["momentum_buffer"]
        Checkpoint(self.path).save({**tensors, "about": torch.frombuffer(text, dtype=torch.uint8)})

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Bring both to where the file had them, if there was one."""
        if not self._tensors:
            return
        with torch.no_grad():
            for name, tensor in model.state_dict().items():
                tensor.copy_(self._tensors[f"model.{name}"])
            for name, parameter in model.named_parameters():
                buffer = torch.empty_like(parameter).copy_(self._tensors[f"momentum.{name}"])
                optimizer.state[parameter]["momentum_buffer"] = buffer
        self._tensors = {}

    def _check(self, kept: dict[str, Any]) -> None:
        names = [name for name in {**kept, **self.setting} if kept.get(name) != self.setting.get(name)]
        if names:
            what = ", ".join(f"{name} {kept.get(name)} there, {self.setting.get(name)} now" for name in names)
            raise HarnessError(
                f"the checkpoint {self.path} is of another setting ({what}); ask for the same, remove it, or choose "
                "another --cache-dir"
            )
