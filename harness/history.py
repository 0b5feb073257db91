"""What training leaves behind besides the weights."""

import dataclasses

from torch import Tensor


@dataclasses.dataclass(frozen=True, eq=False)
class History:
    """One row an epoch, as seen while training: before each step, in training mode.

    - `train_loss` (epochs,): mean cross-entropy of the epoch's examples, nats.
    - `train_error` (epochs,): fraction misclassified.
    - `correct` (epochs, n): whether each training example was classified correctly.
    - `learning_rates` (steps,): the rate of every step; the last ones are what was left of them (stopping.py).

    The last epoch may be cut short by the stop; the examples it did not reach count as they are at the stop.
    """

    train_loss: Tensor
    train_error: Tensor
    correct: Tensor
    learning_rates: Tensor

    @property
    def epochs(self) -> int:
        """Epochs begun until the stop."""
        return len(self.train_loss)

    @property
    def steps(self) -> int:
        """Steps taken until the stop."""
        return len(self.learning_rates)
