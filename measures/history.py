"""What training leaves behind besides the weights."""

import dataclasses
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from measures.absent import absent
from measures.errors import NotApplicable

SNAPSHOT_EPOCHS = (1, 2, 4, 8)
"""Ends of epochs at which the network is kept: early in training, where coherence and curvature still move."""


@dataclasses.dataclass(frozen=True, eq=False)
class History:
    """One row an epoch, as seen while training: before each step, in training mode, on the examples of the training
    set that measures receive.

    - `train_loss` (epochs,): mean cross-entropy of the epoch's examples, nats.
    - `train_error` (epochs,): fraction misclassified.
    - `correct` (epochs, n): whether each training example was classified correctly.
    - `learning_rates` (steps,): the rate of every step; the last ones are what was left of them (stopping.py). A
      measure from outside the project gets (epochs,), the rate at the beginning of every epoch (EpochHistory).
    - `snapshot_epochs` (k,): those of SNAPSHOT_EPOCHS that ended before the stop; `snapshots` (k, size): the network
      then, as `flat_state` in float16 (a relative error of 0.0005 for half the bytes).

    The last epoch may be cut short by the stop; the examples it did not reach count as they are at the stop.
    """

    train_loss: Tensor
    train_error: Tensor
    correct: Tensor
    learning_rates: Tensor
    snapshot_epochs: Tensor
    snapshots: Tensor

    if not TYPE_CHECKING:  # for a type checker, there are no other attributes

        def __getattr__(self, name: str) -> object:
            raise absent(self, name)

    @property
    def epochs(self) -> int:
        """Epochs begun until the stop."""
        return len(self.train_loss)

    @property
    def steps(self) -> int:
        """Steps taken until the stop."""
        return len(self.learning_rates)


class EpochHistory(History):
    """A history that counts epochs and not steps, as measures from outside the project get it.

    Steps would tell on how many examples the network was trained, also on those that a measure does not receive.
    """

    @property
    def steps(self) -> int:
        """Raises NotApplicable."""
        raise NotApplicable("the number of steps is not told to a measure from outside the project; count epochs")


def losses_of(history: History, epochs: int | None = None) -> Tensor:
    """`train_loss` (epochs,) float64, of these first ones or of all; NotApplicable where one is not finite, or none."""
    require_epochs(history)
    losses = history.train_loss[:epochs].double()
    if len(wrong := (~losses.isfinite()).nonzero()):
        first = int(wrong[0])
        raise NotApplicable(f"the training loss of epoch {first + 1} is {float(losses[first])}: training diverged")
    return losses


def require_epochs(history: History) -> None:
    """Raises NotApplicable for the history of a network that was not trained."""
    if not history.epochs or not len(history.learning_rates):
        raise NotApplicable(
            f"the history has {history.epochs} epochs and {len(history.learning_rates)} steps: no training"
        )


def flat_state(network: nn.Module) -> Tensor:
    """Weights and running statistics as one vector, in the order of the state dict; integer buffers left out."""
    floats = [tensor.detach().flatten() for tensor in _floats(network)]
    return torch.cat(floats) if floats else torch.empty(0)


def load_flat_state(network: nn.Module, state: Tensor) -> None:
    """Write a `flat_state` into the network, in place, in the network's own dtype."""
    floats = _floats(network)
    pieces = state.split([tensor.numel() for tensor in floats])
    with torch.no_grad():
        for tensor, piece in zip(floats, pieces, strict=True):
            tensor.copy_(piece.view_as(tensor))


def _floats(network: nn.Module) -> list[Tensor]:
    """Of the state dict, in which a module may keep what is not a tensor (get_extra_state)."""
    kept = network.state_dict().values()
    return [tensor for tensor in kept if isinstance(tensor, Tensor) and tensor.is_floating_point()]
