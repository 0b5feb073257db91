"""What a recipe trains and tests on: a source (sources.py), split, reduced, cropped, randomized, standardised."""

import dataclasses
import math
from pathlib import Path

import torch
from torch import Tensor

from harness.errors import HarnessError
from harness.recipe import Recipe
from harness.sources import Source, as_floats, digest_tensors, load_source

__all__ = ["DataSet", "Source", "as_floats", "data_set", "digest_tensors", "load_source"]

DIGITS_TEST_SHARE = 0.2


@dataclasses.dataclass(frozen=True, eq=False)
class DataSet:
    """What one recipe trains and tests on: inputs (n, channels, height, width) float32, labels (n,) int64.

    `attack_inputs` and `attack_labels` (all wrong) are trained on beside the training set, and are no part of it; None
    unless the recipe has an attack. `uncropped` (n, channels, height, width) are the training images as they are on
    disk, from which an augmentation makes its inputs in every step; None unless the recipe has one.
    """

    train_inputs: Tensor
    train_labels: Tensor
    test_inputs: Tensor
    test_labels: Tensor
    num_classes: int
    attack_inputs: Tensor | None = None
    attack_labels: Tensor | None = None
    uncropped: Tensor | None = None


def data_set(recipe: Recipe, data_dir: Path, cache_dir: Path | None = None) -> DataSet:
    """The recipe's own data: its split, its size, its crop, its randomization, standardised.

    Under "data_set" one mean and one standard deviation, of all training pixels after randomization, serve train and
    test; under "each_image" every image has its own (`each_standardised`). Decoded images are kept in `cache_dir`.
    """
    from harness.randomize import randomize, wrong_labels

    source = load_source(recipe.data_set, data_dir, cache_dir)
    if recipe.data_sha256 and recipe.data_sha256 != source.sha256:
        raise HarnessError(
            f"{recipe.id} is about data with sha256 {recipe.data_sha256[:12]}, but {data_dir} now holds "
            f"{source.sha256[:12]}; point --data-dir at the original data"
        )
    train, attack, test = _split(source, recipe)

    def images(indices: Tensor) -> Tensor:
        return as_floats(centre_crop(source.images[indices], recipe.crop))

    drawn = DataSet(images(train), source.labels[train], images(test), source.labels[test], source.num_classes)
    if recipe.attack:
        wrong = wrong_labels(source.labels[attack], source.num_classes, recipe.generator("attack"))
        drawn = dataclasses.replace(drawn, attack_inputs=images(attack), attack_labels=wrong)
    if recipe.augmentation:
        drawn = dataclasses.replace(drawn, uncropped=source.images[train])
    return standardised(randomize(drawn, recipe), recipe.standardisation)


def centre_crop(images: Tensor, size: int) -> Tensor:
    """The central `size` x `size` pixels; all of them for size 0. HarnessError if the images are smaller."""
    height, width = images.shape[2:]
    if not size:
        return images
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


def _split(source: Source, recipe: Recipe) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of the training, attack and test images; a seed's smaller training sets lie inside its larger ones.

    The attack takes the images that follow the training set, so larger attacks hold the smaller ones.
    """
    total = len(source.labels)
    generator = recipe.generator("split")
    if source.num_official_train is None:
        order = torch.randperm(total, generator=generator)
        num_test = math.ceil(DIGITS_TEST_SHARE * total)
        train, test = order[:-num_test], order[-num_test:]
    else:
        train = torch.arange(source.num_official_train)
        test = torch.arange(source.num_official_train, total)
        if recipe.num_train:
            train = train[torch.randperm(len(train), generator=generator)]
    wanted = recipe.num_train + recipe.attack
    if wanted > len(train):
        raise HarnessError(f"{recipe.id} asks for {wanted} training images; {recipe.data_set} has {len(train)}")
    return (train[: recipe.num_train] if recipe.num_train else train), train[recipe.num_train : wanted], test
