import dataclasses

import pytest
import torch

from measures import NotApplicable
from measures.curvature.takeuchi_information import takeuchi_information
from measures.quantities.flat_parameters import flat_parameters
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found
from tests.references.loss_surfaces import exact_hessian, naive_gradient


def trace_of_covariance(trained):
    """Mean squared distance of the examples' gradients from their mean."""
    ones = [
        dataclasses.replace(trained, inputs=trained.inputs[i : i + 1], labels=trained.labels[i : i + 1])
        for i in range(len(trained.labels))
    ]
    gradients = torch.stack([naive_gradient(one, flat_parameters(trained.model)) for one in ones])
    return (gradients - gradients.mean(dim=0)).square().sum(dim=1).mean().item()


def test_of_two_opposite_labels_on_the_same_input_is_1():
    # Both gradients are ±(1/2, -1/2) and their mean 0: tr C = 1/2; H = 1/4 [[1, -1], [-1, 1]]: tr H = 1/2
    trained = linear_model([[0.0], [0.0]], inputs=[[1.0], [1.0]], labels=[0, 1])
    assert takeuchi_information(trained) == pytest.approx(1, rel=1e-12)


def trace_of_fisher(trained):
    """Σ over labels of the model's probability times the squared gradient for that label, mean over examples."""
    total = 0.0
    for i in range(len(trained.labels)):
        for y, p in enumerate(trained.logits[i].softmax(dim=0)):
            one = dataclasses.replace(trained, inputs=trained.inputs[i : i + 1], labels=torch.tensor([y]))
            total += p.item() * naive_gradient(one, flat_parameters(trained.model)).square().sum().item()
    return total / len(trained.labels)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_is_the_ratio_of_the_traces_by_a_gradient_for_each_example_and_label(kind):
    trained = small_network(kind, seed=0)
    expected = trace_of_covariance(trained) / trace_of_fisher(trained)
    assert takeuchi_information(trained) == pytest.approx(expected, rel=1e-9)


def test_of_a_linear_model_has_the_trace_of_the_exact_hessian():
    trained = random_linear_model(1, num_classes=3)
    expected = trace_of_covariance(trained) / exact_hessian(trained).trace().item()
    assert takeuchi_information(trained) == pytest.approx(expected, rel=1e-9)


def test_is_zero_where_all_examples_are_the_same():
    trained = linear_model([[0.3], [0.0]], inputs=[[1.0]] * 3, labels=[0] * 3)
    assert takeuchi_information(trained) == pytest.approx(0, abs=1e-12)


def test_is_not_applicable_to_a_loss_that_no_weight_changes():
    trained = random_linear_model(7)
    trained.inputs.zero_()
    with pytest.raises(NotApplicable, match="trace"):
        takeuchi_information(trained)


@pytest.mark.parametrize("seed", [0, 1])
def test_sees_every_change_but_a_shift_of_the_logits(seed):
    assert_sees_only(takeuchi_information, {"layer_rescaling", "batch_norm_folding"}, seed)


def test_leaves_the_model_its_gradients_and_the_random_state_as_found():
    assert_leaves_all_as_found(takeuchi_information, small_network("convnet_bn", seed=10))
