"""Weights are moved by torch's optimizers, at the rates of torch's schedulers."""

import copy
import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from harness.training.examples import data_set
from harness.training.optimizers import epochs_at_most, rate_at
from harness.training.recipe import Recipe
from harness.training.stopping import TOLERANCE
from harness.training.train import train

pytestmark = pytest.mark.slow

SMALL = Recipe(data_set="digits", network="mlp_1x32", learning_rate=0.1, seed=0, num_train=100, batch_size=25)
STEPS = 4  # an epoch

TRAININGS: dict[str, dict[str, Any]] = {
    "sgd": {},
    "sgd without momentum": {"momentum": 0.0, "learning_rate": 0.3},
    "adam": {"optimizer": "adam", "learning_rate": 0.003},
    "adamw": {"optimizer": "adamw", "learning_rate": 0.003, "weight_decay": 0.1, "second_moment_decay": 0.95},
    "warm-up": {"optimizer": "adamw", "learning_rate": 0.003, "warmup_epochs": 3},
    "cosine": {"warmup_epochs": 2, "cosine_epochs": 200},
    "clipped": {"clip_norm": 0.5},
}
all_trainings = pytest.mark.parametrize("fields", TRAININGS.values(), ids=TRAININGS)

OF_TORCH = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def written_out(recipe: Recipe, init: torch.nn.Module, steps: int) -> torch.nn.Module:
    """So many steps as a user of torch would take them: its optimizer, its clipping, nothing fused."""
    data = data_set(recipe, Path())
    network = copy.deepcopy(init)
    options: dict[str, Any] = {"momentum": recipe.momentum}
    if recipe.optimizer != "sgd":
        options = {"betas": (recipe.momentum, recipe.second_moment_decay)}
    optimizer = OF_TORCH[recipe.optimizer](
        network.parameters(), lr=1.0, weight_decay=recipe.weight_decay, foreach=False, **options
    )
    order, done = recipe.generator("order0"), 0
    while done < steps:
        for batch in torch.randperm(100, generator=order).split(25):
            if done == steps:
                break
            optimizer.param_groups[0]["lr"] = rate_at(recipe, done // STEPS, done, STEPS)
            optimizer.zero_grad()
            F.cross_entropy(network(data.train_inputs[batch]), data.train_labels[batch]).backward()
            if recipe.clip_norm:
                torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip_norm)
            optimizer.step()
            done += 1
    return network


@all_trainings
def test_a_training_is_that_of_torch_written_out(fields: dict[str, Any]) -> None:
    recipe = dataclasses.replace(SMALL, stop_loss=0.0, max_epochs=3, **fields)
    fit, _, _ = train(recipe, Path())
    for ours, theirs in zip(fit.model.parameters(), written_out(recipe, fit.init, 12).parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@all_trainings
@pytest.mark.parametrize("condition", ["true_labels", "random_labels"])
def test_the_stopping_rule_holds_for_all(fields: dict[str, Any], condition: Any) -> None:
    _, outcome, _ = train(dataclasses.replace(SMALL, condition=condition, **fields), Path())
    assert outcome.fitted and outcome.train_loss is not None
    assert 0.01 * (1 - TOLERANCE) <= outcome.train_loss <= 0.01


def rates_of(scheduler: lr_scheduler.LRScheduler, optimizer: torch.optim.Optimizer, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@given(
    steps=st.integers(1, 7),
    epochs=st.integers(2, 9),
    warmup=st.integers(0, 4),
    rate=st.floats(1e-4, 1.0),
)
def test_a_warm_up_and_a_cosine_are_those_of_torchs_schedulers(
    steps: int, epochs: int, warmup: int, rate: float
) -> None:
    warmup = min(warmup, epochs - 1)
    recipe = dataclasses.replace(SMALL, learning_rate=rate, warmup_epochs=warmup, cosine_epochs=epochs)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    warm = warmup * steps
    cosine = lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps - warm)
    scheduler: lr_scheduler.LRScheduler = cosine
    if warm > 1:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
        rising = lr_scheduler.LinearLR(optimizer, 1 / warm, total_iters=warm - 1)
        cosine = lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps - warm)
        scheduler = lr_scheduler.SequentialLR(optimizer, [rising, cosine], milestones=[warm])
    ours = [rate_at(recipe, step // steps, step, steps) for step in range(epochs * steps)]
    if warm != 1:  # which is the full rate at once
        assert ours == pytest.approx(rates_of(scheduler, optimizer, epochs * steps), rel=1e-6, abs=1e-9 * rate)
    assert ours[:warm] == pytest.approx([rate * (step + 1) / warm for step in range(warm)])


@given(st.floats(0.5, 1.0), st.integers(1, 20))
def test_a_factor_every_epoch_is_torchs_exponential_rate(decay: float, epoch: int) -> None:
    recipe = dataclasses.replace(SMALL, learning_rate_decay_per_epoch=decay)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    rates = rates_of(lr_scheduler.ExponentialLR(optimizer, decay), optimizer, epoch + 1)
    assert rate_at(recipe, epoch, epoch * STEPS + 1, STEPS) == pytest.approx(rates[-1])


def test_without_a_schedule_the_rate_is_the_recipes_to_the_bit() -> None:
    assert {rate_at(SMALL, step // STEPS, step, STEPS) for step in range(50)} == {0.1}


def test_training_ends_with_its_cosine_which_would_go_on_at_a_rate_of_0() -> None:
    recipe = dataclasses.replace(SMALL, stop_loss=0.0, cosine_epochs=3)
    assert (epochs_at_most(recipe), epochs_at_most(SMALL)) == (3, 400)
    fit, outcome, _ = train(recipe, Path())
    assert (outcome.epochs, outcome.steps) == (3, 12)
    assert fit.history.learning_rates[-1] == pytest.approx(0.1 * (1 + math.cos(math.pi * 11 / 12)) / 2)
    assert epochs_at_most(dataclasses.replace(recipe, max_epochs=2)) == 2


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"optimizer": "lion"}, "optimizer is 'lion'; expected one of 'sgd', 'adam', 'adamw'"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; expected a number above 0"),
        ({"learning_rate": math.nan}, "learning_rate is nan; expected a number above 0"),
        ({"momentum": 1.0}, "momentum is 1.0, second_moment_decay 0.999; expected numbers from 0 to below 1"),
        (
            {"clip_norm": -1.0},
            "clip_norm -1.0, warmup_epochs 0, cosine_epochs 0; expected numbers that are not negative",
        ),
        ({"cosine_epochs": 3, "warmup_epochs": 3}, "the cosine has to be longer than the warm-up"),
        ({"cosine_epochs": 3, "learning_rate_decay_per_epoch": 0.9}, "and the only decay"),
        ({"batch_size": 0}, "batch_size is 0; expected a number of examples, 1 or more"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:
        dataclasses.replace(SMALL, **fields)
    assert sentence in str(refusal.value) and "\n" not in str(refusal.value)


def test_an_id_says_what_differs_from_sgd_with_momentum_at_a_constant_rate() -> None:
    fields = {"optimizer": "adamw", "warmup_epochs": 5, "cosine_epochs": 100, "clip_norm": 1.0}
    assert dataclasses.replace(SMALL, **fields).id == (
        "digits-mlp_1x32-true_labels-n100-batch25-rate0.1-adamw-warmup5-cosine100-clip1-seed0"
    )
    assert "-momentum0-" in dataclasses.replace(SMALL, momentum=0.0).id
