"""A data set as tensors, and the arithmetic of its pixels: crop, mean and deviation, standardisation."""

import dataclasses
import math

import torch
from torch import Tensor

from harness.errors import HarnessError


@dataclasses.dataclass(frozen=True, eq=False)
class DataSet:
    """What one recipe trains and tests on: inputs (n, ...) float32, labels (n,) int64.

    Inputs are images (n, channels, height, width), or of any other shape. `attack_inputs` and `attack_labels` (all
    wrong) are trained on beside the training set, and are not part of it; None unless the recipe has an attack.
    `uncropped` (n, channels, height, width) are the training images as they are on disk, from which an augmentation
    makes its inputs in every step; None unless the recipe has one.
    """

    train_inputs: Tensor
    train_labels: Tensor
    test_inputs: Tensor
    test_labels: Tensor
    num_classes: int
    attack_inputs: Tensor | None = None
    attack_labels: Tensor | None = None
    uncropped: Tensor | None = None


def centre_crop(images: Tensor, size: int) -> Tensor:
    """The central `size` x `size` pixels; all of them for size 0. HarnessError if the images are smaller."""
    if not size:
        return images
    if images.ndim != 4:
        raise HarnessError(f"inputs of shape {tuple(images.shape[1:])} are not images: they have no crop")
    height, width = images.shape[2:]
    if size > min(height, width):
        raise HarnessError(f"images of {height}x{width} pixels have no crop of {size}x{size}; ask for a smaller one")
    top, left = (height - size) // 2, (width - size) // 2
    return images[:, :, top : top + size, left : left + size]


def standardised(data: DataSet, standardisation: str = "data_set") -> DataSet:
    """Training, attack and test inputs shifted and scaled; what an augmentation starts from stays as it is."""
    if standardisation == "each_image":
        change = each_standardised
    else:
        mean, std = mean_and_deviation(data.train_inputs)
        if not std:
            raise HarnessError("the inputs to train on are all the same number, so that nothing can be learned of them")

        def change(images: Tensor) -> Tensor:
            return (images - mean) / std

    return dataclasses.replace(
        data,
        train_inputs=change(data.train_inputs),
        test_inputs=change(data.test_inputs),
        attack_inputs=None if data.attack_inputs is None else change(data.attack_inputs),
    )


def each_standardised(images: Tensor) -> Tensor:
    """Every image (n, channels, height, width) minus its mean, over its standard deviation or 1/√(number of values),
    whichever is larger; computed in float64. Zhang et al. 2017, appendix A."""
    return torch.cat([_each_standardised(part) for part in images.split(1000)])


def _each_standardised(images: Tensor) -> Tensor:
    flat = images.flatten(1).double()
    centred = flat - flat.mean(dim=1, keepdim=True)
    deviation = centred.square().mean(dim=1, keepdim=True).sqrt().clamp_min(flat.shape[1] ** -0.5)
    return (centred / deviation).to(images.dtype).view_as(images)


def mean_and_deviation(images: Tensor) -> tuple[float, float]:
    """Mean and standard deviation of all pixels, summed in float64: in float32 they depend on the number of threads."""
    count = images.numel()
    mean = images.sum(dtype=torch.float64).item() / count
    squares = sum((part.double() - mean).square().sum().item() for part in images.split(1000))
    return mean, math.sqrt(squares / (count - 1))
