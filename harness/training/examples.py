"""What a recipe trains and tests on: raw data (raw_data.py), split, reduced, cropped, randomized, standardised."""

import dataclasses
import platform
from pathlib import Path

import torch
from torch import Tensor

from harness.errors import HarnessError
from harness.training.data_set import DataSet, centre_crop, standardised
from harness.training.declaring import OF_A_ZOO, OPENED
from harness.training.randomize import randomize, wrong_labels
from harness.training.reading.raw_data import RawData, as_floats, data_set_named, load_raw_data, train_size_of
from harness.training.recipe import Recipe


def data_set(recipe: Recipe, data_dir: Path, cache_dir: Path | None = None, tested: bool = True) -> DataSet:
    """The recipe's own data: its split, its size, its crop, its randomization, standardised.

    Under "data_set" one mean and one standard deviation, of all training pixels after randomization, serve train and
    test; under "each_image" every image has its own (`each_standardised`). Decoded images are kept in `cache_dir`.
    Where it is not to be `tested` the test set is empty, and the rest is the same: it is drawn first.

    Raises HarnessError where the data, or the code that reads them, are not those of the recipe, or where the data are
    too few, or have no pixels to crop.
    """
    if recipe.data_code and recipe.data_code != data_set_named(recipe.data_set).code:  # older recipes have none
        raise HarnessError(_is_read_otherwise(recipe))
    raw = load_raw_data(recipe.data_set, data_dir, cache_dir)
    if recipe.data_sha256 and recipe.data_sha256 != raw.sha256:
        raise HarnessError(_is_about_other_data(recipe, raw, data_dir))
    train, attack, test = _split(raw, recipe)
    test = test if tested else test[:0]

    def images(indices: Tensor) -> Tensor:
        return as_floats(centre_crop(raw.images[indices], recipe.crop))

    drawn = DataSet(images(train), raw.labels[train], images(test), raw.labels[test], raw.num_classes)
    if recipe.attack:
        wrong = wrong_labels(raw.labels[attack], raw.num_classes, recipe.generator("attack"))
        drawn = dataclasses.replace(drawn, attack_inputs=images(attack), attack_labels=wrong)
    if recipe.augmentation:
        drawn = dataclasses.replace(drawn, uncropped=raw.images[train])
    return standardised(randomize(drawn, recipe), recipe.standardisation)


def _is_read_otherwise(recipe: Recipe) -> str:
    return (
        f"the data set {recipe.data_set} is not what it was when the run was started, or is another on this machine "
        f"({platform.node()}); run again, in a new process, when {OPENED.where or 'it'} is the same everywhere"
    )


def _is_about_other_data(recipe: Recipe, raw: RawData, data_dir: Path) -> str:
    digests = f"{recipe.id} is about data with sha256 {recipe.data_sha256[:12]}, but"
    if raw.origin != OF_A_ZOO:
        return f"{digests} {data_dir} now holds {raw.sha256[:12]}; point --data-dir at the original data"
    return (
        f"{digests} {recipe.data_set} now gives {raw.sha256[:12]}; does it draw without a seed, or is what it reads "
        "another on this machine? it has to give the same every time"
    )


def _split(raw: RawData, recipe: Recipe) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of the training, attack and test images; a seed's smaller training sets lie inside its larger ones.

    The attack takes the images that follow the training set, so larger attacks hold the smaller ones.
    """
    total = len(raw.labels)
    generator = recipe.generator("split")
    if raw.num_official_train is None:
        order = torch.randperm(total, generator=generator)
        num_train = train_size_of(raw)
        train, test = order[:num_train], order[num_train:]
    else:
        train = torch.arange(raw.num_official_train)
        test = torch.arange(raw.num_official_train, total)
        if recipe.num_train:
            train = train[torch.randperm(len(train), generator=generator)]
    wanted = recipe.num_train + recipe.attack
    if wanted > len(train):
        raise HarnessError(f"{recipe.id} asks for {wanted} training images; {recipe.data_set} has {len(train)}")
    return (train[: recipe.num_train] if recipe.num_train else train), train[recipe.num_train : wanted], test
