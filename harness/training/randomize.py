"""The six conditions of the randomization test: what is destroyed, and what is kept.

Zhang et al. 2017 (arXiv:1611.03530), section 2.1. A pixel is one position with all its channels: shuffling
moves positions, and the channels of a position stay together. Inputs of any shape have positions: those of (n,
channels, ...) lie in the dimensions after the channels, and of (n, features) each feature is one. Only training labels
are ever corrupted; inputs are randomized in training and test alike. Everything is a function of the recipe's seed,
drawn from a stream of its own, so twins agree in all else.
"""

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from harness.training.data_set import DataSet, mean_and_deviation
from harness.training.recipe import Recipe


def randomize(data: DataSet, recipe: Recipe) -> DataSet:
    """The data set under the recipe's condition; `true_labels` returns it unchanged."""
    return _CONDITIONS[recipe.condition](data, recipe)


def corrupt_labels(labels: Tensor, num_classes: int, fraction: float, generator: torch.Generator) -> Tensor:
    """Each label is, independently with probability `fraction`, redrawn uniformly from all classes.

    The draw can return the old label, so a share of about fraction · (1 − 1/num_classes) changes. With one
    generator seed, the labels redrawn at a smaller fraction are redrawn at a larger one too, to the same value.
    """
    redrawn = torch.rand(labels.shape, generator=generator) < fraction
    drawn = torch.randint(num_classes, labels.shape, generator=generator)
    return torch.where(redrawn, drawn, labels)


def wrong_labels(labels: Tensor, num_classes: int, generator: torch.Generator) -> Tensor:
    """Each label replaced by one of the others, uniformly and independently."""
    return (labels + torch.randint(1, num_classes, labels.shape, generator=generator)) % num_classes


def positions(images: Tensor) -> Tensor:
    """Inputs as (n, channels, positions)."""
    return images[:, None] if images.ndim == 2 else images.flatten(2)


def shuffle_pixels(images: Tensor, permutation: Tensor) -> Tensor:
    """One permutation of the pixel positions for every image; `permutation` has as many entries, height · width."""
    return positions(images)[:, :, permutation].view_as(images)


def permute_each_image(images: Tensor, generator: torch.Generator) -> Tensor:
    """An independent uniform permutation of the pixel positions for every image."""
    flat = positions(images)
    # The order of independent uniform draws is a uniform permutation; float64 makes a tie as good as impossible.
    order = torch.rand(len(flat), flat.shape[2], generator=generator, dtype=torch.float64).argsort(dim=1)
    return flat.gather(2, order[:, None, :].expand_as(flat)).view_as(images)


def gaussian_images(images: Tensor, mean: float, std: float, generator: torch.Generator) -> Tensor:
    """Independent normal pixels in the images' shape."""
    return torch.randn(images.shape, generator=generator) * std + mean


def _true_labels(data: DataSet, recipe: Recipe) -> DataSet:
    return data


def _labels(data: DataSet, recipe: Recipe) -> DataSet:
    fraction = 1.0 if recipe.condition == "random_labels" else recipe.corrupted_fraction
    labels = corrupt_labels(data.train_labels, data.num_classes, fraction, recipe.generator("labels"))
    return dataclasses.replace(data, train_labels=labels)


def _shuffled_pixels(data: DataSet, recipe: Recipe) -> DataSet:
    count = positions(data.train_inputs).shape[2]
    permutation = torch.randperm(count, generator=recipe.generator("shuffled_pixels"))
    return _map_inputs(data, lambda images: shuffle_pixels(images, permutation))


def _random_pixels(data: DataSet, recipe: Recipe) -> DataSet:
    generator = recipe.generator("random_pixels")
    return _map_inputs(data, lambda images: permute_each_image(images, generator))


def _gaussian(data: DataSet, recipe: Recipe) -> DataSet:
    generator = recipe.generator("gaussian")
    mean, std = mean_and_deviation(data.train_inputs)
    return _map_inputs(data, lambda images: gaussian_images(images, mean, std, generator))


def _map_inputs(data: DataSet, change: Callable[[Tensor], Tensor]) -> DataSet:
    train = change(data.train_inputs)
    return dataclasses.replace(data, train_inputs=train, test_inputs=change(data.test_inputs))


_CONDITIONS = {
    "true_labels": _true_labels,
    "corrupted_labels": _labels,
    "random_labels": _labels,
    "shuffled_pixels": _shuffled_pixels,
    "random_pixels": _random_pixels,
    "gaussian": _gaussian,
}
