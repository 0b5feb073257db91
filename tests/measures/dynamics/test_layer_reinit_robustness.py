import copy
import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.dynamics import layer_reinit_robustness as module
from measures.dynamics.layer_reinit_robustness import layer_reinit_robustness
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.measures.left_as_found import assert_leaves_all_as_found


def naive_robustness(trained):
    """Layer by layer on a copy, each with the batch normalization that follows it, unfolded."""
    errors, modules = [], list(trained.model)
    for index, layer in enumerate(modules):
        if not isinstance(layer, nn.Linear | nn.Conv2d):
            continue
        network = copy.deepcopy(trained.model)
        network[index].load_state_dict(trained.init[index].state_dict())
        if isinstance(modules[index + 1] if index + 1 < len(modules) else None, nn.BatchNorm2d):
            network[index + 1].load_state_dict(trained.init[index + 1].state_dict())
        wrong = [int(network(x[None]).argmax()) != int(y) for x, y in zip(trained.inputs, trained.labels, strict=True)]
        errors.append(sum(wrong) / len(wrong))
    return sum(errors) / len(errors)


def test_of_a_layer_that_only_copies_and_one_that_decides_half_the_answers_are_lost():
    def network(first, second):
        layers = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False))
        with torch.no_grad():
            layers[0].weight.copy_(torch.tensor(first))
            layers[2].weight.copy_(torch.tensor(second))
        return layers

    copies, decides, the_other_way = [[1.0, 0], [0, 1]], [[3.0, 0], [0, 3]], [[0.0, 3], [3, 0]]
    trained = trained_model(
        network(copies, decides), torch.eye(2), torch.tensor([0, 1]), init=network(copies, the_other_way)
    )
    assert layer_reinit_robustness(trained) == pytest.approx((0 + 1) / 2)


@pytest.mark.parametrize("name", ["mlp_3x5", "convnet", "convnet_bn"])
@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_mean_error_with_each_layer_and_its_normalization_set_back(name, seed):
    trained = random_network(name, seed)
    assert layer_reinit_robustness(trained) == pytest.approx(naive_robustness(trained), abs=1e-9)


def test_only_the_first_examples_of_the_random_order_count(monkeypatch):
    trained = random_network("mlp_2x5", seed=3)
    monkeypatch.setattr(module, "EXAMPLES", 7)
    first = trained.random_order[:7]
    few = dataclasses.replace(trained, inputs=trained.inputs[first], labels=trained.labels[first])
    assert layer_reinit_robustness(trained) == pytest.approx(naive_robustness(few), abs=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_a_network_that_never_left_its_start_keeps_its_training_error(seed):
    trained = random_network("convnet_bn", seed, size=4)
    stayed = dataclasses.replace(trained, init=trained.model)
    assert layer_reinit_robustness(stayed) == 0


@pytest.mark.parametrize("seed", [0, 5])
def test_sees_rescaling_and_permutation_but_not_folding_and_shift(seed):
    assert_sees_only(layer_reinit_robustness, {"layer_rescaling", "unit_permutation"}, seed)


def test_leaves_all_as_found():
    assert_leaves_all_as_found(layer_reinit_robustness, random_network("convnet_bn", seed=0, size=4))


def test_a_network_without_layers_has_none_to_set_back():
    flat = nn.Sequential(nn.Flatten())
    with pytest.raises(NotApplicable, match="no linear"):
        layer_reinit_robustness(trained_model(flat, torch.eye(2), torch.tensor([0, 1]), init=flat))


def test_a_layer_that_is_not_applied_does_not_count():
    trained = random_network("mlp_2x5", 3)
    expected = layer_reinit_robustness(trained)
    for network in (trained.model, trained.init):
        network[1].register_module("unused", nn.Linear(2, 2).double())
    assert layer_reinit_robustness(dataclasses.replace(trained)) == expected
