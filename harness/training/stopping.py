"""When training stops: at one training loss exactly, the same for every model.

Two networks can only be compared at the same training loss. Checked once an epoch, natural data would overshoot
the target by more than random labels do (its loss falls faster), by enough for the loss itself to tell the
twins apart. So the full training loss is looked at often near the target, and the step that passes the target (or
the few since the last look, taken together) is shortened until the loss is the target's to one part in a thousand.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LOOK_BELOW = 10.0  # times the target: an epoch's mean loss below this starts the looking
TOLERANCE = 1e-3  # relative: the final loss lies in [target · (1 − TOLERANCE), target]
MAX_HALVINGS = 40
CHUNK = 256  # examples a forward pass; stays in the cache


@torch.no_grad()
def loss_and_correct(model: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[float, Tensor]:
    """Mean cross-entropy (nats) in evaluation mode, and which examples are classified correctly (n,) bool."""
    was_training = model.training
    model.eval()
    loss, correct = 0.0, []
    for x, y in zip(inputs.split(CHUNK), labels.split(CHUNK), strict=True):
        logits = model(x)
        loss += F.cross_entropy(logits, y, reduction="sum").item()
        correct.append(logits.argmax(dim=1) == y)
    model.train(was_training)
    return loss / len(labels), torch.cat(correct)


class StopAtLoss:
    """Tells the training loop when to stop, and shortens the last step so that the loss is `target` (0: never).

    Once the target is `met`, `shortened_to` is the fraction kept of what was done since the step `previous_step`.
    """

    def __init__(self, model: nn.Module, inputs: Tensor, labels: Tensor, target: float, steps_per_epoch: int):
        self.model, self.inputs, self.labels = model, inputs, labels
        self.target, self.steps_per_epoch = target, steps_per_epoch
        self.next_look: int | None = None
        self.previous_loss: float | None = None
        self.met, self.shortened_to = False, 1.0
        self._remember(0)

    def epoch_ended(self, step: int, mean_loss: float) -> bool:
        """Start looking once the epoch's mean loss comes near the target; has the model reached it already?"""
        if not self.target or self.next_look is not None:
            return False
        if mean_loss < LOOK_BELOW * self.target:
            self.next_look = step
            return self.reached(step)
        self._remember(step)
        return False

    def reached(self, step: int) -> bool:
        """Has the model reached the target after this step? If so, it now stands at it."""
        if not self.target or self.next_look is None or step < self.next_look:
            return False
        loss = self._loss()
        if not math.isfinite(loss):
            self.next_look = step + self.steps_per_epoch  # diverged, which the end of the epoch will see as well
            return False
        if loss <= self.target:
            self._shorten_last_step()
            self.met = True
            return True
        self.next_look = step + self._wait(step, loss)
        self._remember(step, loss)
        return False

    def _wait(self, step: int, loss: float) -> int:
        """Half the steps that the target seems away, at the rate since the last look; one, if this is the first."""
        if self.previous_loss is None:
            return 1
        away = math.log(loss / self.target)
        steps = self.steps_per_epoch * away
        if loss < self.previous_loss:
            rate = math.log(self.previous_loss / loss) / (step - self.previous_step)
            steps = min(steps, away / rate)
        return max(1, int(steps / 2))

    def _shorten_last_step(self) -> None:
        """Bisect between the last look and now for the point whose loss is the target."""
        now = [tensor.clone() for tensor in self._state()]
        low, high = 0.0, 1.0
        for _ in range(MAX_HALVINGS):
            loss = self._loss()
            if self.target * (1 - TOLERANCE) <= loss <= self.target:
                return
            low, high = (self.shortened_to, high) if loss > self.target else (low, self.shortened_to)
            self._stand_at((low + high) / 2, now)
        self._stand_at(high, now)  # the loss jumps over the tolerance; here it is at most the target

    @torch.no_grad()
    def _stand_at(self, share: float, now: list[Tensor]) -> None:
        self.shortened_to = share
        for tensor, start, end in zip(self._state(), self.previous_state, now, strict=True):
            tensor.copy_(torch.lerp(start, end, share))

    def state(self) -> dict[str, Tensor]:
        """What it remembers, between two epochs."""
        none = -1 if self.next_look is None else self.next_look
        loss = math.nan if self.previous_loss is None else self.previous_loss
        return {
            "looks": torch.tensor([none, self.previous_step]),
            "previous_loss": torch.tensor(loss, dtype=torch.float64),
            **{f"previous.{number}": tensor for number, tensor in enumerate(self.previous_state)},
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        look, self.previous_step = state["looks"].tolist()
        self.next_look = None if look < 0 else look
        loss = state["previous_loss"].item()
        self.previous_loss = None if math.isnan(loss) else loss
        for number, tensor in enumerate(self.previous_state):
            tensor.copy_(state[f"previous.{number}"])

    def _loss(self) -> float:
        return loss_and_correct(self.model, self.inputs, self.labels)[0]

    def _state(self) -> list[Tensor]:
        """All that a step changes: weights, and the running statistics of batch normalization."""
        tensors = [*self.model.parameters(), *self.model.buffers()]
        return [tensor.detach() for tensor in tensors if tensor.is_floating_point()]

    def _remember(self, step: int, loss: float | None = None) -> None:
        self.previous_step, self.previous_loss = step, loss
        self.previous_state = [tensor.clone() for tensor in self._state()]
