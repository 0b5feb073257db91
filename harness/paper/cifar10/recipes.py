"""The paper's training on CIFAR-10 as recipes: Zhang et al. 2017, section 3 and appendix A.

Momentum 0.9, batches of 128, the rate times 0.95 after every epoch; images cropped to 28x28, each standardised. What
the paper does not say is chosen here: 5e-4 for weight decay, and the number of epochs, enough for the rate to have all
but vanished or the training set to be fitted.

On a part of the images an epoch has fewer steps: there the rate falls by as much a step as on all of them, and training
goes on until the training set is fitted.
"""

import dataclasses
from pathlib import Path
from typing import Any

from harness.training.precision import fastest
from harness.training.reading.raw_data import load_raw_data
from harness.training.recipe import Augmentation, Condition, Recipe

LEARNING_RATES = {
    "inception_small": 0.1,
    "inception_small_no_bn": 0.1,
    "alexnet_small": 0.01,
    "mlp_3x512": 0.01,
    "mlp_1x512": 0.01,
}
WEIGHT_DECAY = 5e-4
CROP = 28
EPOCHS = {"inception_small": 40, "inception_small_no_bn": 40, "alexnet_small": 40, "mlp_3x512": 60, "mlp_1x512": 60}
RANDOM_LABELS_EPOCHS = {
    "inception_small": 60,
    "inception_small_no_bn": 60,
    "alexnet_small": 50,
    "mlp_3x512": 100,
    "mlp_1x512": 100,
}


PAPER_IMAGES = 50_000
DECAY = 0.95  # an epoch of all images
DIGITS = 8  # of a part's decay: its last bits, of which the model's key is made, are then the same on every machine
SUBSET_STOP_LOSS = 0.01
SUBSET_EPOCHS = 400


@dataclasses.dataclass(frozen=True)
class Cifar10:
    """The data that a run of the paper's experiments is on: how many training images, their contents, how they came.

    `data_sha256` pins the contents of class folders; "" for the original files, whose name says it.
    """

    num_train: int
    sha256: str
    data_sha256: str
    origin: str
    all_train: int

    @property
    def images(self) -> int:
        """Training images of the run."""
        return self.num_train or self.all_train

    @property
    def in_full(self) -> bool:
        """Whether the run is on as many images as the paper's; class folders may hold fewer."""
        return self.images == PAPER_IMAGES

    def described(self) -> dict[str, Any]:
        """For a result: never to be mistaken for another data set."""
        name = "CIFAR-10" if self.origin == "torchvision" else "CIFAR-10, class folders"
        return {"name": name, "sha256": self.sha256, "num_train": self.images}


def cifar10(data_dir: Path, cache_dir: Path, num_train: int = 0) -> Cifar10:
    """CIFAR-10 as it is in `data_dir`, downloaded if it is not; HarnessError if it cannot be had."""
    raw = load_raw_data("cifar10", data_dir, cache_dir)
    pinned = "" if raw.origin == "torchvision" else raw.sha256
    assert raw.num_official_train is not None
    return Cifar10(num_train, raw.sha256, pinned, raw.origin, raw.num_official_train)


def paper_recipe(
    network: str,
    data: Cifar10,
    condition: Condition = "true_labels",
    *,
    corrupted_fraction: float = 0.0,
    augmentation: Augmentation = "",
    weight_decay: float = 0.0,
    epochs: int | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> Recipe:
    """The paper's recipe for one of LEARNING_RATES, in bfloat16 where the device gains from it.

    For `epochs`, or else, on all images, for as many as the network is known to need; on a part of them until the loss
    is SUBSET_STOP_LOSS.
    """
    usual = EPOCHS if condition == "true_labels" and not augmentation else RANDOM_LABELS_EPOCHS
    until_fitted = epochs is None and not data.in_full
    return Recipe(
        data_set="cifar10",
        data_sha256=data.data_sha256,
        num_train=0 if data.images == data.all_train else data.num_train,
        network=network,
        learning_rate=LEARNING_RATES[network],
        learning_rate_decay_per_epoch=round(DECAY ** (data.images / PAPER_IMAGES), DIGITS),
        condition=condition,
        corrupted_fraction=corrupted_fraction,
        augmentation=augmentation,
        weight_decay=weight_decay,
        max_epochs=SUBSET_EPOCHS if until_fitted else epochs or usual[network],
        stop_loss=SUBSET_STOP_LOSS if until_fitted else 0.0,
        crop=CROP,
        standardisation="each_image",
        precision=fastest(device),
        seed=seed,
    )
