import copy
import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch.nn.utils import parameters_to_vector

from measures import NotApplicable
from measures.dynamics import _sgd_iterates as sgd_iterates
from measures.dynamics._sgd_iterates import BATCH, STEPS, distances, step_products
from tests.builders.models import history_of
from tests.builders.small_networks import linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found


def points_visited(trained, rate):
    """Weights after each step down the gradient that `backward` leaves on a copy, (STEPS, p)."""
    network = copy.deepcopy(trained.model)
    drawn = torch.randint(len(trained.labels), (STEPS, BATCH), generator=trained.generator())
    points = []
    for places in drawn:
        batch = [int(trained.random_order[place]) for place in places]
        network.zero_grad()
        F.cross_entropy(network(trained.inputs[batch]), trained.labels[batch]).backward()
        with torch.no_grad():
            for weight in network.parameters():
                weight -= rate * weight.grad
        points.append(parameters_to_vector(network.parameters()).detach().clone())
    return torch.stack(points)


@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_distances_are_those_of_the_points_that_descent_visits(kind):
    trained = small_network(kind, seed=3)
    history = history_of(num_train=len(trained.labels), steps=3)
    rates = torch.tensor([0.4, 0.05, 0.1])  # their median is 0.1
    trained = dataclasses.replace(trained, history=dataclasses.replace(history, learning_rates=rates))
    points = points_visited(trained, 0.1)
    expected = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
    torch.testing.assert_close(distances(step_products(trained)), expected, rtol=1e-4, atol=1e-6)


def test_taken_a_few_weights_at_a_time_the_products_are_the_same(monkeypatch):
    trained = small_network("mlp", seed=1)
    whole = step_products(trained)
    monkeypatch.setattr(sgd_iterates, "MAX_ENTRIES", 100 * STEPS)
    torch.testing.assert_close(step_products(dataclasses.replace(trained)), whole, rtol=1e-9, atol=1e-12)


def test_steps_of_1_2_and_4_on_a_line_visit_1_3_and_7():
    steps = torch.tensor([[1.0], [2.0], [4.0]]).double()
    expected = torch.tensor([[0.0, 2, 6], [2, 0, 4], [6, 4, 0]]).double()
    torch.testing.assert_close(distances(steps @ steps.mT), expected)


def test_leaves_all_as_found():
    assert_leaves_all_as_found(step_products, small_network("convnet_bn", seed=0))


def test_does_not_depend_on_how_the_examples_are_stored():
    trained = small_network("mlp", seed=2)
    order = torch.randperm(len(trained.labels), generator=torch.Generator().manual_seed(0))
    stored = dataclasses.replace(trained, inputs=trained.inputs[order], labels=trained.labels[order])
    torch.testing.assert_close(step_products(stored), step_products(trained), rtol=1e-9, atol=1e-12)


def test_a_diverging_descent_is_not_applicable():
    trained = linear_model([[1.0], [0.0]], [[1e200], [-1e200]], [0, 0])
    with pytest.raises(NotApplicable, match="diverges"):
        step_products(trained)
