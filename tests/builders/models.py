"""Small models for tests: a TrainedModel around any module, and random small networks."""

import copy
import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.training.batches import Examples
from harness.training.networks.building import build
from harness.training.recipe import Condition, Recipe
from harness.training.train import fit, train
from measures.history import History, flat_state
from measures.trained_model import TrainedModel


def history_of(steps: int = 10, epochs: int = 2, num_train: int = 4, rate: float = 0.1) -> History:
    """A plausible history: the loss halves every epoch, and every example is learned in the last one."""
    correct = torch.zeros(epochs, num_train, dtype=torch.bool)
    correct[-1] = True
    loss = 0.5 ** torch.arange(epochs, dtype=torch.float32)
    rates = torch.full((steps,), rate)
    return History(loss, 1 - correct.float().mean(dim=1), correct, rates, *no_snapshots())


def no_snapshots() -> tuple[Tensor, Tensor]:
    """The history of a network that was looked at only at the end."""
    return torch.empty(0, dtype=torch.int64), torch.empty(0, 0)


def with_snapshots(trained: TrainedModel, *networks: nn.Module) -> TrainedModel:
    """The model as if it had been these networks at the ends of epochs 1, 2, 4, ...; kept in their own dtype."""
    history = dataclasses.replace(
        trained.history,
        snapshot_epochs=2 ** torch.arange(len(networks)),
        snapshots=torch.stack([flat_state(network) for network in networks]),
    )
    return dataclasses.replace(trained, history=history)


def trained_model(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    init: nn.Module | None = None,
    num_classes: int | None = None,
    history: History | None = None,
    seed: int = 0,
    retrain_function: Callable[[Tensor, Tensor, int], nn.Module] | None = None,
) -> TrainedModel:
    """The module as if it had been trained on (inputs, labels), starting from `init` (all zeros if None)."""
    if init is None:
        init = copy.deepcopy(model)
        with torch.no_grad():
            for parameter in init.parameters():
                parameter.zero_()
    with torch.no_grad():
        outputs = model.eval()(inputs[:1]).shape[1]
    return TrainedModel(
        model,
        init.eval(),
        inputs,
        labels,
        num_classes or outputs,
        history or history_of(num_train=len(labels)),
        seed,
        retrain_function,
    )


def random_network(
    name: str, seed: int, num_train: int = 20, size: int = 6, num_classes: int = 3, dtype: torch.dtype = torch.float64
) -> TrainedModel:
    """An untrained network `name` (harness/training/networks.py) labelled by its own predictions, so that it fits them.

    Its weights are not those of `init`, and batch normalization has running statistics of its own.
    """
    return copy.deepcopy(_random_network(name, seed, num_train, size, num_classes, dtype))


@functools.lru_cache(maxsize=100)
def _random_network(
    name: str, seed: int, num_train: int, size: int, num_classes: int, dtype: torch.dtype
) -> TrainedModel:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(num_train, 1, size, size, generator=generator, dtype=dtype)
    model = build(name, (1, size, size), num_classes, seed).to(dtype)
    init = build(name, (1, size, size), num_classes, seed + 1000).to(dtype)
    with torch.no_grad():
        model.train()
        for _ in range(20 if list(model.buffers()) else 0):  # gives the running statistics something to be
            model(inputs + torch.randn(inputs.shape, generator=generator, dtype=dtype))
        labels = model.eval()(inputs).argmax(dim=1)
    return trained_model(model, inputs, labels, init=init, num_classes=num_classes, seed=seed)


def digits_model(condition: Condition, num_train: int = 300) -> TrainedModel:
    """A small network really trained on some digits, natural or randomized, that can be retrained."""
    recipe = Recipe(
        data_set="digits", network="mlp_1x128", learning_rate=0.1, seed=0, num_train=num_train, condition=condition
    )
    result, outcome, data = train(recipe, Path())
    assert outcome.fitted
    return trained_model(
        result.model,
        data.train_inputs,
        data.train_labels,
        init=result.init,
        history=result.history,
        retrain_function=lambda inputs, labels, reseed: (
            fit(recipe, Examples(inputs, labels, data.num_classes), reseed).model
        ),
    )
