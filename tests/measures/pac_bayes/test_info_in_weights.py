import math

import pytest
import torch

from measures import NotApplicable
from measures.pac_bayes.info_in_weights import info_in_weights
from measures.quantities.flat_parameters import flat_parameters, logits_at
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model, random_linear_model


def naive_fisher_diagonal(trained):
    """Σₖ π (∂ log π / ∂θ)², over every example and class on its own."""
    total = torch.zeros_like(flat_parameters(trained.model))
    for x in trained.inputs:
        theta = flat_parameters(trained.model).requires_grad_()
        logs = logits_at(trained.model, theta, x[None])[0].log_softmax(dim=0)
        for log in logs:
            total += log.detach().exp() * torch.autograd.grad(log, theta, retain_graph=True)[0] ** 2
    return total / len(trained.inputs)


@pytest.mark.parametrize("name", ["mlp_1x4", "convnet_bn"])
def test_is_half_the_logarithms_of_the_exact_diagonal(name):
    trained = random_network(name, seed=2, num_train=6, size=4)
    variance = float((flat_parameters(trained.model) ** 2).mean())
    expected = sum(math.log(1 + 6 * variance * f) for f in naive_fisher_diagonal(trained).tolist()) / 2
    assert info_in_weights(trained) == pytest.approx(expected, rel=1e-9)


def test_two_equal_logits_have_a_fisher_information_of_a_quarter_of_the_squared_input():
    # Two weights of 3 and 3, the prior's variance 9: ½ · 2 · log(1 + 1 · 9 · ¼ · 4)
    trained = linear_model([[3.0], [3.0]], inputs=[[2.0]], labels=[0])
    assert info_in_weights(trained) == pytest.approx(math.log(10), rel=1e-12)


def test_all_of_four_hundred_examples_are_counted():
    trained = random_linear_model(0, num_train=400)
    variance = float((flat_parameters(trained.model) ** 2).mean())
    expected = sum(math.log(1 + 400 * variance * f) for f in naive_fisher_diagonal(trained).tolist()) / 2
    assert info_in_weights(trained) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
def test_sees_all_but_the_order_of_units(seed):
    assert_sees_only(info_in_weights, {"layer_rescaling", "batch_norm_folding", "logit_shift"}, seed)


def test_is_not_applicable_to_weights_of_zero():
    with pytest.raises(NotApplicable, match="zero"):
        info_in_weights(linear_model([[0.0], [0.0]], inputs=[[2.0]], labels=[0]))
