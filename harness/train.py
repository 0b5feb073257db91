"""One loop that trains one network; read it aloud."""

import copy
import dataclasses
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.augmentation import dropout_seed, randomly_cropped
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


def train(
    recipe: Recipe, data_dir: Path, device: str = "cpu", steps: int | None = None
) -> tuple[Fit, Outcome, DataSet]:
    """Train the recipe from scratch and measure it on the test data; `steps` as for `fit`."""
    data = data_set(recipe, data_dir)
    attack = None
    if data.attack_inputs is not None and data.attack_labels is not None:
        attack = data.attack_inputs.to(device), data.attack_labels.to(device)
    started = time.perf_counter()
    inputs, labels = data.train_inputs.to(device), data.train_labels.to(device)
    result = fit(recipe, inputs, labels, data.num_classes, attack=attack, steps=steps)
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


def fit(
    recipe: Recipe,
    inputs: Tensor,
    labels: Tensor,
    num_classes: int,
    reseed: int = 0,
    attack: tuple[Tensor, Tensor] | None = None,
    steps: int | None = None,
) -> Fit:
    """Train the recipe's network on the given examples until the stopping loss, or for max_epochs.

    Of the recipe, only network, optimizer, regularizers, stopping rule and seed count: the examples are the
    arguments. `reseed` other than 0 gives another initialisation and another order of examples. The examples of
    `attack` are trained on as well; stopping loss and history are of the others. With `steps`, training takes exactly
    so many, whatever the loss.
    """
    network_seed = recipe.generator(f"network{reseed}").initial_seed()
    order = recipe.generator(f"order{reseed}")
    crops = recipe.generator(f"crop{reseed}")
    model = build(recipe.network, tuple(inputs.shape[1:]), num_classes, network_seed, recipe.dropout)
    model = model.to(inputs.device)
    init = copy.deepcopy(model).eval()
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    every_input, every_label = inputs, labels
    if attack is not None:
        every_input, every_label = torch.cat([inputs, attack[0]]), torch.cat([labels, attack[1]])
    steps_per_epoch = math.ceil(len(every_label) / recipe.batch_size)
    stop = StopAtLoss(model, inputs, labels, recipe.stop_loss, steps_per_epoch)
    log = _Log(len(labels), inputs.device, attacked=attack is not None)

    model.train()
    reached = False
    with dropout_seed(recipe, reseed, inputs.device):
        for epoch in range(recipe.max_epochs):
            rate = recipe.learning_rate * recipe.learning_rate_decay_per_epoch**epoch
            optimizer.param_groups[0]["lr"] = rate
            log.begin_epoch()
            for batch in torch.randperm(len(every_label), generator=order).to(inputs.device).split(recipe.batch_size):
                images = every_input[batch]
                logits = model(randomly_cropped(images, recipe.random_crop, crops) if recipe.random_crop else images)
                loss = F.cross_entropy(logits, every_label[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                log.step(batch, loss.detach(), logits.detach(), every_label[batch], rate)
                reached = stop.reached(len(log.rates)) if steps is None else len(log.rates) == steps
                if reached:
                    break
            if reached:
                break
            mean_loss = log.end_epoch()
            diverged = not math.isfinite(mean_loss)
            if recipe.augmented and not diverged:
                mean_loss = loss_and_correct(model, inputs, labels)[0]
            if reached := steps is None and stop.epoch_ended(len(log.rates), mean_loss):
                break
            if diverged:
                break  # a run that diverged will not fit any more
            log.end_of_epoch(epoch + 1, model)

    model.eval()
    optimizer.zero_grad()
    train_loss, correct = loss_and_correct(model, inputs, labels)
    if reached and log.epoch:
        log.cut_epoch(correct)
    if reached and steps is None:
        log.rates[stop.previous_step :] = [r * stop.shortened_to for r in log.rates[stop.previous_step :]]
    fitted = reached if steps is None else train_loss <= recipe.stop_loss
    return Fit(model, init, log.history(), train_loss, _error(correct), fitted)


def _error(correct: Tensor) -> float:
    return 1 - correct.double().mean().item()


def _if_finite(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None


class _Log:
    """Collects the history while training; tensors are read back once an epoch."""

    def __init__(self, num_train: int, device: torch.device, attacked: bool):
        self.num_train, self.device, self.attacked = num_train, device, attacked
        self.losses: list[float] = []
        self.correct: list[Tensor] = []
        self.rates: list[float] = []
        self.snapshots: dict[int, Tensor] = {}

    def begin_epoch(self) -> None:
        self.epoch: list[tuple[Tensor, Tensor, Tensor]] = []

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
