"""Networks trained together are those trained one by one.

Training is chaotic: where the weights at the start differ by one unit in the last place, `fit` itself takes another
number of steps (a convnet on 200 random labels 329 in place of 421). So whole trainings are compared in float64, whose
rounding is still below a billionth when the last network stops; float32 and bfloat16 where little has been amplified.
"""

import collections
import copy
import dataclasses
import itertools
import math
import time
from pathlib import Path

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given

from harness.training.batches import Examples
from harness.training.examples import data_set
from harness.training.group_training import fit_group, groups
from harness.training.recipe import Recipe
from harness.training.train import fit
from measures.history import flat_state
from tests.builders.group_recipes import examples, recipes
from tests.builders.operands import Operands

pytestmark = pytest.mark.slow


def held_out(recipe):
    data = data_set(recipe, Path())
    return data.test_inputs.to(torch.get_default_dtype()), data.test_labels


def both(all_recipes, **arguments):
    """(together, one by one)"""
    data = [examples(recipe) for recipe in all_recipes]
    apart = [fit(recipe, Examples(*each, 10)) for recipe, each in zip(all_recipes, data, strict=True)]
    return fit_group(all_recipes, data, 10, **arguments), apart


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def assert_same_fit(ours, reference):
    """All of it but the seconds; floats to a billionth, decisions exactly."""
    for network, expected in ((ours.model, reference.model), (ours.init, reference.init)):
        assert not network.training
        assert network.state_dict().keys() == expected.state_dict().keys()
        for name, tensor in expected.state_dict().items():
            torch.testing.assert_close(network.state_dict()[name], tensor, rtol=1e-8, atol=1e-9, equal_nan=True)
    for field in ("train_loss", "learning_rates"):
        torch.testing.assert_close(
            getattr(ours.history, field), getattr(reference.history, field), rtol=1e-8, atol=0, equal_nan=True
        )
    for field in ("train_error", "correct", "snapshot_epochs"):
        assert torch.equal(getattr(ours.history, field), getattr(reference.history, field))
    torch.testing.assert_close(  # float16
        ours.history.snapshots, reference.history.snapshots, rtol=1e-3, atol=1e-6, equal_nan=True
    )
    assert ours.train_loss == pytest.approx(reference.train_loss, rel=1e-8, nan_ok=True)
    assert ours.train_error == reference.train_error
    assert ours.fitted == reference.fitted
    assert torch.equal(ours.test_errors, reference.test_errors)


def relative_distance(ours, reference):
    """Of the two networks' states, over how far the reference came from its start."""
    state, expected, start = (flat_state(each) for each in (ours.model, reference.model, reference.init))
    return ((state - expected).norm() / (expected - start).norm()).item()


@pytest.mark.slow
@pytest.mark.parametrize("network", ["mlp_1x64", "convnet_bn", pytest.param("convnet", marks=pytest.mark.long)])
def test_seeds_and_twins_trained_together_are_those_trained_one_by_one(network, float64):
    together, apart = both(recipes(network, seeds=2))
    for ours, reference in zip(together, apart, strict=True):
        assert reference.fitted
        assert_same_fit(ours, reference)
    assert len({each.history.steps for each in apart}) >= 5  # each stops by itself


def test_twins_of_a_convnet_are_the_same_after_the_first_epochs(float64):
    for ours, reference in zip(*both(recipes("convnet_bn", max_epochs=3)), strict=True):
        assert_same_fit(ours, reference)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"weight_decay": 0.01, "learning_rate_decay_per_epoch": 0.95, "max_epochs": 40},
        {"momentum": 0.0, "max_epochs": 30},
        {"momentum": 0.0, "weight_decay": 0.1, "stop_loss": 0.5, "max_epochs": 60},
        {"batch_size": 100, "max_epochs": 10},
        {"stop_loss": 1.0, "batch_size": 8},
        {"optimizer": "adam", "learning_rate": 0.01, "max_epochs": 12},
        {"optimizer": "adamw", "learning_rate": 0.01, "weight_decay": 0.1, "warmup_epochs": 2, "cosine_epochs": 12},
        {"clip_norm": 0.5, "learning_rate": 0.5, "max_epochs": 12},
    ],
    ids=str,
)
def test_optimizer_and_stopping_rule_are_those_of_the_recipe(changes, float64):
    for ours, reference in zip(*both(recipes(seeds=2, **changes)), strict=True):
        assert_same_fit(ours, reference)


@pytest.mark.slow
def test_corrupted_fractions_are_trained_together(float64):
    some = [
        dataclasses.replace(recipe, corrupted_fraction=fraction)
        for fraction in (0.2, 0.8)
        for recipe in recipes(conditions=["corrupted_labels"], corrupted_fraction=0.5)
    ]
    for ours, reference in zip(*both([*recipes(), *some]), strict=True):
        assert_same_fit(ours, reference)


def test_one_network_alone_is_a_stack_of_one(float64):
    ((ours,), (reference,)) = both(recipes(conditions=["true_labels"]))
    assert_same_fit(ours, reference)


@pytest.mark.parametrize("network", [pytest.param("inception_small", marks=pytest.mark.slow), "alexnet_small"])
def test_the_papers_networks_can_be_stacked(network, float64):
    few = recipes(network, num_train=12, batch_size=8, max_epochs=1)
    for ours, reference in zip(*both(few), strict=True):
        assert_same_fit(ours, reference)


def test_a_network_that_diverges_leaves_and_the_others_go_on(float64):
    some = recipes(max_epochs=8)
    data = [examples(recipe) for recipe in some]
    data[1] = (1e200 * data[1][0], data[1][1])
    together = fit_group(some, data, 10)
    assert not math.isfinite(together[1].train_loss)
    assert together[1].history.epochs == 1
    assert together[0].history.epochs == 8
    for ours, recipe, each in zip(together, some, data, strict=True):
        assert_same_fit(ours, fit(recipe, Examples(*each, 10)))


def test_test_errors_are_watched_after_every_epoch(float64):
    some = recipes(stop_loss=0, max_epochs=3)
    watched = [held_out(recipe) for recipe in some]
    data = [examples(recipe) for recipe in some]
    together = fit_group(some, data, 10, watched=watched)
    for ours, recipe, each, tests in zip(together, some, data, watched, strict=True):
        assert len(ours.test_errors) == 3
        assert_same_fit(ours, fit(recipe, Examples(*each, 10, watched=tests)))


def test_in_float32_whole_trainings_of_an_mlp_agree_but_for_rounding():
    """Rounding of 6e-8 a step is amplified to some 1e-5 of the way by the end."""
    for ours, reference in zip(*both(recipes(seeds=2, conditions=["true_labels"])), strict=True):
        assert abs(ours.history.steps - reference.history.steps) <= 1
        assert relative_distance(ours, reference) < 1e-3
        assert ours.train_error == reference.train_error


@pytest.mark.parametrize("network", ["convnet", "convnet_bn"])
def test_in_float32_a_convnet_is_the_same_after_an_epoch_but_for_rounding(network):
    for ours, reference in zip(*both(recipes(network, max_epochs=1)), strict=True):
        assert relative_distance(ours, reference) < 1e-3


@pytest.mark.parametrize("network", ["mlp_1x64", "convnet"])
def test_in_bfloat16_training_differs_from_autocast_by_no_more_than_autocast_from_float32(network):
    some = recipes(network, max_epochs=1, precision="bfloat16")
    together, apart = both(some)
    for ours, reference, recipe in zip(together, apart, some, strict=True):
        exact = fit(dataclasses.replace(recipe, precision="float32"), Examples(*examples(recipe), 10))
        rounding = relative_distance(reference, exact)
        assert 0.001 < rounding < 0.1
        assert 0.1 * rounding < relative_distance(ours, exact) < 2 * rounding
        assert relative_distance(ours, reference) < 2 * rounding


def test_an_epoch_waits_for_the_device_no_more_often_if_it_has_more_steps():
    waits = {}
    for batch_size in (4, 50):
        some = recipes(batch_size=batch_size, max_epochs=3, stop_loss=1e-9)
        data = [examples(recipe) for recipe in some]
        with Operands() as operands:
            fit_group(some, data, 10)
        waits[batch_size] = operands.waits
    assert waits[4] == waits[50]


def test_a_trained_network_owns_its_tensors_alone():
    """Else every one of them would keep the whole stack in memory."""
    together, _ = both(recipes("convnet_bn", max_epochs=2))
    for each in together:
        for tensor in [*each.model.parameters(), *each.model.buffers()]:
            assert tensor.untyped_storage().nbytes() == tensor.nbytes


def test_the_seconds_of_all_are_those_of_the_training():
    some = recipes(seeds=2, max_epochs=20)
    data = [examples(recipe) for recipe in some]
    started = time.perf_counter()
    together = fit_group(some, data, 10)
    elapsed = time.perf_counter() - started
    assert all(each.seconds > 0 for each in together)
    assert 0.3 * elapsed < sum(each.seconds for each in together) <= elapsed


def test_progress_is_told_after_every_epoch_with_the_mean_loss_of_those_in_training():
    told = []
    together, _ = both(recipes(max_epochs=12, stop_loss=0.3), after_epoch=lambda *each: told.append(each))
    assert len({each.history.epochs for each in together}) > 1
    assert [epoch for epoch, _ in told] == list(range(1, len(told) + 1))
    for epoch, loss in told:
        left = [each.history.train_loss for each in together if each.history.epochs > epoch or not each.fitted]
        assert loss == pytest.approx(sum(losses[epoch - 1].item() for losses in left) / len(left), rel=1e-5)


def test_training_leaves_the_examples_and_the_global_generator_alone():
    some = recipes(max_epochs=1)
    data = [examples(recipe) for recipe in some]
    before = copy.deepcopy(data)
    state = torch.get_rng_state()
    fit_group(some, data, 10)
    assert torch.equal(torch.get_rng_state(), state)
    for (images, labels), (images_before, labels_before) in zip(data, before, strict=True):
        assert torch.equal(images, images_before)
        assert torch.equal(labels, labels_before)


@pytest.mark.parametrize(
    "changes",
    [{"dropout": 0.5}, {"random_crop": 1}, {"attack": 10, "condition": "true_labels"}, {"learning_rate": 0.3}],
    ids=str,
)
def test_recipes_of_different_kinds_are_refused(changes):
    first, second = recipes(seeds=2, conditions=["true_labels"])
    some = [first, dataclasses.replace(second, **changes)]
    with pytest.raises(ValueError, match="cannot be trained together"):
        fit_group(some, [examples(first)] * 2, 10)


def test_a_recipe_with_dropout_is_refused_alone_as_well():
    (recipe,) = recipes(conditions=["true_labels"], dropout=0.5)
    with pytest.raises(ValueError, match="cannot be trained together"):
        fit_group([recipe], [examples(recipe)], 10)


def test_training_sets_of_unequal_size_are_refused():
    some = recipes(seeds=2, conditions=["true_labels"])
    images, labels = examples(some[0])
    with pytest.raises(ValueError, match="expected one shape"):
        fit_group(some, [(images, labels), (images[:50], labels[:50])], 10)
    with pytest.raises(ValueError, match="expected one shape"):
        fit_group(some, [(images, labels)], 10)


# Which recipes are trained together


fields = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 3),
        "network": st.sampled_from(["mlp_1x64", "convnet"]),
        "num_train": st.sampled_from([0, 100]),
        "precision": st.sampled_from(["float32", "bfloat16"]),
    },
    optional={"stop_loss": st.sampled_from([0.0, 0.01])},
)
variants = st.sampled_from(
    [
        {"condition": "true_labels"},
        {"condition": "random_labels"},
        {"condition": "gaussian"},
        {"condition": "corrupted_labels", "corrupted_fraction": 0.3},
        {"condition": "corrupted_labels", "corrupted_fraction": 0.6},
        {"condition": "true_labels", "attack": 10, "num_train": 50},
        {"condition": "random_labels", "dropout": 0.5},
        {"condition": "random_labels", "random_crop": 2},
        {"condition": "random_labels", "augmentation": "crop", "crop": 6, "standardisation": "each_image"},
        {"condition": "true_labels", "steps_of": "random_labels"},
    ]
)
any_recipe = st.builds(
    lambda some, variant: Recipe(**{"data_set": "digits", "learning_rate": 0.1, **some, **variant}), fields, variants
)


def alone(recipe):
    return any((recipe.dropout, recipe.random_crop, recipe.augmentation, recipe.attack, recipe.steps_of))


def alike(one, other):
    free = {"seed", "condition", "corrupted_fraction"}
    names = {field.name for field in dataclasses.fields(Recipe)} - free
    return all(getattr(one, name) == getattr(other, name) for name in names)


@given(st.lists(any_recipe, max_size=30), st.integers(1, 8))
def test_groups_are_a_partition_into_recipes_that_differ_in_seed_and_condition(some, largest):
    found = groups(some, largest)
    assert collections.Counter(itertools.chain(*found)) == collections.Counter(some)
    assert all(1 <= len(group) <= largest for group in found)
    for group in found:
        assert len(group) == 1 or not any(alone(recipe) for recipe in group)
        assert all(alike(group[0], recipe) for recipe in group)


@given(st.lists(any_recipe, max_size=30), st.integers(1, 8))
def test_groups_are_as_few_and_as_equal_as_can_be_and_keep_the_order(some, largest):
    found = groups(some, largest)
    for recipe in some:
        if alone(recipe):
            continue
        kind = [each for each in some if not alone(each) and alike(recipe, each)]
        of_kind = [group for group in found if not alone(group[0]) and alike(recipe, group[0])]
        assert len(of_kind) == math.ceil(len(kind) / largest)
        assert max(map(len, of_kind)) - min(map(len, of_kind)) <= 1
        assert list(itertools.chain(*of_kind)) == kind


def test_seven_seeds_in_groups_of_at_most_three_are_two_two_and_three():
    some = recipes(seeds=7, conditions=["true_labels"])
    assert sorted(len(group) for group in groups(some, 3)) == [2, 2, 3]


def test_no_recipes_are_no_groups():
    assert groups([], 5) == []


@pytest.mark.parametrize("largest", [0, -1])
def test_a_group_of_none_is_refused(largest):
    with pytest.raises(ValueError, match="largest"):
        groups(recipes(), largest)
