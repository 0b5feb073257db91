"""What table 2 is trained with: network, optimizer, rates, and where they come from.

SGD with momentum 0.9. The paper reuses the set-up of TensorFlow's Inception package, in 50 workers that do not wait for
each other, and gives no schedule. Taken from that package: weight decay 4e-5 on what multiplies (not on batch
normalization's scales and shifts), dropout of a fifth of the last layer's input, and an auxiliary classifier whose loss
counts 0.4 (Szegedy et al. 2016, arXiv:1512.00567), which images of fewer than 299 pixels are too small for. Chosen
here: workers that wait, so that a run can be repeated; a rate proportional to the batch, warmed up over five epochs
(Goyal et al. 2017, arXiv:1706.02677), times 0.94 after every other epoch as Szegedy et al. had it. Left out of that
package: label smoothing and averaged weights, regularizers which no row of the table switches off.
"""

import dataclasses
from typing import Any

import torch
from torch import nn

from harness.errors import HarnessError
from harness.paper.reported import LABELS
from harness.training.recipe import Precision
from measures.seeding import seeded_generator

MOMENTUM = 0.9
WEIGHT_DECAY = 4e-5
DROPOUT = 0.2
AUXILIARY_WEIGHT = 0.4
AUXILIARY_SMALLEST = 299  # pixels: its 5x5 convolution is on pooled maps of 17x17
SMALLEST = 75  # pixels
RATE_IMAGES = 256
WARM_UP_EPOCHS = 5
RATE_DECAY, RATE_DECAY_EPOCHS = 0.94, 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """All that determines a trained row, but for the kind of device.

    `learning_rate` is for batches of 256 images; `batch_size` is of all processes together. The listing's sha256 stands
    for the images.
    """

    row: str
    augmentation: bool
    dropout: bool
    weight_decay: bool
    labels: LABELS
    listing_sha256: str
    seed: int
    epochs: int
    batch_size: int
    image_size: int
    learning_rate: float
    precision: Precision
    processes: int

    def of_every_epoch(self) -> dict[str, Any]:
        """What an epoch depends on, however many there are to be."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name != "epochs"}


def inception_v3(num_classes: int, image_size: int, dropout: float, seed: int) -> nn.Module:
    """torchvision's network, freshly initialised; with the auxiliary classifier where the images are large enough.

    HarnessError for images of fewer than 75 pixels.
    """
    from torchvision.models import inception_v3

    if image_size < SMALLEST:
        raise HarnessError(f"--image-size is {image_size}; inception_v3 needs {SMALLEST} or more (the paper's are 299)")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seeded_generator(seed, "network").initial_seed())
        network: nn.Module = inception_v3(
            weights=None,
            num_classes=num_classes,
            aux_logits=image_size >= AUXILIARY_SMALLEST,
            transform_input=False,
            init_weights=True,
            dropout=dropout,
        )
    return network


def optimizer(model: nn.Module, setting: Setting) -> torch.optim.Optimizer:
    """SGD whose rate is to be set before every step."""
    parameters = list(model.parameters())
    groups = [
        {
            "params": [parameter for parameter in parameters if parameter.ndim > 1],
            "weight_decay": WEIGHT_DECAY if setting.weight_decay else 0.0,
        },
        {"params": [parameter for parameter in parameters if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.SGD([group for group in groups if group["params"]], lr=0.0, momentum=MOMENTUM, fused=True)


def learning_rate(setting: Setting, step: int, steps_per_epoch: int) -> float:
    """The rate of a step, counted from 0."""
    peak = setting.learning_rate * setting.batch_size / RATE_IMAGES
    warm = min(1.0, (step + 1) / (WARM_UP_EPOCHS * steps_per_epoch))
    return peak * warm * RATE_DECAY ** (step // steps_per_epoch // RATE_DECAY_EPOCHS)
