"""What the tests of Table 2's rows share: a network that stands still, states, and the command line."""

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from harness.paper.imagenet.processes import Processes
from harness.paper.imagenet.setting import optimizer
from harness.paper.imagenet.state import Accuracies, RowState
from tests.builders.image_training import ALONE, SETTING


class Constant(nn.Module):
    """The same logits for every image, which training leaves (almost) as they are; counts what it is shown."""

    def __init__(self, logits: list[float]):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))
        self.shown: dict[str, int] = {"training": 0, "measuring": 0}

    def forward(self, x: Tensor) -> Tensor:
        self.shown["training" if self.training else "measuring"] += len(x)
        return self.logits.expand(len(x), -1)


STILL = dataclasses.replace(SETTING, learning_rate=1e-30, epochs=1)


def constant_network(logits: list[float]) -> Callable[..., nn.Module]:
    return lambda num_classes, image_size, dropout, seed: Constant(logits)


def state_bytes(path: Path) -> dict[str, bytes]:
    """A kept state's tensors, the seconds left out."""
    tensors = load_file(path)
    about = json.loads(bytes(tensors.pop("about").tolist()))
    del about["seconds"]
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()} | {"about": json.dumps(about).encode()}


class Unconnected(Processes):
    """One of several processes, whose others are not there."""

    def parallel(self, model: nn.Module) -> nn.Module:
        return model

    def total(self, counts: Tensor) -> Tensor:
        return counts

    def wait(self) -> None:
        pass

    def average(self, tensors: object) -> None:
        pass


FIRST, SECOND = (Unconnected(rank, 2, ALONE.device) for rank in (0, 1))


def write_untrained(path: Path, seconds: float = 1.0) -> None:
    """A state of SETTING after an epoch that changed nothing."""
    model = nn.Linear(1, 1)
    sgd = optimizer(model, SETTING)
    for parameter in model.parameters():
        sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    state = RowState(path, SETTING.of_every_epoch())
    state.note(HISTORY[0], seconds)
    state.write(model, sgd)


HISTORY = (
    Accuracies(10, 50.0, 80.0, 60.0, 90.5),
    Accuracies(20, 99.0, 100.0, 59.0, 91.0),
    Accuracies(30, 99.5, 100, 58, 80),
)


def of_command(root: Path, folder: Path, *options: object) -> list[str]:
    common = ["--data-dir", root, "--cache-dir", folder / "cache", "--out", folder, "--image-size", 75, "--workers", 0]
    return [str(each) for each in ["-m", "harness", "paper", "imagenet", *common, "--batch-size", 6, *options]]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}
