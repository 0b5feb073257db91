"""What a network is trained on, and the batches that each epoch makes of it: their order, and their random changes."""

import dataclasses
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from harness.training.augmentation import augmented, randomly_cropped
from harness.training.data_set import DataSet
from harness.training.recipe import Recipe

Labelled = tuple[Tensor, Tensor]
"""Inputs (n, ...) and labels (n,)."""


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """The training set, on the device that trains: inputs (n, ...) float32, labels (n,) int64.

    - `attack`: trained on as well; stopping loss and history are of the others.
    - `uncropped`: the images (n, ...) from which an augmentation makes its inputs.
    - `watched`: not trained on; the error on them is noted after every epoch, in the precision of training.
    """

    inputs: Tensor
    labels: Tensor
    num_classes: int
    attack: Labelled | None = None
    uncropped: Tensor | None = None
    watched: Labelled | None = None

    @classmethod
    def of(cls, data: DataSet, device: str, watched: Labelled | None) -> "Examples":
        """A data set's, moved to the device."""
        attack = None
        if data.attack_inputs is not None and data.attack_labels is not None:
            attack = data.attack_inputs.to(device), data.attack_labels.to(device)
        return cls(
            data.train_inputs.to(device),
            data.train_labels.to(device),
            data.num_classes,
            attack,
            None if data.uncropped is None else data.uncropped.to(device),
            watched,
        )


class Batches:
    """The batches of a recipe's training. `order` and `crops` are the random streams that they are drawn from."""

    def __init__(self, recipe: Recipe, examples: Examples, reseed: int):
        self.recipe, self.uncropped = recipe, examples.uncropped
        self.order = recipe.generator(f"order{reseed}")
        self.crops = recipe.generator(f"crop{reseed}")
        self.inputs, self.labels = examples.inputs, examples.labels
        if examples.attack is not None:
            self.inputs = torch.cat([self.inputs, examples.attack[0]])
            self.labels = torch.cat([self.labels, examples.attack[1]])

    def __len__(self) -> int:
        """How many there are in an epoch."""
        return math.ceil(len(self.labels) / self.recipe.batch_size)

    def epoch(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Which examples (batch,), their inputs (batch, ...), their labels (batch,)."""
        order = torch.randperm(len(self.labels), generator=self.order).to(self.labels.device)
        for batch in order.split(self.recipe.batch_size):
            yield batch, self._inputs(batch), self.labels[batch]

    def _inputs(self, batch: Tensor) -> Tensor:
        if self.uncropped is not None:
            return augmented(self.uncropped[batch], self.recipe, self.crops)
        images, padding = self.inputs[batch], self.recipe.random_crop
        return randomly_cropped(images, padding, self.crops) if padding else images
