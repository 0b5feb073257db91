"""One loop that trains one network; read it aloud."""

import copy
import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.training.augmentation import draws_in_training, global_draws_seeded
from harness.training.batches import Batches, Examples
from harness.training.checkpoint import Checkpoint
from harness.training.data_set import DataSet
from harness.training.examples import data_set
from harness.training.log import TrainingLog
from harness.training.networks.building import build_for
from harness.training.optimizers import clip, epochs_at_most, optimizer_for, rate_at
from harness.training.precision import accelerated, forward
from harness.training.recipe import Recipe
from harness.training.state import TrainingState
from harness.training.stopping import StopAtLoss, loss_and_correct
from measures.history import History

AfterEpoch = Callable[[int, float], None]
"""Called with the epochs done and the last one's mean training loss in nats."""
AfterStep = Callable[[], None]

WATCHED_CHUNK = 256  # examples a forward pass


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

    The test error is watched where the recipe has no stopping loss. Decoded images are kept in `cache_dir`.
    """
    data = data_set(recipe, data_dir, cache_dir)
    test = data.test_inputs.to(device), data.test_labels.to(device)
    examples = Examples.of(data, device, watched=None if recipe.stop_loss else test)
    result = fit(recipe, examples, 0, steps, checkpoint, after_epoch, after_step)
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
    examples: Examples,
    reseed: int = 0,
    steps: int | None = None,
    checkpoint: Checkpoint | None = None,
    after_epoch: AfterEpoch | None = None,
    after_step: AfterStep | None = None,
) -> Fit:
    """Train the recipe's network on the given examples until the stopping loss, or for max_epochs.

    Of the recipe, only network, optimizer, regularizers, stopping rule and seed count: the examples are given. `reseed`
    other than 0 gives another initialisation and another order of examples. With `steps`, training takes exactly so
    many, whatever the loss. With a `checkpoint`, training goes on from what is kept there, to the same weights bit for
    bit, and keeps its own state after epochs, now and then.

    Raises HarnessError if the recipe's augmentation has no uncropped images to start from.
    """
    inputs, labels = examples.inputs, examples.labels
    model, init, optimizer = _before_training(recipe, examples, reseed)
    batches = Batches(recipe, examples, reseed)
    stop = StopAtLoss(model, inputs, labels, recipe.stop_loss if steps is None else 0.0, len(batches))
    log = TrainingLog(len(labels), inputs.device, attacked=examples.attack is not None)
    state = TrainingState(model, optimizer, (batches.order, batches.crops), stop, log)
    # Where the steps' own losses are not the network's on the training set. Our own networks draw by the recipe alone.
    other_losses = recipe.augmented or (recipe.network_code != "" and draws_in_training(init, inputs))
    with global_draws_seeded(recipe, reseed, inputs.device):
        for epoch in range(state.resume(checkpoint), epochs_at_most(recipe)):
            for batch, images, classes in batches.epoch():
                optimizer.param_groups[0]["lr"] = rate = rate_at(recipe, epoch, log.steps, len(batches))
                loss, logits = _step(recipe, model, optimizer, images, classes)
                log.step(batch, loss, logits, classes, rate)
                if after_step is not None:
                    after_step()
                reached = stop.reached(log.steps) or log.steps == steps
                if reached:
                    break
            if reached:
                break
            mean_loss = log.end_epoch()
            diverged = not math.isfinite(mean_loss)  # such a run will not fit any more
            if examples.watched is not None:
                state.test_errors.append(watched_error(model, *examples.watched, recipe))
            if other_losses and recipe.stop_loss and not diverged:
                mean_loss = loss_and_correct(model, inputs, labels)[0]
            reached = stop.epoch_ended(log.steps, mean_loss)
            if reached or diverged:
                break
            log.end_of_epoch(epoch + 1, model)
            state.keep(checkpoint, epoch + 1)
            if after_epoch is not None:
                after_epoch(epoch + 1, mean_loss)
    optimizer.zero_grad()
    model = model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    done = after_training(model, init, stop, log, state.test_errors, state.seconds())
    return done if steps is None else dataclasses.replace(done, fitted=done.train_loss <= recipe.stop_loss)


def _before_training(
    recipe: Recipe, examples: Examples, reseed: int
) -> tuple[nn.Module, nn.Module, torch.optim.Optimizer]:
    """The network in training mode, a copy of it that stays as it is now, the optimizer."""
    if recipe.augmentation and examples.uncropped is None:
        raise HarnessError(f"{recipe.id} cannot be trained on other examples: its augmentation needs uncropped images")
    seed = recipe.generator(f"network{reseed}").initial_seed()
    shape = tuple(examples.inputs.shape[1:])
    model = build_for(recipe, shape, examples.num_classes, seed).to(examples.inputs.device)
    init = copy.deepcopy(model).eval()
    model = accelerated(model, recipe.precision).train()
    return model, init, optimizer_for(recipe, model.parameters())


def _step(
    recipe: Recipe, model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, classes: Tensor
) -> tuple[Tensor, Tensor]:
    """Move the weights by one batch; its mean loss and its logits before."""
    logits = forward(model, images, recipe.precision)
    loss = F.cross_entropy(logits, classes)
    optimizer.zero_grad()
    loss.backward()
    clip(recipe, model.parameters())
    optimizer.step()
    return loss.detach(), logits.detach()


def after_training(
    model: nn.Module, init: nn.Module, stop: StopAtLoss, log: TrainingLog, test_errors: list[float], seconds: float
) -> Fit:
    """What came of it: the network in evaluation mode, measured on its training set, and the history closed."""
    train_loss, correct = loss_and_correct(model.eval(), stop.inputs, stop.labels)
    log.close(correct, stop.previous_step, stop.shortened_to)
    error = _error(correct)
    return Fit(model, init, log.history(), train_loss, error, stop.met, torch.tensor(test_errors), seconds)


@torch.no_grad()
def watched_error(model: nn.Module, inputs: Tensor, labels: Tensor, recipe: Recipe) -> float:
    """The fraction misclassified, in evaluation mode and the precision of training."""
    model.eval()
    wrong = 0
    for x, y in zip(inputs.split(WATCHED_CHUNK), labels.split(WATCHED_CHUNK), strict=True):
        wrong += int((forward(model, x, recipe.precision).argmax(dim=1) != y).sum())
    model.train()
    return wrong / len(labels)


def _error(correct: Tensor) -> float:
    return 1 - correct.double().mean().item()


def _if_finite(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None
