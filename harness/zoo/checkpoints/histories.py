"""What is wrong with a history of training that came with a checkpoint: a sentence each."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from harness.errors import kind_of
from measures.history import History


def problems_of_history(history: Any, examples: int, size: int) -> Iterator[str]:
    """What is wrong, as the end of a sentence that begins with its name; later ones suppose that earlier are not.

    `examples` are those of the training set, `size` that of a `flat_state` of the network.
    """
    if not isinstance(history, History):
        yield f"has {kind_of(history)} as its history; expected a measures.history.History, or None"
    wrong = [name for name, value in vars(history).items() if not isinstance(value, Tensor)]
    if wrong:
        yield f"has {kind_of(getattr(history, wrong[0]))} as {wrong[0]} of its history; expected a tensor"
    if history.correct.shape != (history.epochs, examples):
        yield (
            f"has a history with correct {tuple(history.correct.shape)}; expected (epochs, examples), "
            f"({history.epochs}, {examples})"
        )
    if history.correct.dtype != torch.bool:
        yield f"has a history with correct of {history.correct.dtype}; expected torch.bool"
    kept = len(history.snapshot_epochs)
    for name, shape in (
        ("train_loss", (history.epochs,)),
        ("train_error", (history.epochs,)),
        ("learning_rates", (history.steps,)),
        ("snapshot_epochs", (kept,)),
        ("snapshots", (kept, size)),
    ):
        value = getattr(history, name)
        if value.shape != shape and (kept or name != "snapshots"):
            yield f"has a history with {name} {tuple(value.shape)}; expected {shape}, as measures.history says"
        if not value.isfinite().all():
            yield f"has numbers that are not finite in {name} of its history"
    yield from _problems_of_numbers(history)


def _problems_of_numbers(history: History) -> Iterator[str]:
    if not history.epochs or not history.steps:
        yield f"has a history of {history.epochs} epochs and {history.steps} steps; expected 1 or more, or no history"
    for name, least, most, expected in (
        ("train_loss", 0, math.inf, "cross-entropies, which are not negative"),
        ("train_error", 0, 1, "fractions misclassified, from 0 to 1"),
        ("learning_rates", 0, math.inf, "rates, which are not negative"),
        ("snapshot_epochs", 1, history.epochs, f"epochs, from 1 to the last, which is {history.epochs}"),
    ):
        value = getattr(history, name)
        outside = value[(value < least) | (value > most)]
        if len(outside):
            yield f"has {float(outside[0]):g} in {name} of its history; expected {expected}"
    kept = history.snapshot_epochs
    if (kept.diff() <= 0).any():
        yield f"has the snapshot_epochs {kept.tolist()} in its history; expected each once, ascending"
