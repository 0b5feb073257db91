import pytest
import torch

from measures.quantities.gradient_squares import fisher_trace_of, mean_squared_norm
from tests.builders.models import random_network
from tests.builders.small_networks import random_linear_model, undecided
from tests.references.explicit_gradients import gradients_one_by_one, jacobian


def test_two_equal_logits_have_half_the_squared_input_whatever_the_label():
    trained = undecided([[3.0, 4.0], [0.0, 1.0]], [0, 1])
    assert mean_squared_norm(trained.model, trained.inputs, trained.labels) == pytest.approx((25 + 1) / 4, rel=1e-12)
    assert fisher_trace_of(trained.model, trained.inputs) == pytest.approx((25 + 1) / 4, rel=1e-12)


@pytest.mark.parametrize("name", ["mlp_2x8", "convnet_bn"])
def test_the_mean_square_is_that_of_explicit_gradients(name):
    trained = random_network(name, seed=1, size=4, num_train=9)
    labels = torch.arange(9) % 3
    gradients = gradients_one_by_one(trained.model, trained.inputs, labels)
    expected = float(gradients.square().sum(dim=1).mean())
    assert mean_squared_norm(trained.model, trained.inputs, labels) == pytest.approx(expected, rel=1e-9)


def test_the_fisher_trace_is_the_mean_over_classes_of_the_squared_jacobian_of_the_log_probability():
    trained = random_network("convnet_bn", seed=0, size=4, num_train=5)
    probabilities = trained.logits.softmax(dim=1)
    rows = jacobian(trained.model, trained.inputs)
    log_rows = rows - torch.einsum("ik,ikp->ip", probabilities, rows)[:, None]
    expected = (probabilities * log_rows.square().sum(dim=2)).sum(dim=1).mean()
    assert fisher_trace_of(trained.model, trained.inputs) == pytest.approx(float(expected), rel=1e-8)


def test_more_examples_than_a_pass_takes_are_all_counted():
    trained = random_linear_model(0, num_train=600)
    gradients = gradients_one_by_one(trained.model, trained.inputs, trained.labels)
    expected = float(gradients.square().sum(dim=1).mean())
    assert mean_squared_norm(trained.model, trained.inputs, trained.labels) == pytest.approx(expected, rel=1e-9)
    parts = [fisher_trace_of(trained.model, x) for x in trained.inputs.split(200)]
    assert fisher_trace_of(trained.model, trained.inputs) == pytest.approx(sum(parts) / 3, rel=1e-9)
