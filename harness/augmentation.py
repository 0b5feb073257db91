"""What changes the examples or the network at random while it trains."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

from harness.recipe import Recipe


def randomly_cropped(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Each image (n, channels, height, width) moved by up to `padding` pixels each way, its edge repeated."""
    height, width = images.shape[2:]
    offsets = torch.randint(2 * padding + 1, (2, len(images), 1), generator=generator).to(images.device)
    rows = (offsets[0] - padding + torch.arange(height, device=images.device)).clamp(0, height - 1)
    columns = (offsets[1] - padding + torch.arange(width, device=images.device)).clamp(0, width - 1)
    images = images.gather(2, rows[:, None, :, None].expand_as(images))
    return images.gather(3, columns[:, None, None, :].expand_as(images))


@contextlib.contextmanager
def dropout_seed(recipe: Recipe, reseed: int, device: torch.device) -> Iterator[None]:
    """Dropout draws from the device's global generator: seed it from the recipe, and leave it as it was."""
    if not recipe.dropout:
        yield
        return
    seed = recipe.generator(f"dropout{reseed}").initial_seed()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.default_generators[device.index or 0].manual_seed(seed)
        yield
