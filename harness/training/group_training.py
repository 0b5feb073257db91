"""Many seeds or twins of one recipe trained together, for devices on which small networks wait for kernels to launch.

`groups` says which recipes may be; `fit_group` is `train.fit` for such a group, the same as one by one up to
rounding: initialisation, order of examples, stopping rule and history. Every network stops by itself, where it reaches
the target; its row of the stack is trained on until the end of that epoch, and nobody looks at it.

How a network's sums are rounded depends on the group, as it does on the device: the same group gives the same networks
bit for bit where the device's kernels do, another group networks as near as training is stable.
"""

import copy
import dataclasses
import itertools
import math
import time
from collections.abc import Hashable, Iterable, Sequence

import torch
from torch import Tensor

from harness.training.batches import Labelled
from harness.training.log import TrainingLog
from harness.training.network_stack import NetworkStack, detach_from_stack
from harness.training.networks.building import build_for
from harness.training.optimizers import epochs_at_most, rate_at
from harness.training.recipe import Recipe
from harness.training.stopping import StopAtLoss
from harness.training.train import AfterEpoch, Fit, after_training, watched_error


def groups(recipes: Iterable[Recipe], largest: int) -> list[list[Recipe]]:
    """The recipes in groups of at most `largest` that `fit_group` can train, as equal in size as can be.

    Those of a group differ in seed, condition and corrupted fraction alone. A recipe that changes its examples or its
    network at random, or needs another model first, is a group of one. Kinds come in the order of their first recipes.
    Raises ValueError if `largest` is below 1.
    """
    if largest < 1:
        raise ValueError(f"largest is {largest}; expected a number of networks, 1 or more")
    kinds: dict[Hashable, list[Recipe]] = {}
    for number, recipe in enumerate(recipes):
        kinds.setdefault(_kind(recipe) or number, []).append(recipe)
    return [group for alike in kinds.values() for group in _evenly(alike, largest)]


def _kind(recipe: Recipe) -> Recipe | None:
    """What recipes that can be trained together have in common; None for one that cannot."""
    if recipe.augmented or recipe.attack or recipe.steps_of:
        return None
    return dataclasses.replace(recipe, seed=0, condition="true_labels", corrupted_fraction=0.0)


def _evenly(alike: list[Recipe], largest: int) -> list[list[Recipe]]:
    count = math.ceil(len(alike) / largest)
    ends = [len(alike) * part // count for part in range(count + 1)]
    return [alike[start:end] for start, end in itertools.pairwise(ends)]


def fit_group(
    recipes: Sequence[Recipe],
    data: Sequence[Labelled],
    num_classes: int,
    device: str = "cpu",
    watched: Sequence[Labelled] | None = None,
    after_epoch: AfterEpoch | None = None,
) -> list[Fit]:
    """Train a network for each recipe, on the examples that belong to it, as `harness.training.train.fit` would.

    The training sets, of equal size, are copied to the device as one tensor. The errors on the `watched` examples, a
    set for each recipe, are noted after every epoch. `after_epoch` gets the mean loss of the networks that are still
    in training. A network's seconds are its share of the time. There are no checkpoints.

    Raises ValueError for recipes that are not one group (`groups`), or training sets of unequal size.
    """
    _check(recipes, data)
    inputs = torch.stack([images for images, _ in data]).to(device)
    labels = torch.stack([classes for _, classes in data]).to(device)
    runs = [_Run(recipe, number, inputs[number], labels[number], num_classes) for number, recipe in enumerate(recipes)]
    for run, (test_inputs, test_labels) in zip(runs, watched or [], strict=watched is not None):
        run.watched = test_inputs.to(device), test_labels.to(device)
    stack = NetworkStack([run.model for run in runs], recipes[0])
    fits: dict[int, Fit] = {}
    running = runs
    epochs = epochs_at_most(recipes[0])
    for epoch in range(epochs):
        started = time.perf_counter()
        _train_epoch(running, stack, inputs, labels, epoch)
        for run in running:
            run.seconds += (time.perf_counter() - started) / len(running)
        last = epoch + 1 == epochs
        fits |= {run.number: run.result() for run in running if run.ended or last}
        going_on = [row for row, run in enumerate(running) if not run.ended]
        if not going_on:
            break
        running = [running[row] for row in going_on]
        if len(running) < len(stack.networks):
            stack.keep(going_on)
        if after_epoch is not None:
            after_epoch(epoch + 1, sum(run.log.losses[-1] for run in running) / len(running))
    return [fits[number] for number in range(len(runs))]


def _check(recipes: Sequence[Recipe], data: Sequence[Labelled]) -> None:
    if len(groups(recipes, max(1, len(recipes)))) != 1 or _kind(recipes[0]) is None:
        raise ValueError(f"{[recipe.id for recipe in recipes]} cannot be trained together; divide them by `groups`")
    shapes = {(images.shape, labels.shape) for images, labels in data}
    if len(data) != len(recipes) or len(shapes) != 1:
        raise ValueError(
            f"{len(recipes)} recipes with {len(data)} training sets of shapes {shapes}; expected one shape"
        )


class _Run:
    """The training of one network of the stack, and what `fit` holds for it."""

    def __init__(self, recipe: Recipe, number: int, inputs: Tensor, labels: Tensor, num_classes: int):
        self.recipe, self.number, self.inputs, self.labels = recipe, number, inputs, labels
        network_seed = recipe.generator("network0").initial_seed()
        self.model = build_for(recipe, tuple(inputs.shape[1:]), num_classes, network_seed).to(inputs.device)
        self.init = copy.deepcopy(self.model).eval()
        self.order = recipe.generator("order0")
        steps_per_epoch = math.ceil(len(labels) / recipe.batch_size)
        self.stop = StopAtLoss(self.model, inputs, labels, recipe.stop_loss, steps_per_epoch)
        self.log = TrainingLog(len(labels), torch.device("cpu"), attacked=False)
        self.watched: Labelled | None = None
        self.test_errors: list[float] = []
        self.reached = self.diverged = False
        self.seconds = 0.0

    @property
    def ended(self) -> bool:
        return self.reached or self.diverged

    def after_step(self, rate: float) -> None:
        """Unless it has stopped before: note the step, and stop if it reached the target."""
        if self.reached:
            return
        self.log.rates.append(rate)
        self.reached = self.stop.reached(self.log.steps)
        if self.reached:
            detach_from_stack(self.model)

    def end_epoch(self, epoch: int) -> None:
        """`epoch` epochs are done."""
        if self.reached:
            return  # within the epoch, which `result` closes
        mean_loss = self.log.end_epoch()
        if self.watched is not None:
            self.test_errors.append(watched_error(self.model, *self.watched, self.recipe))
        self.reached = self.stop.epoch_ended(self.log.steps, mean_loss)
        self.diverged = not math.isfinite(mean_loss)
        if not self.ended:
            self.log.end_of_epoch(epoch, self.model)

    def result(self) -> Fit:
        """Of the training that has ended, as `fit` closes it; the network leaves the stack."""
        detach_from_stack(self.model)
        return after_training(self.model, self.init, self.stop, self.log, self.test_errors, self.seconds)


def _train_epoch(running: list[_Run], stack: NetworkStack, inputs: Tensor, labels: Tensor, epoch: int) -> None:
    """An epoch of all, or what is left of it until the last one stops; only looks and the end wait for the device."""
    recipe, device = running[0].recipe, labels.device
    done = running[0].log.steps
    orders = torch.stack([torch.randperm(labels.shape[1], generator=run.order) for run in running])
    members = torch.tensor([run.number for run in running], device=device)[:, None]
    losses, correct = [], []
    for number, batch in enumerate(orders.to(device).split(recipe.batch_size, dim=1)):
        rate = rate_at(recipe, epoch, done + number, running[0].stop.steps_per_epoch)
        batch_losses, batch_correct = stack.step(inputs[members, batch], labels[members, batch], rate)
        losses.append(batch_losses * batch.shape[1])
        correct.append(batch_correct)
        for run in running:
            run.after_step(rate)
        if all(run.reached for run in running):
            break
    totals, flags = torch.stack(losses, dim=1).cpu(), torch.cat(correct, dim=1).cpu()
    for run, order, total, flag in zip(running, orders, totals, flags, strict=True):
        steps = run.log.steps - done  # fewer, if it stopped on the way
        seen = steps * recipe.batch_size
        run.log.epoch = [(order[:seen], total[:steps].sum(), flag[:seen])]
        run.end_epoch(epoch + 1)
