import copy
import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from measures import NotApplicable
from measures.curvature import conditional_evidence as module
from measures.curvature.conditional_evidence import (
    best_temperature,
    conditional_evidence,
    log_probabilities,
    posterior_draws,
)
from measures.folding import folded
from measures.quantities.gauss_newton import layer_curvatures
from tests.builders.models import random_network
from tests.builders.retraining import assert_sees_no_change_of_the_given_network
from tests.builders.small_networks import random_linear_model


def returning(trained, model):
    """The model retrained as `model`, whatever on."""
    return dataclasses.replace(trained, retrain_function=lambda inputs, labels, reseed: model)


def split(trained):
    """The known, tuning and asked examples, by the first draws of the generator."""
    n = len(trained.labels)
    order = torch.randperm(n, generator=trained.generator())
    known = math.floor(0.8 * n)
    return order[:known], order[known : n - n // 10], order[n - n // 10 :]


def test_the_draws_of_a_linear_layer_have_the_inverse_of_the_explicit_precision_for_covariance():
    trained = random_linear_model(1, num_train=30, size=2, num_classes=3)
    (curvature,) = layer_curvatures(trained)
    draws = posterior_draws(trained, folded(trained.model, trained.inputs), 20000, trained.generator())
    flat = torch.stack([draw["weight"].flatten() for draw in draws])
    precision = 30 * torch.kron(curvature.outgoing, curvature.incoming) + torch.eye(6)
    assert torch.allclose(flat.T @ flat / 20000 @ precision, torch.eye(6).double(), atol=0.08)


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet_bn"])
def test_is_the_logarithm_of_the_mean_over_draws_of_the_products_taken_one_by_one(name):
    trained = random_network(name, seed=1, num_train=40, size=4)
    other = random_network(name, seed=2, num_train=40, size=4).model
    known, tuning, asked = split(trained)
    part = dataclasses.replace(trained, model=other, inputs=trained.inputs[known], labels=trained.labels[known])
    generator = trained.generator()
    torch.randperm(40, generator=generator)
    network = folded(other, part.inputs)
    draws = posterior_draws(part, network, 20, generator)
    tau = best_temperature(network, draws, trained.inputs[tuning], trained.labels[tuning])
    products = []
    for draw in draws:
        moved, product = copy.deepcopy(network), 1.0
        with torch.no_grad():
            for key, parameter in moved.named_parameters():
                parameter += tau * draw[key]
            for x, y in zip(trained.inputs[asked], trained.labels[asked], strict=True):
                product *= float(moved(x[None])[0].softmax(dim=0)[y])
        products.append(product)
    expected = -math.log(sum(products) / 20) / 4
    assert conditional_evidence(returning(trained, other)) == pytest.approx(expected, rel=1e-8)


def test_without_uncertainty_is_the_cross_entropy_of_the_asked(monkeypatch):
    trained = random_network("mlp_2x5", seed=1, num_train=40, size=4)
    other = random_network("mlp_2x5", seed=2, num_train=40, size=4).model
    monkeypatch.setattr(module, "best_temperature", lambda *anything: 0.0)
    asked = split(trained)[2]
    with torch.no_grad():
        expected = torch.nn.functional.cross_entropy(other(trained.inputs[asked]), trained.labels[asked])
    assert conditional_evidence(returning(trained, other)) == pytest.approx(float(expected), rel=1e-9)


def test_the_network_is_trained_on_four_fifths():
    trained, seen = random_linear_model(3, num_train=25), []

    def retrain(inputs, labels, reseed):
        seen.append((inputs, labels))
        return trained.model

    conditional_evidence(dataclasses.replace(trained, retrain_function=retrain))
    ((inputs, labels),) = seen
    known = split(trained)[0]
    assert (
        len(known) == 20 and torch.equal(inputs, trained.inputs[known]) and torch.equal(labels, trained.labels[known])
    )


@pytest.mark.parametrize(("right", "expected"), [([3, 3, 3, 3], 1.0), ([3, 5, 5, 5, 5], 0.1), ([0, 4, 3, 3], 0.2)])
def test_the_temperature_is_the_first_with_the_most_right(monkeypatch, right, expected):
    asked = []

    def log_probabilities(network, draws, temperature, inputs):
        asked.append(temperature)
        correct = torch.arange(8) < right[len(asked) - 1]
        return torch.stack([(~correct).double(), correct.double()], dim=1)[None]

    monkeypatch.setattr(module, "log_probabilities", log_probabilities)
    found = best_temperature(torch.nn.Identity(), [], torch.zeros(8), torch.ones(8, dtype=torch.int64))
    assert found == pytest.approx(expected) and len(asked) == len(right)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_is_positive_and_finite(seed):
    trained = random_linear_model(seed, num_train=20)
    assert 0 < conditional_evidence(returning(trained, trained.model)) < math.inf


def test_probabilities_sum_to_one():
    trained = random_linear_model(4, num_train=20)
    draws = posterior_draws(trained, folded(trained.model, trained.inputs), 3, trained.generator())
    found = log_probabilities(folded(trained.model, trained.inputs), draws, 1.0, trained.inputs)
    assert found.shape == (3, 20, 2) and torch.allclose(found.exp().sum(dim=2), torch.ones(3, 20).double())


def test_does_not_see_the_given_network():
    assert_sees_no_change_of_the_given_network(conditional_evidence, seed=1)


def test_9_examples_are_too_few():
    with pytest.raises(NotApplicable, match="9"):
        conditional_evidence(random_linear_model(1, num_train=9))
