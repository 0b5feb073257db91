"""Accuracies along a training: table 1 keeps them beside its rows, and figure 2 draws them.

A test accuracy is after an epoch, a training accuracy that of the epoch's own steps, each measured before it.
"""

import math
from typing import Any

from torch import Tensor

from harness.training.recipe import Recipe
from measures.history import History


def accuracy_curve(recipe: Recipe, history: History, test_errors: Tensor) -> dict[str, list[Any]]:
    """Steps, training and test accuracy in percent, epoch by epoch. `test_errors` (epochs,): as training watched them;
    where it did not there are none."""
    steps_per_epoch = math.ceil(history.correct.shape[1] / recipe.batch_size)
    return {
        "steps": [steps_per_epoch * (epoch + 1) for epoch in range(history.epochs)],
        "train_accuracy": [_percent(1 - error) for error in history.train_error.tolist()],
        "test_accuracy": [_percent(1 - error) for error in test_errors.tolist()],
    }


def _percent(fraction: float) -> float:
    return round(100 * fraction, 3)
