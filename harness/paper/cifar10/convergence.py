"""When a network has converged, and when it has begun to, from its history alone.

The loss and the error of an epoch are means over its steps, each taken before the step; they stand for the epoch's
middle, and between two middles they are taken to be linear. So a network that needs ten epochs is not timed to a tenth
only.

- Converged: the training error is 5%. It cannot be much less: with the paper's decay the rate of learning ends before
  MLP 1x512 has fitted the last of 50,000 random labels (the paper has 99.34% of them).
- Begun to converge: the training loss is half of log(number of classes), which is the loss of guessing. On a few noise
  images this can come second: all are told apart before one of them is told with confidence.
"""

import math

import numpy as np
from numpy.typing import NDArray

from measures.history import History

CONVERGED_ERROR = 0.05
BEGUN_SHARE = 0.5

Floats = NDArray[np.float64]


def middles(history: History, batch_size: int) -> Floats:
    """The step (epochs,) at the middle of every epoch, of which the last may be cut short."""
    steps_per_epoch = math.ceil(history.correct.shape[1] / batch_size)
    ends = np.minimum(steps_per_epoch * np.arange(1.0, history.epochs + 1), history.steps)
    return (np.concatenate([[0.0], ends[:-1]]) + ends) / 2


def steps_to_converge(history: History, batch_size: int) -> float | None:
    """Steps until the training error is CONVERGED_ERROR; None if it never was."""
    return first_at_most(CONVERGED_ERROR, middles(history, batch_size), history.train_error.double().numpy())


def steps_to_begin(history: History, batch_size: int, num_classes: int) -> float | None:
    """Steps until the training loss is BEGUN_SHARE of the loss of guessing; None if it never was."""
    threshold = BEGUN_SHARE * math.log(num_classes)
    return first_at_most(threshold, middles(history, batch_size), history.train_loss.double().numpy())


def first_at_most(threshold: float, steps: Floats, values: Floats) -> float | None:
    """Where the values (k,), joined by lines over their steps (k,), first come down to the threshold; None if nowhere.

    A value that is not finite is above it.
    """
    below = np.flatnonzero(values <= threshold)
    if not len(below):
        return None
    after = below[0]
    if after == 0 or not np.isfinite(values[after - 1]):
        return float(steps[after])
    fallen = (values[after - 1] - threshold) / (values[after - 1] - values[after])
    return float(steps[after - 1] + fallen * (steps[after] - steps[after - 1]))
