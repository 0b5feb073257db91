"""What changes the examples or the network at random while it trains."""

import contextlib
import copy
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.training.data_set import each_standardised
from harness.training.reading.raw_data import as_floats
from harness.training.recipe import Recipe

FEW = 8  # examples, of which a network shows whether it draws


def randomly_cropped(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Each image (n, channels, height, width) moved by up to `padding` pixels each way, its edge repeated.

    HarnessError for inputs that are not images.
    """
    if images.ndim != 4:
        raise HarnessError(f"inputs of shape {tuple(images.shape[1:])} are not images: random_crop moves pixels")
    height, width = images.shape[2:]
    offsets = torch.randint(2 * padding + 1, (2, len(images), 1), generator=generator).to(images.device)
    rows = (offsets[0] - padding + torch.arange(height, device=images.device)).clamp(0, height - 1)
    columns = (offsets[1] - padding + torch.arange(width, device=images.device)).clamp(0, width - 1)
    images = images.gather(2, rows[:, None, :, None].expand_as(images))
    return images.gather(3, columns[:, None, None, :].expand_as(images))


def augmented(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Training inputs (n, channels, crop, crop) drawn from images as on disk: Zhang et al. 2017, section 3.

    A random crop; under "crop_flip_colour" mirrored half of the time and in other colours; then each image standardised
    as the recipe's others are.
    """
    size = recipe.crop
    height, width = images.shape[2:]
    tops = torch.randint(height - size + 1, (len(images), 1), generator=generator)
    lefts = torch.randint(width - size + 1, (len(images), 1), generator=generator)
    rows, columns = tops + torch.arange(size), lefts + torch.arange(size)
    if recipe.augmentation == "crop_flip_colour":
        mirrored = torch.rand(len(images), 1, generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    index = torch.arange(len(images))[:, None, None]
    rows, columns = rows[:, :, None], columns[:, None, :]
    device = images.device
    cropped = images[index.to(device), :, rows.to(device), columns.to(device)].permute(0, 3, 1, 2)
    floats = as_floats(cropped)
    if recipe.augmentation == "crop_flip_colour":
        floats = _recoloured(floats, generator)
    return each_standardised(floats)


def _recoloured(images: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness, contrast, saturation and hue of each image (n, 3, height, width) changed at random.

    Brightness by up to 0.25, contrast between 0.2 and 1.8 times (as TensorFlow's CIFAR-10 network had them), saturation
    between 0.5 and 1.5 times, hue turned by up to 0.2 radians around the grey axis. Other than three channels have
    neither saturation nor hue.
    """

    def uniform(low: float, high: float) -> Tensor:
        drawn = low + (high - low) * torch.rand(len(images), 1, 1, 1, generator=generator)
        return drawn.to(images.device)

    brightness, contrast, saturation, hue = (
        uniform(-0.25, 0.25),
        uniform(0.2, 1.8),
        uniform(0.5, 1.5),
        uniform(-0.2, 0.2),
    )
    images = images + brightness
    mean = images.mean(dim=(2, 3), keepdim=True)
    images = mean + contrast * (images - mean)
    if images.shape[1] != 3:
        return images
    grey = images.mean(dim=1, keepdim=True)
    colour = images - grey  # orthogonal to the grey axis; its cross product with that axis is a quarter turn
    quarter = (colour.roll(1, dims=1) - colour.roll(-1, dims=1)) / math.sqrt(3)
    return grey + saturation * (hue.cos() * colour + hue.sin() * quarter)


@contextlib.contextmanager
def global_draws_seeded(recipe: Recipe, reseed: int, device: torch.device) -> Iterator[None]:
    """Dropout, and whatever else draws in a network, draws from the device's global generator: seed it from the recipe,
    and leave it as it was."""
    seed = recipe.generator(f"dropout{reseed}").initial_seed()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.default_generators[device.index or 0].manual_seed(seed)
        yield


@torch.no_grad()
def draws_in_training(network: nn.Module, inputs: Tensor) -> bool:
    """Whether the network gives other outputs each time that it is called in training mode; it is left as it is."""
    network, few = copy.deepcopy(network).train(), inputs[:FEW]
    with torch.random.fork_rng(devices=[inputs.device] if inputs.is_cuda else []):
        return not torch.equal(network(few.clone()), network(few.clone()))
