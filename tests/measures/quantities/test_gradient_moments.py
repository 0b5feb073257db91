import pytest
import torch

from measures.quantities import plain_layers
from measures.quantities.gradient_moments import fisher_diagonal, gradient_moments
from measures.quantities.gradient_squares import fisher_trace_of
from tests.builders.models import random_network
from tests.builders.small_networks import random_linear_model
from tests.measures.quantities.test_per_example import UNUSUAL
from tests.references.explicit_gradients import gradients_one_by_one, jacobian


def assert_equals_explicit(model, inputs, labels):
    gradients = gradients_one_by_one(model, inputs, labels)
    mean, square = gradient_moments(model, inputs, labels)
    torch.testing.assert_close(mean, gradients.mean(dim=0), rtol=1e-8, atol=1e-13)
    torch.testing.assert_close(square, gradients.square().mean(dim=0), rtol=1e-8, atol=1e-13)


@pytest.mark.parametrize("name", ["mlp_2x8", "convnet_bn"])
def test_equal_the_moments_of_explicit_gradients(name):
    trained = random_network(name, seed=0, size=4, num_train=7)
    assert_equals_explicit(trained.model, trained.inputs, torch.arange(7) % 3)


@pytest.mark.parametrize(
    "name",
    [
        "groups",
        "no biases",
        "normalization without scale and shift",
        "layer normalization",
        "tied weights",
        "a weight of its own",
    ],
)
def test_equal_the_moments_of_explicit_gradients_for_layers_of_every_kind(name, monkeypatch):
    monkeypatch.setattr(plain_layers, "MAX_ENTRIES", 1000)
    torch.manual_seed(0)
    network = UNUSUAL[name]()
    inputs = torch.randn(5, 2, 6, 6, dtype=torch.float64)
    network(inputs)
    assert_equals_explicit(network.eval(), inputs, torch.arange(5) % 3)


def test_more_examples_than_a_pass_takes_are_all_counted():
    trained = random_linear_model(0, num_train=600)
    assert_equals_explicit(trained.model, trained.inputs, trained.labels)


@pytest.mark.parametrize("name", ["mlp_2x8", "convnet_bn"])
def test_the_fisher_diagonal_is_the_mean_over_classes_of_squares_of_explicit_gradients(name):
    trained = random_network(name, seed=0, size=4, num_train=5)
    probabilities = trained.logits.softmax(dim=1)
    rows = jacobian(trained.model, trained.inputs)
    log_rows = rows - torch.einsum("ik,ikp->ip", probabilities, rows)[:, None]
    expected = torch.einsum("ik,ikp->p", probabilities, log_rows.square()) / 5
    torch.testing.assert_close(fisher_diagonal(trained.model, trained.inputs), expected, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("name", ["groups", "layer normalization", "tied weights"])
def test_the_fisher_diagonal_adds_up_to_the_trace_for_layers_of_every_kind(name):
    torch.manual_seed(0)
    network = UNUSUAL[name]()
    inputs = torch.randn(5, 2, 6, 6, dtype=torch.float64)
    network(inputs)
    trace = fisher_trace_of(network.eval(), inputs)
    assert float(fisher_diagonal(network, inputs).sum()) == pytest.approx(trace, rel=1e-9)
