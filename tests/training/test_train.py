"""Training by a recipe: repeatable, the gradient descent written out, stopped where the recipe says."""

import copy
import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from harness.training.batches import Examples
from harness.training.examples import data_set
from harness.training.recipe import Recipe
from harness.training.stopping import TOLERANCE, loss_and_correct
from harness.training.train import fit, train
from tests.builders.recorded_training import (
    ATTACKED,
    REGULARIZED,
    SMALL,
    SMALL_CONVNET,
    every_example,
    fit_small,
    same_weights,
)

DIGITS_RATES = {"mlp_1x512": 0.2, "mlp_3x256": 0.06, "convnet": 0.06, "convnet_bn": 0.06}


def chunked(sequence, size):
    return [sequence[start : start + size] for start in range(0, len(sequence), size)]


@pytest.mark.parametrize(
    "recipe", [SMALL, SMALL_CONVNET, ATTACKED, *REGULARIZED], ids=lambda recipe: recipe.id.removeprefix("digits-")
)
def test_a_recipe_trains_the_same_network_bit_for_bit(recipe):
    recipe = dataclasses.replace(recipe, max_epochs=30)
    torch.manual_seed(1)
    first, outcome, _ = train(recipe, Path())
    torch.manual_seed(2)
    again, outcome_again, _ = train(recipe, Path())
    assert same_weights(first.model, again.model)
    assert same_weights(first.init, again.init)
    for field in dataclasses.fields(first.history):
        assert torch.equal(getattr(first.history, field.name), getattr(again.history, field.name))
    assert dataclasses.replace(outcome, seconds=0) == dataclasses.replace(outcome_again, seconds=0)


@pytest.mark.parametrize("condition", ["random_labels", "random_pixels", "gaussian", "shuffled_pixels"])
def test_twins_start_from_the_same_weights_and_see_the_examples_in_the_same_order(condition, recorded):
    natural, seen, data = recorded(dataclasses.replace(SMALL, max_epochs=3))
    twin, seen_by_twin, data_of_twin = recorded(dataclasses.replace(SMALL, max_epochs=3, condition=condition))
    assert same_weights(natural.init, twin.init)
    order, order_of_twin = seen.examples(data.train_inputs), seen_by_twin.examples(data_of_twin.train_inputs)
    assert len(order) == 12
    assert order == order_of_twin


def test_every_epoch_shows_every_example_once_in_an_order_of_its_own(recorded):
    _, seen, data = recorded(dataclasses.replace(SMALL, max_epochs=3))
    order = seen.examples(data.train_inputs)
    epochs = [[example for batch in batches for example in batch] for batches in chunked(order, 4)]
    assert all(sorted(epoch) == list(range(200)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    assert [len(batch) for batch in seen.batches[:4]] == [64, 64, 64, 8]


def test_another_seed_and_a_reseed_give_another_start_and_another_order(recorded):
    recipe = dataclasses.replace(SMALL, max_epochs=1)
    runs = [recorded(recipe), recorded(recipe, reseed=1), recorded(recipe, reseed=2)]
    runs += [recorded(dataclasses.replace(recipe, seed=1))]
    starts = {tuple(result.init[1].weight.flatten().tolist()) for result, _, _ in runs}
    orders = {str(seen.examples(data.train_inputs)) for _, seen, data in runs}
    assert len(starts) == len(orders) == 4


@pytest.mark.parametrize(
    "changes", [{}, {"attack": 100}, {"random_crop": 1}, {"attack": 100, "random_crop": 1}], ids=str
)
def test_is_gradient_descent_with_momentum_and_weight_decay_written_out(changes, recorded):
    """The history is of the training set as it was seen, whatever else is trained on."""
    recipe = dataclasses.replace(
        SMALL, max_epochs=2, momentum=0.8, weight_decay=0.01, learning_rate_decay_per_epoch=0.5, **changes
    )
    result, seen, data = recorded(recipe)
    inputs, labels = every_example(data)
    order = recorded(dataclasses.replace(recipe, random_crop=0))[1].examples(inputs)
    steps_per_epoch = len(order) // 2
    network = copy.deepcopy(result.init)
    weights = list(network.parameters())
    velocities = [torch.zeros_like(weight) for weight in weights]
    losses, correct = [{}, {}], [{}, {}]
    for step, (batch, images) in enumerate(zip(order, seen.batches, strict=True)):
        logits, epoch = network(images), step // steps_per_epoch
        every_loss = F.cross_entropy(logits, labels[batch], reduction="none")
        losses[epoch] |= dict(zip(batch, every_loss.tolist(), strict=True))
        correct[epoch] |= dict(zip(batch, (logits.argmax(dim=1) == labels[batch]).tolist(), strict=True))
        gradients = torch.autograd.grad(every_loss.mean(), weights)
        with torch.no_grad():
            for weight, gradient, velocity in zip(weights, gradients, velocities, strict=True):
                velocity.mul_(0.8).add_(gradient + 0.01 * weight)
                weight -= (0.1, 0.05)[epoch] * velocity
    for ours, by_hand in zip(result.model.parameters(), weights, strict=True):
        torch.testing.assert_close(ours, by_hand, rtol=1e-4, atol=1e-6)
    history = result.history
    assert history.learning_rates.tolist() == pytest.approx([0.1] * steps_per_epoch + [0.05] * steps_per_epoch)
    for epoch in range(2):
        expected = sum(losses[epoch][example] for example in range(200)) / 200
        assert history.train_loss[epoch].item() == pytest.approx(expected, rel=1e-4)
        assert history.correct[epoch].tolist() == [correct[epoch][example] for example in range(200)]


@pytest.mark.parametrize("condition", ["true_labels", "random_labels", "gaussian"])
@pytest.mark.parametrize("recipe", [SMALL, SMALL_CONVNET], ids=lambda recipe: recipe.network)
def test_a_fitted_run_ends_at_the_stopping_loss_to_a_thousandth(recipe, condition):
    result, outcome, data = train(dataclasses.replace(recipe, condition=condition), Path())
    assert outcome.fitted
    assert 0.01 * (1 - TOLERANCE) <= outcome.train_loss <= 0.01
    loss, correct = loss_and_correct(result.model, data.train_inputs, data.train_labels)
    assert outcome.train_loss == loss
    assert outcome.train_error == pytest.approx(1 - correct.double().mean().item(), abs=1e-6)
    test_loss, test_correct = loss_and_correct(result.model, data.test_inputs, data.test_labels)
    assert outcome.test_loss == test_loss
    assert outcome.test_error == pytest.approx(1 - test_correct.double().mean().item(), abs=1e-6)
    assert outcome.gap == outcome.test_error - outcome.train_error


FITTED = [
    pytest.param(network, condition, marks=[pytest.mark.long] if dear else [])
    for network in DIGITS_RATES
    for condition in ("true_labels", "random_labels")
    for dear in [network.startswith("convnet") and condition == "random_labels"]
]


@pytest.mark.slow
@pytest.mark.parametrize(("network", "condition"), FITTED)
def test_the_digits_networks_fit_true_and_random_labels_to_the_same_loss(network, condition):
    recipe = Recipe(
        data_set="digits", network=network, learning_rate=DIGITS_RATES[network], seed=0, condition=condition
    )
    _, outcome, _ = train(recipe, Path())
    assert outcome.fitted
    assert 0.01 * (1 - TOLERANCE) <= outcome.train_loss <= 0.01
    assert outcome.train_error <= 0.01
    if condition == "true_labels":
        assert outcome.test_error <= 0.07
    else:
        assert 0.8 <= outcome.test_error <= 0.97


@pytest.mark.parametrize("stop_loss", [0.5, 2.0])
def test_a_high_stopping_loss_is_met_as_exactly(stop_loss):
    _, outcome, _ = train(
        dataclasses.replace(SMALL, network="mlp_1x512", learning_rate=0.2, num_train=0, stop_loss=stop_loss), Path()
    )
    assert outcome.fitted
    assert stop_loss * (1 - TOLERANCE) <= outcome.train_loss <= stop_loss


@pytest.mark.parametrize("recipe", [SMALL, SMALL_CONVNET], ids=lambda recipe: recipe.network)
def test_the_history_has_a_row_for_every_epoch_and_a_rate_for_every_step(recipe, recorded):
    result, seen, _ = recorded(dataclasses.replace(recipe, condition="random_labels"))
    history = result.history
    steps_per_epoch = -(-recipe.num_train // 64)
    assert history.correct.shape == (history.epochs, recipe.num_train)
    assert history.correct.dtype == torch.bool
    assert history.train_loss.shape == history.train_error.shape == (history.epochs,)
    assert history.learning_rates.shape == (history.steps,)
    assert history.steps == len(seen.batches)
    assert (history.epochs - 1) * steps_per_epoch < history.steps <= history.epochs * steps_per_epoch
    torch.testing.assert_close(history.train_error, 1 - history.correct.float().mean(dim=1))


def test_the_rates_of_a_fitted_run_are_the_recipes_until_the_shortened_end():
    rates = fit_small().history.learning_rates
    shortened = rates < 0.1
    first = int(shortened.int().argmax()) if shortened.any() else len(rates)
    assert torch.equal(rates[:first], torch.full((first,), 0.1))
    assert first > 0.5 * len(rates)
    assert torch.equal(rates[first:], rates[-1:].expand(len(rates) - first))
    assert 0 < rates[-1] <= 0.1


def test_examples_that_the_last_epoch_did_not_reach_count_as_they_are_at_the_stop(recorded):
    # A slow run to a high loss: most of the last epoch is not reached, and many examples are still misclassified.
    recipe = dataclasses.replace(SMALL, num_train=60, batch_size=2, learning_rate=0.01, momentum=0.0)
    recipe = dataclasses.replace(recipe, stop_loss=1.0, condition="random_labels", seed=1)
    result, seen, data = recorded(recipe)
    assert result.fitted
    last = seen.examples(data.train_inputs)[(result.history.epochs - 1) * 30 :]
    reached = {example for batch in last for example in batch}
    unreached = [example for example in range(60) if example not in reached]
    assert len(unreached) > 5
    _, correct = loss_and_correct(result.model, data.train_inputs, data.train_labels)
    assert 0 < correct[unreached].sum() < len(unreached)
    assert torch.equal(result.history.correct[-1, unreached], correct[unreached])


def test_a_run_that_cannot_fit_says_so():
    recipe = dataclasses.replace(SMALL, network="mlp_1x2", condition="random_labels", max_epochs=5)
    result, outcome, _ = train(recipe, Path())
    assert not outcome.fitted
    assert outcome.epochs == result.history.epochs == 5
    assert outcome.steps == result.history.steps == 20
    assert outcome.train_loss > 0.01
    assert outcome.train_error > 0.3


def test_a_run_that_diverges_ends_early_and_is_not_fitted():
    recipe = dataclasses.replace(SMALL, learning_rate=1e30, max_epochs=100)
    _, outcome, _ = train(recipe, Path())
    assert not outcome.fitted
    assert outcome.epochs < 5
    assert outcome.train_loss is None


def test_a_rate_that_is_far_too_high_without_overflow_is_not_fitted_either():
    _, outcome, _ = train(dataclasses.replace(SMALL, learning_rate=1e6, max_epochs=20), Path())
    assert not outcome.fitted
    assert outcome.train_error > 0.5


def test_random_labels_on_digits_are_memorized_and_true_ones_learned():
    (_, learned, _), (_, memorized, _) = (
        train(dataclasses.replace(SMALL, condition=condition), Path()) for condition in ("true_labels", "random_labels")
    )
    assert learned.train_error <= 0.01 and memorized.train_error <= 0.01
    assert learned.test_error < 0.25 < 0.75 < memorized.test_error
    assert memorized.epochs > learned.epochs


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [SMALL, SMALL_CONVNET, REGULARIZED[-1]], ids=["mlp", "convnet_bn", "regularized"])
def test_the_global_random_states_and_the_data_are_left_as_they_were(recipe):
    data = data_set(recipe, Path())
    inputs, labels = data.train_inputs.clone(), data.train_labels.clone()
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    fit(recipe, Examples(data.train_inputs, data.train_labels, data.num_classes))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])
    assert random.getstate() == states[2]
    assert torch.equal(data.train_inputs, inputs)
    assert torch.equal(data.train_labels, labels)


@pytest.mark.parametrize("changes", [{}, {"max_epochs": 1}], ids=["fitted", "not fitted"])
def test_both_networks_come_in_evaluation_mode_without_gradients_and_without_shared_weights(changes):
    result = fit_small(**changes, network="convnet_bn", learning_rate=0.06)
    assert result.fitted == (not changes)
    for network in (result.model, result.init):
        assert not any(module.training for module in network.modules())
        assert all(parameter.grad is None for parameter in network.parameters())
        assert all(parameter.requires_grad for parameter in network.parameters())
    own = {parameter.data_ptr() for parameter in result.model.parameters()}
    assert not any(parameter.data_ptr() in own for parameter in result.init.parameters())


def test_the_examples_are_the_arguments_and_not_the_recipes():
    data = data_set(SMALL, Path())
    examples = Examples(data.train_inputs[:100], data.train_labels[:100], data.num_classes)
    some = fit(SMALL, examples)
    other_condition = dataclasses.replace(SMALL, condition="gaussian", num_train=77)
    again = fit(other_condition, examples)
    assert same_weights(some.model, again.model)
    assert some.history.correct.shape[1] == 100


# An attack: wrongly labelled images beside the training set


def test_an_attacked_network_reaches_the_stopping_loss_on_the_shared_images_alone():
    result, outcome, data = train(ATTACKED, Path())
    loss, correct = loss_and_correct(result.model, data.train_inputs, data.train_labels)
    assert outcome.fitted
    assert 0.01 * (1 - TOLERANCE) <= outcome.train_loss == loss <= 0.01
    assert outcome.train_error == pytest.approx(1 - correct.double().mean().item(), abs=1e-6)
    with_attack, correct = loss_and_correct(result.model, *every_example(data))
    assert with_attack > 0.011
    assert correct[200:].double().mean() > 0.9  # it was trained on


@pytest.mark.slow
def test_the_history_of_an_attacked_network_has_a_column_for_each_shared_image(recorded):
    result, seen, data = recorded(ATTACKED)
    history = result.history
    assert history.correct.shape == (history.epochs, 200)
    assert history.steps == len(seen.batches)
    assert 5 * (history.epochs - 1) < history.steps <= 5 * history.epochs
    torch.testing.assert_close(history.train_error, 1 - history.correct.float().mean(dim=1))
    order = seen.examples(every_example(data)[0])
    assert sorted(example for batch in order[:5] for example in batch) == list(range(300))


@pytest.mark.parametrize("recipe", [SMALL, ATTACKED], ids=["alone", "attacked"])
def test_the_loss_of_a_last_epoch_cut_short_is_the_mean_of_the_shared_images_that_it_met(recipe, recorded):
    result, seen, data = recorded(recipe, steps=11)
    inputs, labels = every_example(data)
    steps_per_epoch = -(-len(labels) // 64)
    start = (result.history.epochs - 1) * steps_per_epoch
    network, losses = copy.deepcopy(result.init), []
    for step, batch in list(enumerate(seen.examples(inputs)))[start:]:
        shared = [example for example in batch if example < 200]
        network.load_state_dict(seen.states[step])
        losses += F.cross_entropy(network(inputs[shared]), labels[shared], reduction="none").tolist()
    assert 0 < len(losses) < 200
    assert result.history.train_loss[-1].item() == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_a_last_epoch_that_met_the_attack_alone_counts_the_shared_images_as_they_are_at_the_stop(recorded):
    recipe = dataclasses.replace(SMALL, num_train=5, attack=100, batch_size=1)
    result, seen, data = recorded(recipe, steps=107)
    last = seen.examples(every_example(data)[0])[105:]
    assert all(example >= 5 for batch in last for example in batch)
    assert result.history.epochs == 2
    assert result.history.train_loss.isfinite().all()
    _, correct = loss_and_correct(result.model, data.train_inputs, data.train_labels)
    assert torch.equal(result.history.correct[-1], correct)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_larger_the_attack_the_larger_the_test_error(seed):
    errors = []
    for attack in (0, 100, 400):
        _, outcome, _ = train(dataclasses.replace(SMALL, seed=seed, attack=attack), Path())
        assert outcome.fitted
        assert outcome.train_error <= 0.01
        errors.append(outcome.test_error)
    assert errors[0] < errors[1] - 0.1 < errors[2] - 0.2


def test_an_attack_leaves_the_start_as_it_was(recorded):
    changed = dataclasses.replace(ATTACKED, max_epochs=1)
    assert same_weights(recorded(changed)[0].init, recorded(dataclasses.replace(changed, attack=0))[0].init)
