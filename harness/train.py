"""One loop that trains one network; read it aloud."""

import copy
import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.augmentation import augmented, dropout_seed, randomly_cropped
from harness.checkpoint import Checkpoint
from harness.data import DataSet, data_set
from harness.errors import HarnessError
from harness.history import History
from harness.networks import build
from harness.precision import accelerated, forward
from harness.recipe import Recipe
from harness.stopping import StopAtLoss, loss_and_correct
from harness.training_log import TrainingLog
from harness.training_state import TrainingState

AfterEpoch = Callable[[int, float], None]
"""Called with the epochs done and the last one's mean training loss in nats."""
AfterStep = Callable[[], None]


WATCH_CHUNK = 256  # examples a forward pass


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """A network after training, the same network before its first step, and what happened between."""

    model: nn.Module
    init: nn.Module
    history: History
    train_loss: float
    train_error: float
    fitted: bool  # reached the stopping loss within max_epochs
    test_errors: Tensor  # (epochs,) at their ends, where these were watched; else empty
    seconds: float  # of training, before an interruption included


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
    recipe: Recipe,
    data_dir: Path,
    device: str = "cpu",
    steps: int | None = None,
    cache_dir: Path | None = None,
    checkpoint: Checkpoint | None = None,
    after_epoch: AfterEpoch | None = None,
    after_step: AfterStep | None = None,
) -> tuple[Fit, Outcome, DataSet]:
    """Train the recipe from scratch, or from its checkpoint, and measure it on the test data; the rest as for `fit`.

    Decoded images are kept in `cache_dir`.
    """
    data = data_set(recipe, data_dir, cache_dir)
    attack = None
    if data.attack_inputs is not None and data.attack_labels is not None:
        attack = data.attack_inputs.to(device), data.attack_labels.to(device)
    inputs, labels = data.train_inputs.to(device), data.train_labels.to(device)
    test = data.test_inputs.to(device), data.test_labels.to(device)
    result = fit(
        recipe,
        inputs,
        labels,
        data.num_classes,
        attack=attack,
        steps=steps,
        uncropped=None if data.uncropped is None else data.uncropped.to(device),
        watched=None if recipe.stop_loss else test,
        checkpoint=checkpoint,
        after_epoch=after_epoch,
        after_step=after_step,
    )
    return result, outcome_of(result, *test), data


def outcome_of(result: Fit, test_inputs: Tensor, test_labels: Tensor) -> Outcome:
    """The trained network measured on the test data, which lie on its device."""
    test_loss, correct = loss_and_correct(result.model, test_inputs, test_labels)
    return Outcome(
        train_loss=_if_finite(result.train_loss),
        train_error=result.train_error,
        test_loss=_if_finite(test_loss),
        test_error=_error(correct),
        epochs=result.history.epochs,
        steps=result.history.steps,
        seconds=result.seconds,
        fitted=result.fitted,
    )


def fit(
    recipe: Recipe,
    inputs: Tensor,
    labels: Tensor,
    num_classes: int,
    reseed: int = 0,
    attack: tuple[Tensor, Tensor] | None = None,
    steps: int | None = None,
    uncropped: Tensor | None = None,
    watched: tuple[Tensor, Tensor] | None = None,
    checkpoint: Checkpoint | None = None,
    after_epoch: AfterEpoch | None = None,
    after_step: AfterStep | None = None,
) -> Fit:
    """Train the recipe's network on the given examples until the stopping loss, or for max_epochs.

    Of the recipe, only network, optimizer, regularizers, stopping rule and seed count: the examples are the
    arguments. `reseed` other than 0 gives another initialisation and another order of examples. The examples of
    `attack` are trained on as well; stopping loss and history are of the others. With `steps`, training takes exactly
    so many, whatever the loss. An augmentation makes its inputs from `uncropped` images. The error on the `watched`
    examples is noted after every epoch, in the precision of training.

    With a `checkpoint`, training goes on from what is kept there, to the same weights bit for bit, and keeps its own
    state after epochs, now and then.
    """
    if recipe.augmentation and uncropped is None:
        raise HarnessError(f"{recipe.id} cannot be trained on other examples: its augmentation needs uncropped images")
    network_seed = recipe.generator(f"network{reseed}").initial_seed()
    order = recipe.generator(f"order{reseed}")
    crops = recipe.generator(f"crop{reseed}")
    model = build(recipe.network, tuple(inputs.shape[1:]), num_classes, network_seed, recipe.dropout)
    model = model.to(inputs.device)
    init = copy.deepcopy(model).eval()
    model = accelerated(model, recipe.precision)
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
    log = TrainingLog(len(labels), inputs.device, attacked=attack is not None)
    state = TrainingState(model, optimizer, (order, crops), stop, log)

    def batch_inputs(batch: Tensor) -> Tensor:
        if uncropped is not None:
            return augmented(uncropped[batch], recipe, crops)
        images = every_input[batch]
        return randomly_cropped(images, recipe.random_crop, crops) if recipe.random_crop else images

    model.train()
    reached = False
    with dropout_seed(recipe, reseed, inputs.device):
        first_epoch = state.resume(checkpoint)
        for epoch in range(first_epoch, recipe.max_epochs):
            rate = recipe.learning_rate * recipe.learning_rate_decay_per_epoch**epoch
            optimizer.param_groups[0]["lr"] = rate
            log.begin_epoch()
            for batch in torch.randperm(len(every_label), generator=order).to(inputs.device).split(recipe.batch_size):
                logits = forward(model, batch_inputs(batch), recipe.precision)
                loss = F.cross_entropy(logits, every_label[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                log.step(batch, loss.detach(), logits.detach(), every_label[batch], rate)
                if after_step is not None:
                    after_step()
                reached = stop.reached(len(log.rates)) if steps is None else len(log.rates) == steps
                if reached:
                    break
            if reached:
                break
            mean_loss = log.end_epoch()
            diverged = not math.isfinite(mean_loss)
            if watched is not None:
                state.test_errors.append(_watch(model, *watched, recipe))
            if recipe.augmented and not diverged and recipe.stop_loss:
                mean_loss = loss_and_correct(model, inputs, labels)[0]
            if reached := steps is None and stop.epoch_ended(len(log.rates), mean_loss):
                break
            if diverged:
                break  # a run that diverged will not fit any more
            log.end_of_epoch(epoch + 1, model)
            state.keep(checkpoint, epoch + 1)
            if after_epoch is not None:
                after_epoch(epoch + 1, mean_loss)

    model = model.to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    optimizer.zero_grad()
    train_loss, correct = loss_and_correct(model, inputs, labels)
    if reached and log.epoch:
        log.cut_epoch(correct)
    if reached and steps is None:
        log.rates[stop.previous_step :] = [r * stop.shortened_to for r in log.rates[stop.previous_step :]]
    fitted = reached if steps is None else train_loss <= recipe.stop_loss
    test_errors = torch.tensor(state.test_errors)
    return Fit(model, init, log.history(), train_loss, _error(correct), fitted, test_errors, state.seconds())


@torch.no_grad()
def _watch(model: nn.Module, inputs: Tensor, labels: Tensor, recipe: Recipe) -> float:
    """The fraction misclassified, in evaluation mode and the precision of training."""
    model.eval()
    wrong = 0
    for x, y in zip(inputs.split(WATCH_CHUNK), labels.split(WATCH_CHUNK), strict=True):
        wrong += int((forward(model, x, recipe.precision).argmax(dim=1) != y).sum())
    model.train()
    return wrong / len(labels)


def _error(correct: Tensor) -> float:
    return 1 - correct.double().mean().item()


def _if_finite(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None
