import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.quantities.mixup import class_pairs
from measures.representation.manifold_mixup_accuracy import logits_of_means, manifold_mixup_accuracy
from tests.builders.features import NETWORKS, assert_sees_no_change, labelled_network
from tests.builders.models import trained_model
from tests.measures.left_as_found import assert_leaves_all_as_found


def test_features_on_both_sides_of_0_meet_where_a_rectifier_makes_them_another_class():
    layers = [nn.Linear(1, 1), nn.Linear(1, 2), nn.Linear(2, 2)]
    with torch.no_grad():
        for layer, weight in zip(layers, ([[1.0]], [[1.0], [-1.0]], [[1.0, 1.0], [0.0, 0.0]]), strict=True):
            layer.weight.copy_(torch.tensor(weight))
            layer.bias.zero_()
        layers[2].bias.copy_(torch.tensor([-1.0, 0.0]))  # class 0 where |x| > 1
    network = nn.Sequential(layers[0], layers[1], nn.ReLU(), layers[2])
    trained = trained_model(network, torch.tensor([[-2.0], [2.0], [-0.5], [0.5]]), torch.tensor([0, 0, 1, 1]))
    assert manifold_mixup_accuracy(trained) == 0.5


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_rest_of_the_network_runs_on_the_mean_of_what_the_second_layer_receives(name, seed):
    trained = labelled_network(name, seed)
    second = [i for i, module in enumerate(trained.model) if isinstance(module, nn.Linear | nn.Conv2d)][1]
    first_part, rest = trained.model[:second], trained.model[second:]
    pairs, wrong = class_pairs(trained), 0
    for i, j in pairs.tolist():
        logits = rest((first_part(trained.inputs[[i]]) + first_part(trained.inputs[[j]])) / 2)
        torch.testing.assert_close(logits_of_means(trained, torch.tensor([[i, j]])), logits)
        wrong += int(logits.argmax()) != int(trained.labels[i])
    assert wrong > 0
    assert manifold_mixup_accuracy(trained) == pytest.approx(wrong / len(pairs), rel=1e-12)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_no_change(manifold_mixup_accuracy, seed)


def test_leaves_network_and_hooks_as_they_were():
    trained = labelled_network("convnet_bn", seed=0)
    assert_leaves_all_as_found(manifold_mixup_accuracy, trained)
    assert not any(module._forward_pre_hooks for module in trained.model.modules())


def test_is_not_applicable_with_one_hidden_layer():
    with pytest.raises(NotApplicable, match="1 hidden layers"):
        manifold_mixup_accuracy(labelled_network("mlp_1x4", seed=0))
    with pytest.raises(NotApplicable, match="0 hidden layers"):
        manifold_mixup_accuracy(trained_model(nn.Linear(2, 2), torch.eye(2), torch.tensor([0, 0])))


def test_is_not_applicable_where_no_label_occurs_twice():
    with pytest.raises(NotApplicable, match="none of 3"):
        manifold_mixup_accuracy(labelled_network("mlp_2x5", seed=0, num_train=3))
