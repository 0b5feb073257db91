"""The network of the largest published suite, for images of 32x32x3: a chain of convolutions and nothing else."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from measures.trained_model import TrainedModel
from tests.builders.models import trained_model

CLASSES = 10


def network_in_network(width: int, depth: int = 2, kernel: int = 3, stride: int = 2, padding: int = 1) -> nn.Sequential:
    """Each of `depth` blocks: a convolution that halves the map, then two of one pixel; one more gives the logits.

    After each of them batch normalization and ReLU, after the last an average over positions (Lin et al. 2014,
    arXiv:1312.4400). The weights are a function of the global random state.
    """
    layers: list[nn.Module] = []
    channels = 3
    for _ in range(depth):
        first = nn.Conv2d(channels, width, kernel, stride, padding)
        for layer in (first, nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)):
            layers += [layer, nn.BatchNorm2d(width), nn.ReLU()]
        channels, kernel = width, min(kernel, 3)
    layers += [nn.Conv2d(width, CLASSES, 1), nn.BatchNorm2d(CLASSES), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers)


def random_images(count: int, size: int = 32, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Noise (count, 3, size, size) and random labels (count,)."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(count, 3, size, size, generator=generator)
    return images, torch.randint(CLASSES, (count,), generator=generator)


def trained_until(
    error: float, width: int, images: Tensor, labels: Tensor, epochs: int = 100, seed: int = 0
) -> TrainedModel:
    """A network trained, for an epoch at least, until its error on these images is at most `error`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = network_in_network(width)
        init = copy.deepcopy(model).eval()
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(epochs):
            for batch in torch.randperm(len(labels)).split(50):
                loss = F.cross_entropy(model.train()(images[batch]), labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            with torch.no_grad():
                found = float((model.eval()(images).argmax(dim=1) != labels).float().mean())
            if found <= error:
                optimizer.zero_grad()
                return trained_model(model, images, labels, init=init, num_classes=CLASSES)
    raise AssertionError(f"an error of {found} after {epochs} epochs; expected at most {error}")
