"""Tiny trees of images that know their own index, tiny networks, and a training on them; under torchrun, by each rank.

`torchrun --nproc-per-node=2 -m tests.builders.image_training ROOT FOLDER`
"""

import dataclasses
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from harness.paper.imagenet.image_stream import ImageStream
from harness.paper.imagenet.image_tree import read_tree
from harness.paper.imagenet.processes import Processes, process_group
from harness.paper.imagenet.setting import Setting
from harness.paper.imagenet.state import RowState
from harness.paper.imagenet.train import train

SIZE = 16  # pixels
STEP = 12  # image i has the grey value 12 · i: up to 21 images can be told apart
NUM_TRAIN, NUM_TEST = 18, 9  # of `make_tree` as it is by default
ALONE = Processes(0, 1, torch.device("cpu"))


def make_tree(root: Path, classes: int = 3, train: int = 6, test: int = 3) -> Path:
    """root/train and root/val with so many images of each class, of different sizes, each of its own grey; where there
    are more than greys, of its own colour."""
    for split, per_class in (("train", train), ("val", test)):
        for index in range(classes * per_class):
            label, number = divmod(index, per_class)
            folder = root / split / f"n{label:02}"
            folder.mkdir(parents=True, exist_ok=True)
            size = (20 + 3 * number, 34 - 2 * (label % 10))
            Image.new("RGB", size, colour_of(index)).save(folder / f"{number:02}.png")
    return root


def colour_of(index: int) -> tuple[int, int, int]:
    grey = STEP * index
    return (grey, grey, grey) if grey < 256 else (index % 256, 60 * (index // 256), 128)


def indices(images: Tensor) -> list[int]:
    """Which images of `make_tree` a batch (n, 3, size, size) of plain ones holds."""
    values = images.flatten(1)
    assert torch.equal(values.amin(dim=1), values.amax(dim=1))
    return [value // STEP for value in values[:, 0].tolist()]


def plain_network(num_classes: int, image_size: int, dropout: float, seed: int) -> nn.Module:
    """Without batch normalization: one process and two compute the same."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, num_classes)
        )


def normalized_network(num_classes: int, image_size: int, dropout: float, seed: int) -> nn.Module:
    """With batch normalization and dropout."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(16, num_classes),
        )


NETWORKS = {"plain": plain_network, "normalized": normalized_network}

SETTING = Setting(
    row="inception_v3",
    augmentation=False,
    dropout=False,
    weight_decay=False,
    labels="true",
    listing_sha256="",
    seed=0,
    epochs=3,
    batch_size=6,
    image_size=SIZE,
    learning_rate=20.0,
    precision="float32",
    processes=1,
)
EVERYTHING = dataclasses.replace(SETTING, augmentation=True, dropout=True, weight_decay=True, labels="random")


def run(
    root: Path,
    setting: Setting = SETTING,
    path: Path | None = None,
    network: Any = plain_network,
    processes: Processes = ALONE,
    workers: int = 0,
    say: Callable[[str], None] = lambda text: None,
) -> tuple[nn.Module, RowState]:
    """Train on the tree under `root`, with the state kept at `path` if one is given; the network, and that state."""
    made: list[nn.Module] = []

    def noted(*arguments: Any) -> nn.Module:
        made.append(network(*arguments))
        return made[0]

    stream = ImageStream(
        read_tree(root),
        image_size=setting.image_size,
        seed=setting.seed,
        labels=setting.labels,
        augmentation=setting.augmentation,
        workers=workers,
        rank=processes.rank,
        world_size=processes.count,
    )
    with tempfile.TemporaryDirectory() as folder:
        state = RowState(path or Path(folder) / "state", setting.of_every_epoch())
        train(setting, stream, processes, state, noted, say)
    return (made[0] if made else network(3, SIZE, 0.0, 0)), state


def main(root: str, folder: str) -> None:
    """Train both networks, at once and with a stop after an epoch; each rank writes the weights it ends with."""
    torch.set_num_threads(1)
    with process_group("cpu") as processes:
        setting = dataclasses.replace(EVERYTHING, processes=processes.count)
        for name, network in NETWORKS.items():
            kept = Path(folder) / f"{name}-of-{processes.count}"
            model, _ = run(Path(root), setting, kept / "at_once", network, processes)
            run(Path(root), dataclasses.replace(setting, epochs=1), kept / "resumed", network, processes)
            run(Path(root), setting, kept / "resumed", network, processes)
            weights = {key: value.contiguous() for key, value in model.state_dict().items()}
            save_file(weights, kept / f"rank{processes.rank}")


if __name__ == "__main__":
    main(*sys.argv[1:])
