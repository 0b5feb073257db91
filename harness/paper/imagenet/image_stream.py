"""Images by the million: decoded from class folders while the network trains, in an order that a seed determines.

What is drawn at random is a function of (seed, epoch, index of the image), never of who decodes it: the number of
decoding processes, of training processes, and an interruption change nothing.

Prepared as for TensorFlow's Inception networks (values in [-1, 1]; training crops of 5 to 100% of the area, mirrored,
recoloured; test images by their central 87.5%). Differs from them:
1. the shorter side is brought to size / 0.875 before the central crop, so that images keep their proportions;
2. brightness is scaled, not shifted, by up to 32/255, and the four changes of colour come in any order;
3. images are resized bilinearly with antialiasing, always.
"""

import multiprocessing
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate
from torchvision.datasets.folder import pil_loader
from torchvision.transforms import v2

from harness.errors import HarnessError
from harness.paper.imagenet.image_tree import ImageTree, SplitName
from measures.seeding import seeded_generator

CENTRAL_SHARE = 0.875
Request = tuple[SplitName, int, int | None]
"""An image to decode: its split, its index there, and the epoch it is augmented for (None: as it is)."""


def random_labels(num_images: int, num_classes: int, seed: int) -> Tensor:
    """Uniform labels (num_images,), fixed once: a function of the seed and of the image's index alone."""
    return torch.randint(num_classes, (num_images,), generator=seeded_generator(seed, "labels"))


def training_batches(num_images: int, batch_size: int, seed: int, epoch: int, rank: int, world_size: int) -> Tensor:
    """Indices (steps, batch_size / world_size) of the images that one of the processes trains on in an epoch.

    Each step has the same `batch_size` images however many processes share them; what is left over after the last full
    batch, other images in every epoch, is not trained on.
    """
    order = torch.randperm(num_images, generator=seeded_generator(seed, f"order{epoch}"))
    steps = num_images // batch_size
    return order[: steps * batch_size].view(steps, world_size, batch_size // world_size)[:, rank]


def to_inputs(images: Tensor) -> Tensor:
    """Bytes (n, 3, size, size) to a network's inputs, float32 in [-1, 1]."""
    return images.to(torch.float32) / 127.5 - 1


class ImageStream:
    """Batches of one process: images (n, 3, size, size) uint8 with labels (n,), from one pool of decoding processes.

    `workers` 0 decodes in the process itself. With `labels` "random" the training labels are `random_labels`; test
    labels stay clean.
    """

    def __init__(
        self,
        tree: ImageTree,
        *,
        image_size: int,
        seed: int,
        labels: str = "true",
        augmentation: bool = False,
        workers: int = 0,
        rank: int = 0,
        world_size: int = 1,
        pin_memory: bool = False,
    ):
        train_labels = tree.train.labels
        if labels == "random":
            train_labels = random_labels(len(tree.train), len(tree.classes), seed)
        self.tree, self.seed, self.augmentation = tree, seed, augmentation
        self.rank, self.world_size = rank, world_size
        self._requests = _Requests()
        self._loader = DataLoader(
            _Decoder(tree, train_labels, image_size, seed),
            batch_sampler=self._requests,
            num_workers=workers,
            persistent_workers=workers > 0,
            multiprocessing_context=_context() if workers else None,
            collate_fn=_collated,
            pin_memory=pin_memory,
            generator=torch.Generator(),  # else a seed for the workers is drawn from the global one
        )

    def training(self, epoch: int, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's share of every batch of `batch_size` in an epoch. HarnessError names a broken image."""
        batches = training_batches(len(self.tree.train), batch_size, self.seed, epoch, self.rank, self.world_size)
        drawn_for = epoch if self.augmentation else None
        return self._batches([("train", index, drawn_for) for index in batch] for batch in _lists(batches))

    def plain(self, split: SplitName, indices: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's share of the images at `indices`, without augmentation; shares differ by one image at most."""
        batches = indices[self.rank :: self.world_size].split(batch_size)
        return self._batches([(split, index, None) for index in batch] for batch in _lists(batches))

    def _batches(self, requests: Iterable[list[Request]]) -> Iterator[tuple[Tensor, Tensor]]:
        self._requests.batches = requests
        for batch in self._loader:
            if isinstance(batch, str):
                raise HarnessError(batch)
            yield batch


class _Requests:
    """What the loader hands to its workers next; it asks again for every pass."""

    batches: Iterable[list[Request]] = ()

    def __iter__(self) -> Iterator[list[Request]]:
        return iter(self.batches)


class _Decoder(Dataset[Any]):
    """Turns a request into an image and its label; into a sentence where the image is broken.

    An exception would reach the training process with a traceback for a message.
    """

    def __init__(self, tree: ImageTree, train_labels: Tensor, image_size: int, seed: int):
        self.splits = {"train": tree.train, "test": tree.test}
        self.labels = {"train": train_labels, "test": tree.test.labels}
        self.seed = seed
        self.plain = v2.Compose([v2.Resize(round(image_size / CENTRAL_SHARE)), v2.CenterCrop(image_size)])
        self.augmented = v2.Compose(
            [
                v2.RandomResizedCrop(image_size, scale=(0.05, 1.0), ratio=(0.75, 1.33)),
                v2.RandomHorizontalFlip(),
                v2.ColorJitter(brightness=32 / 255, contrast=0.5, saturation=0.5, hue=0.2),
            ]
        )

    def __getitem__(self, request: Request) -> tuple[Tensor, Tensor] | str:
        split, index, epoch = request
        path = self.splits[split].path(index)
        try:
            image = pil_loader(path)
        except Exception as cause:  # a decoder fails on a broken file in any way it likes
            reason = (str(cause) or type(cause).__name__).splitlines()[0]
            return f"{path} cannot be read as an image ({reason}); replace it, or remove it from the tree"
        if epoch is None:
            changed = self.plain(image)
        else:
            with torch.random.fork_rng(devices=[]):
                drawn = seeded_generator(self.seed, f"augmentation{epoch}:{index}").initial_seed()
                torch.default_generator.manual_seed(drawn)
                changed = self.augmented(image)
        return v2.functional.pil_to_tensor(changed), self.labels[split][index]


def _collated(items: list[tuple[Tensor, Tensor] | str]) -> Any:
    broken = [item for item in items if isinstance(item, str)]
    return broken[0] if broken else default_collate(items)


def _lists(batches: Iterable[Tensor]) -> Iterator[list[int]]:
    return (batch.tolist() for batch in batches)


def _context() -> Any:
    """How decoding processes start: never forked from one that has threads, or an accelerator, open."""
    if sys.platform != "linux" or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["harness.worker_imports", "harness.paper.imagenet.image_stream"])
    return context
