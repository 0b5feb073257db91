"""What to train: a Recipe holds everything that changes the trained model, and nothing that does not."""

import dataclasses
import hashlib
import json
from typing import Any, Literal, get_args

import torch

Condition = Literal["true_labels", "corrupted_labels", "random_labels", "shuffled_pixels", "random_pixels", "gaussian"]
CONDITIONS: tuple[Condition, ...] = get_args(Condition)

TRAINING_VERSION = 2
"""Part of every model's key. Raise it when a change to the training code changes what it trains."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that determines a trained model. Device, cache folder and workers are arguments elsewhere.

    Rates are per step; `corrupted_fraction` is the probability that a label is redrawn (only under
    `corrupted_labels`); `num_train` is a number of images (0: all there are); `stop_loss` is the mean training
    cross-entropy, in nats per example, at which training stops. `data_sha256` names the contents of a data
    set whose name does not determine them (class folders).
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

    @property
    def id(self) -> str:
        """A name to read, `digits-mlp_1x512-random_labels-seed4`; `key` is the one to look up by."""
        condition = self.condition
        if condition == "corrupted_labels":
            condition += f"{self.corrupted_fraction:g}"  # type: ignore[assignment]
        parts = [self.data_set, self.network, condition]
        parts += [f"n{self.num_train}"] if self.num_train else []
        parts += [f"weight_decay{self.weight_decay:g}"] if self.weight_decay else []
        return "-".join([*parts, f"seed{self.seed}"])

    @property
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

    def generator(self, purpose: str) -> torch.Generator:
        """A fresh CPU generator for one purpose, equal for twins: it depends on the seed alone."""
        return seeded_generator(self.seed, purpose)


def seeded_generator(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator whose stream is a function of (seed, purpose), independent between purposes."""
    digest = hashlib.sha256(f"{purpose}:{seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def canonical_json(value: object) -> str:
    """One text for one value: sorted keys, no spaces, strict JSON (no NaN)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
