"""What to train: a Recipe holds everything that changes the trained model, and nothing that does not."""

import dataclasses
import functools
import hashlib
import json
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    import torch

Condition = Literal["true_labels", "corrupted_labels", "random_labels", "shuffled_pixels", "random_pixels", "gaussian"]
CONDITIONS: tuple[Condition, ...] = get_args(Condition)
Standardisation = Literal["data_set", "each_image"]
Augmentation = Literal["", "crop", "crop_flip_colour"]
Precision = Literal["float32", "bfloat16"]

TRAINING_VERSION = 2
"""Part of every model's key. Raise it when a change to the training code changes what it trains."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that determines a trained model. Device, cache folder and workers are arguments elsewhere.

    Rates are per step; `corrupted_fraction` is the probability that a label is redrawn (only under
    `corrupted_labels`); `num_train` is a number of images (0: all there are); `stop_loss` is the mean training
    cross-entropy, in nats per example, at which training stops. `data_sha256` names the contents of a data
    set whose name does not determine them (class folders).

    - `attack`: so many further images, wrongly labelled, are trained on beside the `num_train` ones; they are no part
      of the training set that measures receive, of its loss or of its standardisation (Wu, Zhu & E 2017,
      arXiv:1706.10239).
    - `dropout`: the probability at which a hidden unit of a linear layer is dropped.
    - `random_crop`: images are padded by so many pixels and cropped to their size at random, anew in every step.
    - `steps_of`: the condition of the twin whose number of steps is taken, in place of stopping at `stop_loss`.
    - `stop_loss` 0: train for `max_epochs`, whatever the loss.
    - `crop`: only the central `crop` x `crop` pixels of each image are used (0: all).
    - `standardisation`: with one mean and deviation for the data set, or with each image's own.
    - `augmentation`: the training images anew in every step, a random crop of that size in place of the central one, or
      also mirrored and in other colours (harness/augmentation.py).
    - `precision`: "bfloat16" trains with bfloat16 matrix products (torch's autocast) and images in channels-last order;
      weights, optimizer, and all that is measured afterwards stay float32.
    """

    data_set: str
    network: str
    learning_rate: float
    seed: int
    condition: Condition = "true_labels"
    corrupted_fraction: float = 0.0
    num_train: int = 0
    data_sha256: str = ""
    batch_size: int = 128
    momentum: float = 0.9
    weight_decay: float = 0.0
    learning_rate_decay_per_epoch: float = 1.0
    stop_loss: float = 0.01
    max_epochs: int = 400
    attack: int = 0
    dropout: float = 0.0
    random_crop: int = 0
    steps_of: Condition | Literal[""] = ""
    crop: int = 0
    standardisation: Standardisation = "data_set"
    augmentation: Augmentation = ""
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if field.type is float:
                object.__setattr__(self, field.name, float(getattr(self, field.name)))  # 1 and 1.0 are one recipe
        if self.num_train < 0:
            raise ValueError(f"num_train is {self.num_train}; expected a number of images, or 0 for all there are")
        if self.condition not in CONDITIONS:
            raise ValueError(f"condition is {self.condition!r}; expected one of {', '.join(CONDITIONS)}")
        if (self.condition == "corrupted_labels") != (self.corrupted_fraction > 0):
            raise ValueError(
                f"corrupted_fraction is {self.corrupted_fraction} under {self.condition}; it is above 0 "
                "exactly under corrupted_labels (random labels are their own condition)"
            )
        if not 0 <= self.corrupted_fraction <= 1:
            raise ValueError(f"corrupted_fraction is {self.corrupted_fraction}; expected a probability")
        for name, kind in _CHOICES.items():
            if getattr(self, name) not in get_args(kind):
                known = ", ".join(map(repr, get_args(kind)))
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected one of {known}")
        if self.crop < 0 or not self.stop_loss >= 0 or self.max_epochs < 1:
            raise ValueError(
                f"crop is {self.crop}, stop_loss {self.stop_loss}, max_epochs {self.max_epochs}; expected numbers that "
                "are not negative, and one epoch or more"
            )
        if self.augmentation and (self.attack or self.random_crop or self.condition in _NEW_INPUTS):
            raise ValueError(
                f"augmentation is {self.augmentation!r} under {self.condition} with attack {self.attack}, random_crop "
                f"{self.random_crop}; it needs natural images and neither of those"
            )
        if self.augmentation and (not self.crop or self.standardisation != "each_image"):
            raise ValueError(
                f"augmentation is {self.augmentation!r} with crop {self.crop} and standardisation by "
                f"{self.standardisation}; it needs a crop, and each_image"
            )
        if self.attack < 0 or (self.attack and (self.condition != "true_labels" or not self.num_train)):
            raise ValueError(
                f"attack is {self.attack} under {self.condition} with num_train {self.num_train}; it is a number of "
                "images beside the num_train ones, which have their true labels"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}; expected a probability below 1")
        if self.random_crop < 0:
            raise ValueError(f"random_crop is {self.random_crop}; expected a number of pixels")
        if self.steps_of and (self.steps_of not in CONDITIONS or self.steps_of == self.condition):
            raise ValueError(f"steps_of is {self.steps_of!r}; expected one of {', '.join(CONDITIONS)}, another's")
        if self.steps_of and (self.attack or "corrupted_labels" in (self.steps_of, self.condition)):
            raise ValueError(
                f"steps_of is {self.steps_of!r} under {self.condition} with attack {self.attack}; there is no such "
                "twin where labels are corrupted or attacked"
            )

    @property
    def id(self) -> str:
        """A name to read, `digits-mlp_1x512-random_labels-seed4`; `key` is the one to look up by."""
        condition = self.condition
        if condition == "corrupted_labels":
            condition += f"{self.corrupted_fraction:g}"  # type: ignore[assignment]
        parts = [self.data_set, self.network, condition]
        parts += [f"n{self.num_train}"] if self.num_train else []
        parts += [f"attack{self.attack}"] if self.attack else []
        parts += [f"weight_decay{self.weight_decay:g}"] if self.weight_decay else []
        parts += [f"dropout{self.dropout:g}"] if self.dropout else []
        parts += [f"crop{self.random_crop}"] if self.random_crop else []
        parts += [self.augmentation] if self.augmentation else []
        parts += (
            [f"batch{self.batch_size}", f"rate{self.learning_rate:g}"] if self.batch_size != Recipe.batch_size else []
        )
        parts += [f"epochs{self.max_epochs}"] if self.max_epochs != Recipe.max_epochs else []
        parts += [f"steps_of_{self.steps_of}"] if self.steps_of else []
        parts += [self.precision] if self.precision != Recipe.precision else []
        return "-".join([*parts, f"seed{self.seed}"])

    @functools.cached_property
    def key(self) -> str:
        """sha256 of the canonical JSON and of the training code's version: the model's name in the store."""
        canonical = {"recipe": self.canonical(), "training_version": TRAINING_VERSION}
        return hashlib.sha256(canonical_json(canonical).encode()).hexdigest()

    def canonical(self) -> dict[str, Any]:
        """The fields that differ from their defaults, so that a field added later leaves old keys valid."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        }

    @property
    def step_twin(self) -> "Recipe":
        """The twin whose number of steps this recipe takes (`steps_of`)."""
        assert self.steps_of
        return dataclasses.replace(self, condition=self.steps_of, steps_of="")

    @property
    def augmented(self) -> bool:
        """Whether the loss of a training step is not the network's loss on the training set."""
        return self.dropout > 0 or self.random_crop > 0 or self.augmentation != ""

    def generator(self, purpose: str) -> "torch.Generator":
        """A fresh CPU generator for one purpose, equal for twins: it depends on the seed alone."""
        from harness.seeding import seeded_generator  # which imports torch

        return seeded_generator(self.seed, purpose)


_NEW_INPUTS = ("shuffled_pixels", "random_pixels", "gaussian")
_CHOICES = {"standardisation": Standardisation, "augmentation": Augmentation, "precision": Precision}


def canonical_json(value: object) -> str:
    """One text for one value: sorted keys, no spaces, strict JSON (no NaN)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
