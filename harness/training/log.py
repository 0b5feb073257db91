"""What is noted while a network trains, and becomes its history."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from measures.history import SNAPSHOT_EPOCHS, History, flat_state


class TrainingLog:
    """Collects the history while training; tensors are read back once an epoch."""

    def __init__(self, num_train: int, device: torch.device, attacked: bool):
        self.num_train, self.device, self.attacked = num_train, device, attacked
        self.losses: list[float] = []
        self.correct: list[Tensor] = []
        self.rates: list[float] = []
        self.snapshots: dict[int, Tensor] = {}
        self.epoch: list[tuple[Tensor, Tensor, Tensor]] = []

    @property
    def steps(self) -> int:
        """How many were taken so far."""
        return len(self.rates)

    def step(self, batch: Tensor, loss: Tensor, logits: Tensor, labels: Tensor, rate: float) -> None:
        """Note a step; examples beyond the first `num_train` are not in the history."""
        correct = logits.argmax(dim=1) == labels
        total = loss * len(batch)
        if self.attacked:
            own = batch < self.num_train
            batch, correct = batch[own], correct[own]
            total = F.cross_entropy(logits[own], labels[own], reduction="sum")
        self.epoch.append((batch, total, correct))
        self.rates.append(rate)

    def end_epoch(self) -> float:
        """Close the epoch; its mean loss, in nats."""
        self._close_epoch(torch.zeros(self.num_train, dtype=torch.bool, device=self.device))
        return self.losses[-1]

    def end_of_epoch(self, epoch: int, model: nn.Module) -> None:
        """Keep the network if this is one of the epochs that measures look back on."""
        if epoch in SNAPSHOT_EPOCHS:
            self.snapshots[epoch] = flat_state(model).to(torch.float16).cpu()

    def close(self, correct: Tensor, previous_step: int, shortened_to: float) -> None:
        """Training has ended, perhaps within an epoch: examples that this did not reach are `correct` (n,) or not.

        Of the steps since `previous_step` a fraction was kept, and as much of their rates.
        """
        if self.epoch:
            self._close_epoch(correct.to(self.device))
        self.rates[previous_step:] = [rate * shortened_to for rate in self.rates[previous_step:]]

    def _close_epoch(self, otherwise: Tensor) -> None:
        seen = torch.cat([batch for batch, _, _ in self.epoch])
        correct = otherwise.clone()
        correct[seen] = torch.cat([flags for _, _, flags in self.epoch])
        total = torch.stack([loss for _, loss, _ in self.epoch]).sum().item()
        self.losses.append(total / max(1, len(seen)))  # a cut epoch may have met the attack alone
        self.correct.append(correct.cpu())
        self.epoch = []

    def history(self) -> History:
        """All that was noted, as measures see it."""
        correct = torch.stack(self.correct)
        return History(
            train_loss=torch.tensor(self.losses),
            train_error=1 - correct.float().mean(dim=1),
            correct=correct,
            learning_rates=torch.tensor(self.rates),
            snapshot_epochs=torch.tensor(list(self.snapshots), dtype=torch.int64),
            snapshots=torch.stack([*self.snapshots.values()]) if self.snapshots else torch.empty(0, 0).half(),
        )

    def state(self) -> dict[str, Tensor]:
        """All of it, between two epochs."""
        return {
            "losses": torch.tensor(self.losses, dtype=torch.float64),
            "correct": torch.stack(self.correct),
            "rates": torch.tensor(self.rates, dtype=torch.float64),
            **{f"snapshot.{epoch}": state for epoch, state in self.snapshots.items()},
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        self.losses, self.rates = state["losses"].tolist(), state["rates"].tolist()
        self.correct = [*state["correct"]]
        kept = sorted(int(name.removeprefix("snapshot.")) for name in state if name.startswith("snapshot."))
        self.snapshots = {epoch: state[f"snapshot.{epoch}"] for epoch in kept}
