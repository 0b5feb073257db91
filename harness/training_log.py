"""What is noted while a network trains, and becomes its history."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.history import SNAPSHOT_EPOCHS, History, flat_state


class TrainingLog:
    """Collects the history while training; tensors are read back once an epoch."""

    def __init__(self, num_train: int, device: torch.device, attacked: bool):
        self.num_train, self.device, self.attacked = num_train, device, attacked
        self.losses: list[float] = []
        self.correct: list[Tensor] = []
        self.rates: list[float] = []
        self.snapshots: dict[int, Tensor] = {}
        self.epoch: list[tuple[Tensor, Tensor, Tensor]] = []

    def begin_epoch(self) -> None:
        self.epoch = []

    def step(self, batch: Tensor, loss: Tensor, logits: Tensor, labels: Tensor, rate: float) -> None:
        """Note a step; examples beyond the first `num_train` are none of the history's."""
        correct = logits.argmax(dim=1) == labels
        total = loss * len(batch)
        if self.attacked:
            own = batch < self.num_train
            batch, correct = batch[own], correct[own]
            total = F.cross_entropy(logits[own], labels[own], reduction="sum")
        self.epoch.append((batch, total, correct))
        self.rates.append(rate)

    def end_epoch(self) -> float:
        self.cut_epoch(torch.zeros(self.num_train, dtype=torch.bool, device=self.device))
        return self.losses[-1]

    def end_of_epoch(self, epoch: int, model: nn.Module) -> None:
        """Keep the network if this is one of the epochs that measures look back on."""
        if epoch in SNAPSHOT_EPOCHS:
            self.snapshots[epoch] = flat_state(model).to(torch.float16).cpu()

    def cut_epoch(self, otherwise: Tensor) -> None:
        """Close the epoch; examples it did not reach take their place from `otherwise`."""
        seen = torch.cat([batch for batch, _, _ in self.epoch])
        correct = otherwise.clone()
        correct[seen] = torch.cat([flags for _, _, flags in self.epoch])
        total = torch.stack([loss for _, loss, _ in self.epoch]).sum().item()
        self.losses.append(total / max(1, len(seen)))  # a cut epoch may have met the attack alone
        self.correct.append(correct.cpu())
        self.epoch = []

    def history(self) -> History:
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
