"""What to train: a Recipe holds everything that changes the trained model, and nothing that does not."""

import dataclasses
import functools
import hashlib
import json
import math
import numbers
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, get_args

from harness.errors import shown

if TYPE_CHECKING:
    import torch

Condition = Literal["true_labels", "corrupted_labels", "random_labels", "shuffled_pixels", "random_pixels", "gaussian"]
CONDITIONS: tuple[Condition, ...] = get_args(Condition)
Standardisation = Literal["data_set", "each_image"]
Augmentation = Literal["", "crop", "crop_flip_colour"]
Precision = Literal["float32", "bfloat16"]
Optimizer = Literal["sgd", "adam", "adamw"]

TRAINING_VERSION = 2
"""Part of every model's key. Raise it when a change to the training code changes what it trains."""


DIGESTS = ("data_sha256", "data_code", "network_code")
"""Fields of a recipe that say what its names stand for, and nothing of how a network is trained."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that determines a trained model. Device, cache folder and workers are not part of it.

    Rates are per step; `corrupted_fraction` is the probability that a label is redrawn (only under
    `corrupted_labels`); `num_train` is a number of images (0: all there are); `stop_loss` is the mean training
    cross-entropy, in nats per example, at which training stops. `data_sha256` names the contents of a data
    set whose name does not determine them (class folders, a user's own). `network_code` is the digest of the function
    that builds a user's own network, `data_code` of the one that reads a user's own data set; "" for this project's.

    - `optimizer`: torch's; `momentum` is the first of Adam's betas, `second_moment_decay` the second. `warmup_epochs`,
      `cosine_epochs`, `learning_rate_decay_per_epoch`: how the rate changes (optimizers.py). `clip_norm`: the gradient
      of a step is shortened to this Euclidean norm (0: it is not).
    - `attack`: so many further images, wrongly labelled, are trained on beside the `num_train` ones; they are no part
      of the training set that measures receive, of its loss or of its standardisation (Wu, Zhu & E 2017,
      arXiv:1706.10239).
    - `dropout`: the probability at which a hidden unit of a linear layer is dropped.
    - `random_crop`: images are padded by so many pixels and cropped to their size at random, in every step again.
    - `steps_of`: the condition of the twin whose number of steps is taken, in place of stopping at `stop_loss`.
    - `stop_loss` 0: train for `max_epochs`, whatever the loss.
    - `crop`: only the central `crop` x `crop` pixels of each image are used (0: all).
    - `standardisation`: with one mean and deviation for the data set, or with each image's own.
    - `augmentation`: in every step the training images are random crops of that size in place of central ones, or also
      mirrored and in other colours (harness/training/augmentation.py).
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
    network_code: str = ""
    data_code: str = ""
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
    optimizer: Optimizer = "sgd"
    second_moment_decay: float = 0.999
    warmup_epochs: int = 0
    cosine_epochs: int = 0
    clip_norm: float = 0.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check_type(field.name, field.type, value := getattr(self, field.name))
            if field.type is float:
                object.__setattr__(self, field.name, float(value))  # 1 and 1.0 are one recipe
        for holds, sentence in (*_of_one_field(self), *_of_several_fields(self)):
            if not holds:
                raise ValueError(sentence)

    @functools.cached_property
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
        parts += [self.optimizer] if self.optimizer != Recipe.optimizer else []
        parts += ["momentum0"] if not self.momentum else []
        parts += [f"warmup{self.warmup_epochs}"] if self.warmup_epochs else []
        parts += [f"cosine{self.cosine_epochs}"] if self.cosine_epochs else []
        parts += [f"clip{self.clip_norm:g}"] if self.clip_norm else []
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
        from measures.seeding import seeded_generator  # which imports torch

        return seeded_generator(self.seed, purpose)


def _check_type(name: str, kind: Any, value: object) -> None:
    """ValueError for what is not a number where one is expected, or not a whole one. A choice is looked at later."""
    if kind is int and type(value) is not int:
        raise ValueError(f"{name} is {shown(value)} (of type {type(value).__name__}); expected a whole number (int)")
    if kind is float and (isinstance(value, bool) or not isinstance(value, numbers.Real)):
        raise ValueError(f"{name} is {shown(value)} (of type {type(value).__name__}); expected a number")
    if kind is str and not isinstance(value, str):
        raise ValueError(f"{name} is {shown(value)} (of type {type(value).__name__}); expected a text")


_NEW_INPUTS = ("shuffled_pixels", "random_pixels", "gaussian")
_CHOICES = {
    "standardisation": Standardisation,
    "augmentation": Augmentation,
    "precision": Precision,
    "optimizer": Optimizer,
}


def _of_one_field(recipe: Recipe) -> Iterator[tuple[bool, str]]:
    """What must hold of each field by itself, and what to say where it does not."""
    r, conditions = recipe, ", ".join(CONDITIONS)
    yield r.num_train >= 0, f"num_train is {r.num_train}; expected a number of images, or 0 for all there are"
    yield r.condition in CONDITIONS, f"condition is {r.condition!r}; expected one of {conditions}"
    yield 0 <= r.corrupted_fraction <= 1, f"corrupted_fraction is {r.corrupted_fraction}; expected a probability"
    for name, kind in _CHOICES.items():
        known = ", ".join(map(repr, get_args(kind)))
        yield getattr(r, name) in get_args(kind), f"{name} is {getattr(r, name)!r}; expected one of {known}"
    yield (
        r.crop >= 0 and r.stop_loss >= 0 and r.max_epochs >= 1,
        f"crop is {r.crop}, stop_loss {r.stop_loss}, max_epochs {r.max_epochs}; expected numbers that "
        "are not negative, and one epoch or more",
    )
    yield 0 <= r.dropout < 1, f"dropout is {r.dropout}; expected a probability below 1"
    yield 0 < r.learning_rate < math.inf, f"learning_rate is {r.learning_rate}; expected a number above 0"
    yield (
        0 <= r.momentum < 1 and 0 <= r.second_moment_decay < 1,
        f"momentum is {r.momentum}, second_moment_decay {r.second_moment_decay}; expected numbers from 0 to below 1",
    )
    yield (
        r.weight_decay >= 0 and r.clip_norm >= 0 and min(r.warmup_epochs, r.cosine_epochs) >= 0,
        f"weight_decay is {r.weight_decay}, clip_norm {r.clip_norm}, warmup_epochs {r.warmup_epochs}, cosine_epochs "
        f"{r.cosine_epochs}; expected numbers that are not negative",
    )
    yield r.weight_decay < math.inf, f"weight_decay is {r.weight_decay}; expected a finite number"
    decay = r.learning_rate_decay_per_epoch
    yield 0 < decay < math.inf, f"learning_rate_decay_per_epoch is {decay}; expected a factor above 0"
    yield r.batch_size >= 1, f"batch_size is {r.batch_size}; expected a number of examples, 1 or more"
    yield r.random_crop >= 0, f"random_crop is {r.random_crop}; expected a number of pixels"
    yield (
        r.steps_of in ("", *CONDITIONS) and r.steps_of != r.condition,
        f"steps_of is {r.steps_of!r}; expected one of {conditions}, another's",
    )


def _of_several_fields(recipe: Recipe) -> Iterator[tuple[bool, str]]:
    """The same of fields that depend on each other."""
    r, under = recipe, f"under {recipe.condition}"
    yield (
        (r.condition == "corrupted_labels") == (r.corrupted_fraction > 0),
        f"corrupted_fraction is {r.corrupted_fraction} {under}; it is above 0 "
        "exactly under corrupted_labels (random labels are their own condition)",
    )
    yield (
        not r.augmentation or not (r.attack or r.random_crop or r.condition in _NEW_INPUTS),
        f"augmentation is {r.augmentation!r} {under} with attack {r.attack}, random_crop "
        f"{r.random_crop}; it needs natural images and neither of those",
    )
    yield (
        not r.augmentation or (r.crop > 0 and r.standardisation == "each_image"),
        f"augmentation is {r.augmentation!r} with crop {r.crop} and standardisation by "
        f"{r.standardisation}; it needs a crop, and each_image",
    )
    yield (
        r.attack == 0 or (r.attack > 0 and r.condition == "true_labels" and r.num_train > 0),
        f"attack is {r.attack} {under} with num_train {r.num_train}; it is a number of "
        "images beside the num_train ones, which have their true labels",
    )
    yield (
        not r.cosine_epochs or (r.warmup_epochs < r.cosine_epochs and r.learning_rate_decay_per_epoch == 1),
        f"cosine_epochs is {r.cosine_epochs} with warmup_epochs {r.warmup_epochs} and learning_rate_decay_per_epoch "
        f"{r.learning_rate_decay_per_epoch}; the cosine has to be longer than the warm-up, and the only decay",
    )
    yield (
        not r.steps_of or not (r.attack or "corrupted_labels" in (r.steps_of, r.condition)),
        f"steps_of is {r.steps_of!r} {under} with attack {r.attack}; there is no such "
        "twin where labels are corrupted or attacked",
    )


def canonical_json(value: object) -> str:
    """One text for one value: sorted keys, no spaces, strict JSON (no NaN)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
