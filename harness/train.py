"""One loop that trains one network; read it aloud."""

import copy
import dataclasses
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.data import DataSet, data_set
from harness.history import SNAPSHOT_EPOCHS, History, flat_state
from harness.networks import build
from harness.recipe import Recipe
from harness.stopping import StopAtLoss, loss_and_correct


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """A network after training, the same network before its first step, and what happened between."""

    model: nn.Module
    init: nn.Module
    history: History
    train_loss: float
    train_error: float
    fitted: bool  # reached the stopping loss within max_epochs


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the harness keeps for itself; no measure sees it. Errors in [0, 1], losses in nats per example.

    A loss that is not finite (training diverged) is None.
    """

    train_loss: float | None
    train_error: float
    test_loss: float | None
    test_error: float
    epochs: int
    steps: int
    seconds: float
    fitted: bool

    @property
    def gap(self) -> float:
        return self.test_error - self.train_error


def train(recipe: Recipe, data_dir: Path, device: str = "cpu") -> tuple[Fit, Outcome, DataSet]:
    """Train the recipe from scratch and measure it on the test data."""
    data = data_set(recipe, data_dir)
    started = time.perf_counter()
    result = fit(recipe, data.train_inputs.to(device), data.train_labels.to(device), data.num_classes)
    seconds = time.perf_counter() - started
    test_loss, correct = loss_and_correct(result.model, data.test_inputs.to(device), data.test_labels.to(device))
    outcome = Outcome(
        train_loss=_if_finite(result.train_loss),
        train_error=result.train_error,
        test_loss=_if_finite(test_loss),
        test_error=_error(correct),
        epochs=result.history.epochs,
        steps=result.history.steps,
        seconds=seconds,
        fitted=result.fitted,
    )
    return result, outcome, data


def fit(recipe: Recipe, inputs: Tensor, labels: Tensor, num_classes: int, reseed: int = 0) -> Fit:
    """Train the recipe's network on the given examples until the stopping loss, or for max_epochs.

    Of the recipe, only network, optimizer, stopping rule and seed count: the examples are the arguments. `reseed`
    other than 0 gives another initialisation and another order of examples.
    """
    network_seed = recipe.generator(f"network{reseed}").initial_seed()
    order = recipe.generator(f"order{reseed}")
    model = build(recipe.network, tuple(inputs.shape[1:]), num_classes, network_seed).to(inputs.device)
    init = copy.deepcopy(model).eval()
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    steps_per_epoch = math.ceil(len(labels) / recipe.batch_size)
    stop = StopAtLoss(model, inputs, labels, recipe.stop_loss, steps_per_epoch)
    log = _Log(len(labels), inputs.device)

    model.train()
    fitted = False
    for epoch in range(recipe.max_epochs):
        rate = recipe.learning_rate * recipe.learning_rate_decay_per_epoch**epoch
        optimizer.param_groups[0]["lr"] = rate
        log.begin_epoch()
        for batch in torch.randperm(len(labels), generator=order).to(inputs.device).split(recipe.batch_size):
            logits = model(inputs[batch])
            loss = F.cross_entropy(logits, labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            log.step(batch, loss.detach(), logits.detach(), labels[batch], rate)
            if fitted := stop.reached(len(log.rates)):
                break
        if fitted:
            break
        mean_loss = log.end_epoch()
        fitted = stop.epoch_ended(len(log.rates), mean_loss)
        if fitted or not math.isfinite(mean_loss):
            break  # a run that diverged will not fit any more
        log.end_of_epoch(epoch + 1, model)

    model.eval()
    optimizer.zero_grad()
    train_loss, correct = loss_and_correct(model, inputs, labels)
    if fitted:
        if log.epoch:
            log.cut_epoch(correct)
        log.rates[stop.previous_step :] = [r * stop.shortened_to for r in log.rates[stop.previous_step :]]
    return Fit(model, init, log.history(), train_loss, _error(correct), fitted)


def _error(correct: Tensor) -> float:
    return 1 - correct.double().mean().item()


def _if_finite(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None


class _Log:
    """Collects the history while training; tensors are read back once an epoch."""

    def __init__(self, num_train: int, device: torch.device):
        self.num_train, self.device = num_train, device
        self.losses: list[float] = []
        self.correct: list[Tensor] = []
        self.rates: list[float] = []
        self.snapshots: dict[int, Tensor] = {}

    def begin_epoch(self) -> None:
        self.epoch: list[tuple[Tensor, Tensor, Tensor]] = []

    def step(self, batch: Tensor, loss: Tensor, logits: Tensor, labels: Tensor, rate: float) -> None:
        self.epoch.append((batch, loss * len(batch), logits.argmax(dim=1) == labels))
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
        self.losses.append(torch.stack([loss for _, loss, _ in self.epoch]).sum().item() / len(seen))
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
