import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from measures import NotApplicable
from measures.curvature.takeuchi_information import takeuchi_information, takeuchi_information_train
from measures.quantities.hold_out import hold_out
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.retraining import assert_sees_no_change_of_the_given_network
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found
from tests.references.explicit_gradients import gradients_one_by_one
from tests.references.loss_surfaces import exact_hessian


def naive_ratio(network, inputs, labels):
    """tr C / tr F, a backward pass for each example and for each example and class."""
    noise = gradients_one_by_one(network, inputs, labels).square().sum(dim=1).mean()
    probabilities = network(inputs).softmax(dim=1).detach()
    of_classes = [
        gradients_one_by_one(network, inputs, torch.full_like(labels, y)).square().sum(dim=1)
        for y in range(probabilities.shape[1])
    ]
    return float(noise / (probabilities * torch.stack(of_classes, dim=1)).sum(dim=1).mean())


def retrained_as(trained, network, asked=None):
    """The model, which retraining makes this network of; what it was asked to train on is put into `asked`."""

    def retrain(inputs, labels, reseed):
        if asked is not None:
            asked.append((inputs, labels))
        return network

    return dataclasses.replace(trained, retrain_function=retrain)


def test_of_two_opposite_labels_on_the_same_input_is_1():
    # Both gradients are ±(1/2, -1/2): tr C = 1/2; H = 1/4 [[1, -1], [-1, 1]]: tr H = 1/2
    trained = linear_model([[0.0], [0.0]], inputs=[[1.0], [1.0]], labels=[0, 1])
    assert takeuchi_information_train(trained) == pytest.approx(1, rel=1e-12)


def test_a_gradient_that_all_examples_share_is_noise_as_well():
    # p = 3/4 for the label: the gradient is 1/4 (-1, 1), tr C = 1/8, and tr F = 2 p (1 - p) = 3/8
    trained = linear_model([[0.0], [0.0]], inputs=[[1.0]] * 3, labels=[0] * 3)
    with torch.no_grad():
        trained.model.weight.copy_(torch.tensor([[torch.tensor(3.0).log()], [0.0]]))
    assert takeuchi_information_train(trained) == pytest.approx(1 / 3, rel=1e-6)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_on_the_training_set_is_the_ratio_of_the_traces_by_a_gradient_for_each_example_and_label(kind):
    trained = small_network(kind, seed=0)
    expected = naive_ratio(trained.model, trained.inputs, trained.labels)
    assert takeuchi_information_train(trained) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_is_that_ratio_of_the_network_trained_without_a_tenth_on_that_tenth(kind):
    trained, other, asked = small_network(kind, seed=0), small_network(kind, seed=1).model, []
    held_out, kept = hold_out(trained)
    expected = naive_ratio(other, trained.inputs[held_out], trained.labels[held_out])
    assert takeuchi_information(retrained_as(trained, other, asked)) == pytest.approx(expected, rel=1e-9)
    ((inputs, labels),) = asked
    assert torch.equal(inputs, trained.inputs[kept])
    assert torch.equal(labels, trained.labels[kept])


def test_of_a_network_that_fits_what_it_saw_and_no_more_is_large_on_what_it_did_not_see():
    # The value on the training set is that of the residuals there, about 1; held out, a label of probability p costs
    # (1 - p)² for a curvature of p (1 - p): (1 - p) / p.
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(2, (40,), generator=generator)
    network = nn.Linear(40, 2, bias=False).double()
    with torch.no_grad():
        network.weight.copy_(5 * F.one_hot(labels, 2).T)
    trained = dataclasses.replace(
        random_linear_model(0, num_train=40, size=40),
        model=network,
        inputs=torch.eye(40, dtype=torch.float64),
        labels=labels,
    )
    wrong = nn.Linear(40, 2, bias=False).double()
    with torch.no_grad():
        wrong.weight.copy_(5 * F.one_hot(1 - labels, 2).T)
    assert takeuchi_information_train(trained) < 1
    assert takeuchi_information(retrained_as(trained, wrong)) > 100


def test_of_a_linear_model_has_the_trace_of_the_exact_hessian():
    trained = random_linear_model(1, num_classes=3)
    gradients = gradients_one_by_one(trained.model, trained.inputs, trained.labels)
    expected = float(gradients.square().sum(dim=1).mean()) / exact_hessian(trained).trace().item()
    assert takeuchi_information_train(trained) == pytest.approx(expected, rel=1e-9)


def test_more_examples_than_a_pass_takes_are_all_counted():
    trained = random_linear_model(3, num_train=600)
    expected = naive_ratio(trained.model, trained.inputs, trained.labels)
    assert takeuchi_information_train(trained) == pytest.approx(expected, rel=1e-9)


def test_is_not_applicable_to_a_loss_that_no_weight_changes():
    trained = random_linear_model(7)
    trained.inputs.zero_()
    with pytest.raises(NotApplicable, match="trace"):
        takeuchi_information_train(trained)
    with pytest.raises(NotApplicable, match="trace"):
        takeuchi_information(retrained_as(trained, trained.model))


def test_is_not_applicable_to_one_example():
    with pytest.raises(NotApplicable, match="1 training example"):
        takeuchi_information(random_network("mlp_1x4", seed=0, num_train=1))


@pytest.mark.parametrize("seed", [0, 1])
def test_on_the_training_set_sees_the_scale_of_weights_and_held_out_nothing_of_the_given_network(seed):
    assert_sees_only(takeuchi_information_train, {"layer_rescaling", "batch_norm_folding"}, seed)
    assert_sees_no_change_of_the_given_network(takeuchi_information, seed)


def test_leaves_the_model_its_gradients_and_the_random_state_as_found():
    assert_leaves_all_as_found(takeuchi_information_train, small_network("convnet_bn", seed=10))
