"""Training with dropout and random crops, and which units dropout draws."""

import dataclasses
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import harness.training.train
from harness.training.augmentation import global_draws_seeded
from harness.training.recipe import CONDITIONS, Recipe
from harness.training.stopping import LOOK_BELOW, TOLERANCE, loss_and_correct
from harness.training.train import train
from tests.builders.recorded_training import CROPPED, DROPPED, REGULARIZED, SMALL, fit_small


@pytest.mark.parametrize("recipe", REGULARIZED, ids=["dropout", "crop", "both"])
def test_a_regularizer_leaves_the_start_and_the_order_of_examples_as_they_were(recipe, recorded):
    recipe = dataclasses.replace(recipe, max_epochs=1)
    changed, seen, data = recorded(recipe)
    plain, seen_plain, _ = recorded(dataclasses.replace(recipe, dropout=0.0, random_crop=0))
    for ours, theirs in zip(changed.init.parameters(), plain.init.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert [len(batch) for batch in seen.batches] == [len(batch) for batch in seen_plain.batches]
    if not recipe.random_crop:
        assert seen.examples(data.train_inputs) == seen_plain.examples(data.train_inputs)


def test_every_image_of_every_step_is_cropped_anew(recorded):
    _, seen, data = recorded(dataclasses.replace(CROPPED, max_epochs=3))
    _, seen_plain, _ = recorded(dataclasses.replace(SMALL, max_epochs=3))
    padded = F.pad(data.train_inputs, (1, 1, 1, 1), mode="replicate")
    windows = torch.stack([padded[:, :, row : row + 8, column : column + 8] for row in range(3) for column in range(3)])
    by_place, by_example = [], torch.full((3, 200), -1)
    for step, (batch, images) in enumerate(zip(seen_plain.examples(data.train_inputs), seen.batches, strict=True)):
        fits = (windows[:, batch] == images).flatten(2).all(dim=2)  # (offset, example)
        assert fits.any(dim=0).all()
        by_place.append(fits.int().argmax(dim=0))
        by_example[step // 4, batch] = by_place[-1]
    assert len(by_place) == 12
    of_neighbours = by_example[:, 1:] == by_example[:, :-1]
    of_epochs = by_example[1:] == by_example[:-1]
    of_steps = torch.stack([by_place[step] == by_place[step + 1] for step in range(11) if step % 4 < 2])
    for equal in (of_neighbours, of_epochs, of_steps):
        assert 0.04 < equal.double().mean() < 0.2  # a ninth is expected


def test_dropout_silences_hidden_units_anew_in_every_step_and_none_outside_of_training(monkeypatch):
    steps = []  # which units of which examples were above 0 before and after

    def note(module, args, output):
        if module.training:
            before, after = args[0] != 0, output != 0
            assert torch.equal(output[after], 2 * args[0][after])
            steps.append((before, after))
        else:
            assert torch.equal(output, args[0])

    def build(*arguments):
        network = original(*arguments)
        (layer,) = (module for module in network if isinstance(module, torch.nn.Dropout))
        layer.register_forward_hook(note)
        return network

    original = harness.training.train.build_for
    monkeypatch.setattr(harness.training.train, "build_for", build)
    fit_small(dropout=0.5, num_train=192, max_epochs=2)
    assert len(steps) == 6
    for number, (before, after) in enumerate(steps):
        assert 0.45 < after[before].double().mean() < 0.55
        for other_before, other_after in steps[:number]:
            both = before & other_before
            assert 0.45 < (after[both] == other_after[both]).double().mean() < 0.55


@pytest.mark.slow
@pytest.mark.parametrize("recipe", REGULARIZED, ids=["dropout", "crop", "both"])
def test_a_regularized_run_ends_at_the_stopping_loss_of_the_plain_training_set(recipe):
    result, outcome, data = train(recipe, Path())
    loss, correct = loss_and_correct(result.model, data.train_inputs, data.train_labels)
    assert outcome.fitted
    assert 0.01 * (1 - TOLERANCE) <= outcome.train_loss == loss <= 0.01
    assert outcome.train_error == pytest.approx(1 - correct.double().mean().item(), abs=1e-6)


def test_a_regularized_run_stops_also_where_the_losses_of_its_steps_stay_far_above():
    recipe = dataclasses.replace(DROPPED, network="mlp_1x512", dropout=0.9, learning_rate=0.02, num_train=100)
    result, outcome, _ = train(recipe, Path())
    assert result.history.train_loss.min() > LOOK_BELOW * 0.01
    assert outcome.fitted
    assert 0.01 * (1 - TOLERANCE) <= outcome.train_loss <= 0.01


def test_a_regularized_run_that_diverges_ends_early():
    _, outcome, _ = train(dataclasses.replace(DROPPED, learning_rate=1e30, max_epochs=100), Path())
    assert not outcome.fitted
    assert outcome.epochs < 5


# The draws of dropout


HALF_DROPPED = Recipe(data_set="digits", network="mlp_1x8", learning_rate=0.1, seed=3, dropout=0.5)


def dropped(recipe: Recipe, reseed: int = 0) -> Tensor:
    with global_draws_seeded(recipe, reseed, torch.device("cpu")):
        return F.dropout(torch.ones(1000), recipe.dropout)


def test_dropout_draws_are_those_of_the_seed_whatever_was_drawn_before() -> None:
    torch.manual_seed(1)
    first = dropped(HALF_DROPPED)
    torch.manual_seed(2)
    assert torch.equal(dropped(HALF_DROPPED), first)


@pytest.mark.parametrize("condition", [each for each in CONDITIONS if each != "corrupted_labels"])
def test_twins_have_the_same_dropout_draws(condition) -> None:
    assert torch.equal(dropped(dataclasses.replace(HALF_DROPPED, condition=condition)), dropped(HALF_DROPPED))


def test_another_seed_and_a_reseed_give_other_dropout_draws() -> None:
    draws = [dropped(HALF_DROPPED), dropped(HALF_DROPPED, reseed=1), dropped(dataclasses.replace(HALF_DROPPED, seed=4))]
    assert len({tuple(each.tolist()) for each in draws}) == 3


def test_dropout_draws_are_none_that_another_purpose_makes() -> None:
    with global_draws_seeded(HALF_DROPPED, 0, torch.device("cpu")):
        drawn = torch.rand(5)
    for purpose in ("network0", "order0", "crop0", "attack", "labels"):
        assert not torch.equal(torch.rand(5, generator=HALF_DROPPED.generator(purpose)), drawn)


def test_the_global_random_state_is_as_it_was_after_dropout_also_after_an_error() -> None:
    state = torch.get_rng_state()
    dropped(HALF_DROPPED)
    assert torch.equal(torch.get_rng_state(), state)
    with pytest.raises(RuntimeError, match="broken"), global_draws_seeded(HALF_DROPPED, 0, torch.device("cpu")):
        torch.rand(3)
        raise RuntimeError("broken")
    assert torch.equal(torch.get_rng_state(), state)


def test_what_a_network_draws_without_the_recipes_dropout_is_a_function_of_the_recipe_as_well() -> None:
    plain = dataclasses.replace(HALF_DROPPED, dropout=0.0)
    state = torch.get_rng_state()
    draws = []
    for recipe in (plain, plain, dataclasses.replace(plain, seed=4)):
        torch.rand(len(draws))
        with global_draws_seeded(recipe, 0, torch.device("cpu")):
            draws.append(torch.rand(5))
    torch.set_rng_state(state)
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])
