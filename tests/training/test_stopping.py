import copy
import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import nn

from harness.training.stopping import LOOK_BELOW, TOLERANCE, StopAtLoss, loss_and_correct
from tests.builders.models import random_network
from tests.builders.recorded_training import REGULARIZED, SMALL, SMALL_CONVNET, fit_small, same_state

pytestmark = pytest.mark.slow

STEPS_PER_EPOCH = 10


def certainty(weight):
    """A network that answers the inputs ±1 with class 1 and 0, the more surely the larger the weight."""
    network = nn.Linear(1, 2, bias=False, dtype=torch.float64)
    set_certainty(network, weight)
    return network


def set_certainty(network, weight):
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[0.0], [weight]], dtype=torch.float64))


INPUTS, LABELS = torch.tensor([[1.0], [-1.0]]).double(), torch.tensor([1, 0])


def weight_at(loss):
    """The certainty at which the mean cross-entropy is `loss`: log(1 + exp(-weight))."""
    return -math.log(math.expm1(loss))


def looking(network, target, inputs=INPUTS, labels=LABELS):
    """A stop that has begun to look, at the end of a first epoch."""
    stop = StopAtLoss(network, inputs, labels, target, STEPS_PER_EPOCH)
    stop.epoch_ended(STEPS_PER_EPOCH, mean_loss=1.5 * target)
    return stop


@settings(deadline=None)
@given(st.floats(0.001, 0.5), st.floats(1.01, 1.3), st.floats(0, 0.99))
def test_a_step_past_the_target_is_shortened_until_the_loss_is_the_targets(target, above, below):
    network = certainty(weight_at(target * above))
    stop = looking(network, target)
    end = weight_at(target * max(below, 1e-6))
    set_certainty(network, end)
    assert stop.reached(STEPS_PER_EPOCH + 1)
    loss, _ = loss_and_correct(network, INPUTS, LABELS)
    assert target * (1 - TOLERANCE) <= loss <= target
    start = weight_at(target * above)
    assert network.weight[1].item() == pytest.approx(start + stop.shortened_to * (end - start), rel=1e-9)
    assert 0 < stop.shortened_to < 1


def test_a_step_that_lands_on_the_target_is_kept_whole():
    network = certainty(weight_at(0.02))
    stop = looking(network, 0.01)
    set_certainty(network, weight_at(0.00999999))
    end = network.weight.clone()
    assert stop.reached(STEPS_PER_EPOCH + 1)
    assert stop.shortened_to == 1
    assert torch.equal(network.weight, end)


def test_a_loss_above_the_target_does_not_stop_and_changes_nothing():
    network = certainty(weight_at(0.02))
    stop = looking(network, 0.01)
    set_certainty(network, weight_at(0.0101))
    before = network.weight.clone()
    assert not stop.reached(STEPS_PER_EPOCH + 1)
    assert torch.equal(network.weight, before)


def test_nothing_is_looked_at_before_an_epochs_mean_loss_comes_near_the_target():
    network = certainty(weight_at(0.001))
    stop = StopAtLoss(network, INPUTS, LABELS, 0.01, STEPS_PER_EPOCH)
    assert not stop.reached(1)
    stop.epoch_ended(STEPS_PER_EPOCH, LOOK_BELOW * 0.01)
    assert not stop.reached(STEPS_PER_EPOCH + 1)
    stop.epoch_ended(2 * STEPS_PER_EPOCH, LOOK_BELOW * 0.01 - 1e-9)
    assert stop.reached(2 * STEPS_PER_EPOCH + 1)


def test_a_target_of_0_is_never_looked_for_and_never_reached():
    network = certainty(weight_at(1e-9))
    stop = StopAtLoss(network, INPUTS, LABELS, 0.0, STEPS_PER_EPOCH)
    for epoch in (1, 2):
        assert not stop.epoch_ended(epoch * STEPS_PER_EPOCH, mean_loss=0.0)
        assert not stop.reached(epoch * STEPS_PER_EPOCH + 1)
    assert stop.next_look is None


@pytest.mark.parametrize("mean_loss", [0.5, 0.03], ids=["not yet looking", "looking"])
def test_a_stop_that_takes_up_what_another_remembered_stands_where_that_one_would(mean_loss):
    ends = []
    for take_up in (False, True):
        network = certainty(weight_at(2.0))
        stop = StopAtLoss(network, INPUTS, LABELS, 0.01, STEPS_PER_EPOCH)
        set_certainty(network, weight_at(mean_loss))
        stop.epoch_ended(STEPS_PER_EPOCH, mean_loss)
        if take_up:
            kept = {name: tensor.clone() for name, tensor in stop.state().items()}
            set_certainty(network, weight_at(2.0))  # as a new process begins
            stop = StopAtLoss(network, INPUTS, LABELS, 0.01, STEPS_PER_EPOCH)
            stop.restore(kept)
            set_certainty(network, weight_at(mean_loss))
        for step, loss in ((1, 0.02), (2, 0.015)):
            set_certainty(network, weight_at(loss))
            assert not stop.reached(STEPS_PER_EPOCH + step)
        set_certainty(network, weight_at(0.003))
        reached = stop.reached(2 * STEPS_PER_EPOCH) or stop.epoch_ended(2 * STEPS_PER_EPOCH, 0.003)
        assert reached
        ends.append((network.weight[1].item(), stop.shortened_to, stop.previous_step))
    assert ends[0] == ends[1]
    assert 0 < ends[0][1] < 1


@pytest.mark.parametrize("weight", [math.nan, -math.inf])
def test_a_loss_that_is_no_longer_finite_has_not_reached_the_target(weight):
    network = certainty(weight_at(0.02))
    stop = looking(network, 0.01)
    set_certainty(network, weight)
    assert not stop.reached(STEPS_PER_EPOCH + 1)


@settings(deadline=None, max_examples=20)
@given(st.floats(0.005, 0.05), st.floats(0.005, 1 / STEPS_PER_EPOCH))
def test_a_steadily_falling_loss_is_stopped_at_the_step_that_passes_the_target_with_few_looks(target, rate):
    loss, step = 9 * target, STEPS_PER_EPOCH
    network = certainty(weight_at(loss))
    stop = StopAtLoss(network, INPUTS, LABELS, target, STEPS_PER_EPOCH)
    stop.epoch_ended(step, loss)
    looks, reached = 0, False
    while not reached:
        step += 1
        loss *= math.exp(-rate)
        set_certainty(network, weight_at(loss))
        looks += step >= stop.next_look
        reached = stop.reached(step)
    assert target * math.exp(-1.001 * rate) < loss <= target
    assert target * (1 - TOLERANCE) <= loss_and_correct(network, INPUTS, LABELS)[0] <= target
    assert looks < (step - STEPS_PER_EPOCH) / 2


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_batch_normalizations_running_statistics_go_the_same_part_of_the_way(seed, share):
    trained = random_network("convnet_bn", seed)
    with torch.no_grad():
        trained.model[-1].weight *= 20  # the labels are its own predictions: now it is sure of them
    network = copy.deepcopy(trained.init)
    first = copy.deepcopy(network.state_dict())
    last = copy.deepcopy(trained.model.state_dict())
    loss_of = {}
    for name, state in (("first", first), ("last", last)):
        network.load_state_dict(state)
        loss_of[name] = loss_and_correct(network, trained.inputs, trained.labels)[0]
    assert loss_of["first"] > loss_of["last"]
    target = share * loss_of["first"] + (1 - share) * loss_of["last"]
    network.load_state_dict(first)
    stop = looking(network, target, trained.inputs, trained.labels)
    network.load_state_dict(last)
    assert stop.reached(STEPS_PER_EPOCH + 1)
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            assert torch.equal(tensor, last[name])
        else:
            torch.testing.assert_close(tensor, torch.lerp(first[name], last[name], stop.shortened_to))
    assert not torch.equal(first["1.running_var"], last["1.running_var"])
    loss, _ = loss_and_correct(network, trained.inputs, trained.labels)
    assert target * (1 - TOLERANCE) <= loss <= target


@pytest.mark.slow
@settings(deadline=None, max_examples=20)
@given(st.sampled_from(["mlp_2x5", "convnet", "convnet_bn"]), st.integers(0, 1000), st.integers(1, 600))
def test_loss_and_correct_are_those_of_one_pass_over_everything(name, seed, num_train):
    trained = random_network(name, seed, num_train=num_train, size=4)
    labels = torch.arange(num_train) % 3
    loss, correct = loss_and_correct(trained.model, trained.inputs, labels)
    with torch.no_grad():
        logits = trained.model(trained.inputs)
    assert loss == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-9)
    assert torch.equal(correct, logits.argmax(dim=1) == labels)


@pytest.mark.parametrize("training", [True, False])
def test_loss_and_correct_judges_in_evaluation_mode_and_leaves_mode_and_statistics_alone(training):
    trained = random_network("convnet_bn", seed=0)
    expected = loss_and_correct(trained.model, trained.inputs, trained.labels)
    trained.model.train(training)
    before = copy.deepcopy(trained.model.state_dict())
    loss, correct = loss_and_correct(trained.model, trained.inputs, trained.labels)
    assert loss == expected[0]
    assert torch.equal(correct, expected[1])
    assert all(module.training == training for module in trained.model.modules())
    assert all(torch.equal(value, before[name]) for name, value in trained.model.state_dict().items())
    assert all(parameter.grad is None for parameter in trained.model.parameters())


# A number of steps in place of the stopping loss


STEPS = dataclasses.replace(SMALL_CONVNET, max_epochs=40)


@pytest.mark.parametrize("recipe", [SMALL, STEPS, REGULARIZED[-1]], ids=["mlp", "convnet_bn", "regularized"])
def test_a_run_of_so_many_steps_is_where_a_longer_one_passes(recipe, recorded):
    _, longer, _ = recorded(recipe, steps=30)
    for steps in (1, 3, 4, 11, 12, 29):
        result, _, _ = recorded(recipe, steps=steps)
        assert result.history.steps == steps
        assert same_state(result.model.state_dict(), longer.states[steps])


@pytest.mark.parametrize("recipe", [SMALL, STEPS], ids=["mlp", "convnet_bn"])
def test_a_run_beyond_the_stopping_loss_passes_through_the_one_that_stops_there(recipe, recorded):
    stopped, seen, _ = recorded(recipe)
    assert stopped.fitted
    steps = stopped.history.steps + 20
    result, seen_longer, _ = recorded(recipe, steps=steps)
    assert result.history.steps == steps
    assert len(seen.states) == stopped.history.steps
    assert all(same_state(a, b) for a, b in zip(seen.states, seen_longer.states[: len(seen.states)], strict=True))
    whole = stopped.history.epochs - 1
    assert torch.equal(result.history.correct[:whole], stopped.history.correct[:whole])
    assert torch.equal(result.history.train_loss[:whole], stopped.history.train_loss[:whole])
    assert result.train_loss < stopped.train_loss


def test_a_number_of_steps_goes_on_where_the_loss_is_low_already_after_an_epoch():
    assert fit_small(stop_loss=5.0).history.epochs == 1
    assert fit_small(stop_loss=5.0, steps=30).history.steps == 30


def test_no_step_of_a_number_of_steps_is_shortened():
    result = fit_small(steps=90)
    assert torch.equal(result.history.learning_rates, torch.full((90,), 0.1))
    assert result.train_loss < 0.01 * (1 - TOLERANCE)


@pytest.mark.parametrize("steps, fitted", [(3, False), (90, True)])
def test_a_number_of_steps_has_fitted_if_its_loss_is_at_most_the_stopping_loss(steps, fitted):
    result = fit_small(steps=steps)
    assert result.fitted == fitted == (result.train_loss <= 0.01)


@pytest.mark.parametrize("steps, epochs", [(3, 1), (4, 1), (5, 2), (12, 3)])
def test_a_number_of_steps_begins_no_epoch_that_it_does_not_need(steps, epochs):
    history = fit_small(steps=steps).history
    assert history.epochs == len(history.correct) == epochs


# Stopping early


@pytest.mark.parametrize("recipe", [SMALL, SMALL_CONVNET], ids=lambda recipe: recipe.network)
def test_a_run_of_three_epochs_is_the_first_three_of_the_full_run(recipe, recorded):
    recipe = dataclasses.replace(recipe, condition="random_labels")
    full, seen, _ = recorded(recipe)
    early, _, _ = recorded(dataclasses.replace(recipe, max_epochs=3))
    assert not early.fitted
    assert early.history.epochs == 3 < full.history.epochs
    for name in ("train_loss", "train_error", "correct"):
        assert torch.equal(getattr(early.history, name), getattr(full.history, name)[:3])
    steps = early.history.steps
    assert torch.equal(early.history.learning_rates, full.history.learning_rates[:steps])
    assert early.history.snapshot_epochs.tolist() == [1, 2]
    assert torch.equal(early.history.snapshots, full.history.snapshots[:2])
    assert same_state(early.model.state_dict(), seen.states[steps])
