import copy
import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn
from torch.nn.utils import parameters_to_vector

from measures import NotApplicable
from measures.stability.interpolation_barrier import interpolation_barrier
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import digits_model, random_network, trained_model
from tests.builders.small_networks import linear_model, two_layers
from tests.measures.left_as_found import assert_leaves_all_as_found


def retrained_to(trained, network):
    return dataclasses.replace(trained, retrain_function=lambda inputs, labels, reseed: copy.deepcopy(network))


def naive_barrier(trained, other):
    """Frankle et al.'s error barrier height: sup over 30 even places, less the mean of the ends."""
    errors = []
    for place in range(30):
        alpha, between = place / 29, copy.deepcopy(trained.model)
        state = {
            name: alpha * own + (1 - alpha) * other.state_dict()[name] if own.is_floating_point() else own
            for name, own in trained.model.state_dict().items()
        }
        between.load_state_dict(state)
        wrong = [int(between(x[None]).argmax()) != int(y) for x, y in zip(trained.inputs, trained.labels, strict=True)]
        errors.append(sum(wrong) / len(wrong))
    return max(errors) - (errors[0] + errors[-1]) / 2


def test_between_networks_that_use_one_unit_each_is_the_error_of_half_of_both():
    # x = 1: the logit of the label is α² + (1 − α)², 1 at the ends and 0.5006 in the middle; the other's is 0.6.
    first, second = (
        two_layers([[used], [1 - used], [1.0]], [[0, 0, 0.6], [used, 1 - used, 0]], [[1.0]], [1]) for used in (1.0, 0.0)
    )
    assert interpolation_barrier(retrained_to(first, second.model)) == 1


@pytest.mark.slow
@settings(deadline=None, max_examples=10)
@given(st.integers(0, 500), st.sampled_from(["mlp_2x5", "convnet_bn"]))
def test_is_the_papers_barrier_place_by_place(seed, name):
    trained, other = (random_network(name, each, size=4) for each in (seed, seed + 501))
    value = interpolation_barrier(retrained_to(trained, other.model))
    assert value == pytest.approx(naive_barrier(trained, other.model), abs=1e-12)
    assert -1e-12 <= value <= 1


def test_is_zero_to_itself_and_on_the_linear_models_that_agree():
    trained = random_network("mlp_2x5", seed=3)
    assert interpolation_barrier(retrained_to(trained, trained.model)) == 0
    fits = linear_model([[3.0], [0.0]], [[1.0], [-1.0]], [0, 1])
    other = linear_model([[0.5], [-7.0]], [[1.0], [-1.0]], [0, 1])
    assert interpolation_barrier(retrained_to(fits, other.model)) == 0


def test_trains_again_once_with_the_same_seed_and_the_same_examples_in_another_order():
    asked = []
    trained = random_network("mlp_1x4", seed=0)
    interpolation_barrier(
        dataclasses.replace(
            trained, retrain_function=lambda *arguments: asked.append(arguments) or copy.deepcopy(trained.model)
        )
    )
    ((inputs, labels, reseed),) = asked
    assert reseed == 0
    assert not torch.equal(inputs, trained.inputs)
    assert torch.equal(inputs, trained.inputs[trained.random_order])
    assert torch.equal(labels, trained.labels[trained.random_order])


def test_sees_all_changes_of_the_weights_but_a_shift_of_the_logits():
    def value(trained):
        name = "convnet_bn" if any(isinstance(each, nn.Conv2d) for each in trained.model.modules()) else "mlp_3x8"
        other = random_network(name, seed=60, size=4).model
        labels = torch.arange(len(trained.labels)) % 3
        return interpolation_barrier(retrained_to(dataclasses.replace(trained, labels=labels), other))

    on_another = dataclasses.replace(interpolation_barrier, function=value)
    assert_sees_only(on_another, {"layer_rescaling", "unit_permutation", "batch_norm_folding"}, seed=1)


def test_leaves_the_model_as_it_was():
    trained, other = (random_network("convnet_bn", seed, size=4) for seed in range(2))
    assert_leaves_all_as_found(interpolation_barrier, retrained_to(trained, other.model))


def test_needs_networks_of_one_size():
    trained = random_network("mlp_1x4", seed=0)
    with pytest.raises(NotApplicable, match="there is no line"):
        interpolation_barrier(retrained_to(trained, random_network("mlp_1x5", seed=0).model))
    alone = trained_model(copy.deepcopy(trained.model), trained.inputs, trained.labels)
    with pytest.raises(NotApplicable, match="train them again"):
        interpolation_barrier(alone)


@pytest.mark.slow
def test_two_trainings_begin_at_the_same_weights_and_differ():
    trained = digits_model("true_labels", num_train=60)
    order = trained.random_order
    other = trained.retrain(trained.inputs[order], trained.labels[order])
    start, first, second = (
        parameters_to_vector(each.parameters()).detach() for each in (trained.init, trained.model, other)
    )
    assert 0 < float((second - first).norm()) < float((first - start).norm())
