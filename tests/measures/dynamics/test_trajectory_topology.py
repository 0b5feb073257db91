import copy
import dataclasses
import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.dynamics import trajectory_topology as module
from measures.dynamics._sgd_iterates import BATCH, STEPS
from measures.dynamics.trajectory_topology import (
    lifetime_sum,
    loss_distances,
    positive_magnitude,
    trajectory_lifetime_sum,
    trajectory_loss_lifetime_sum,
    trajectory_loss_magnitude,
    trajectory_magnitude,
)
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import trained_model
from tests.builders.small_networks import linear_model, small_network

ALL = (trajectory_lifetime_sum, trajectory_magnitude, trajectory_loss_lifetime_sum, trajectory_loss_magnitude)


def between(points):
    return torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")


def naive_points(trained):
    """Weights (T, p) and losses (T, n) after each step, by descent written out."""
    network, rate = copy.deepcopy(trained.model), float(trained.history.learning_rates.median())
    drawn = torch.randint(len(trained.labels), (STEPS, BATCH), generator=trained.generator())
    weights, losses = [], []
    for places in drawn:
        batch = trained.random_order[places]
        network.zero_grad()
        F.cross_entropy(network(trained.inputs[batch]), trained.labels[batch]).backward()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter -= rate * parameter.grad
            weights.append(torch.cat([parameter.flatten() for parameter in network.parameters()]))
            losses.append(F.cross_entropy(network(trained.inputs), trained.labels, reduction="none"))
    return torch.stack(weights), torch.stack(losses)


def naive_tree(lengths):
    """Kruskal's algorithm: the shortest edge that joins two trees, again and again."""
    tree, total = list(range(len(lengths))), 0.0
    edges = sorted((lengths[i][j], i, j) for i in range(len(lengths)) for j in range(i))
    for length, i, j in edges:
        if tree[i] != tree[j]:
            total += length
            tree = [tree[i] if each == tree[j] else each for each in tree]
    return total


def naive_magnitude(lengths, scale):
    similarity = np.exp(-scale * np.array(lengths))
    return float(np.maximum(np.linalg.inv(similarity) @ np.ones(len(lengths)), 0).sum())


def test_two_points_have_the_length_between_them_and_a_magnitude_of_1_plus_tanh_of_half_of_it():
    pair = torch.tensor([[0.0, 3.0], [3.0, 0.0]]).double()
    assert lifetime_sum(pair) == pytest.approx(3)
    assert positive_magnitude(pair, 0.5) == pytest.approx(1 + math.tanh(0.75), rel=1e-12)  # 2 / (1 + exp(-1.5))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 12), st.floats(0.05, 50))
def test_a_magnitude_lies_between_1_and_the_number_of_points_and_a_copy_does_not_count(seed, count, scale):
    points = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed)).double()
    twice = torch.cat([points, points])
    magnitude, again = (
        positive_magnitude(torch.cdist(p, p, compute_mode="donot_use_mm_for_euclid_dist"), scale)
        for p in (points, twice)
    )
    assert 1 - 1e-9 <= magnitude
    assert (
        magnitude <= 2 * count
    )  # of few points a weight may be negative, and the positive ones more than their number
    assert again == pytest.approx(magnitude, rel=1e-6)


def test_points_far_apart_count_each_and_points_close_together_as_one():
    line = torch.arange(5).double()[:, None]
    assert positive_magnitude(between(line), 100.0) == pytest.approx(5, rel=1e-12)
    assert positive_magnitude(between(line), 1e-6) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_are_the_papers_quantities_of_the_path_written_out(kind):
    trained = small_network(kind, seed=4)
    weights, losses = naive_points(trained)
    scale = math.sqrt(len(trained.labels))
    by_weights = between(weights).tolist()
    by_losses = [[float((a - b).abs().mean()) for b in losses] for a in losses]
    assert trajectory_lifetime_sum(trained) == pytest.approx(naive_tree(by_weights), rel=1e-6)
    assert trajectory_loss_lifetime_sum(trained) == pytest.approx(naive_tree(by_losses), rel=1e-6)
    assert trajectory_magnitude(trained) == pytest.approx(naive_magnitude(by_weights, scale), rel=1e-4)
    assert trajectory_loss_magnitude(trained) == pytest.approx(naive_magnitude(by_losses, scale), rel=1e-4)


@pytest.mark.slow
def test_distances_of_losses_on_a_weighted_part_are_on_average_those_on_all(monkeypatch):
    few = small_network("mlp", seed=2)
    sizes = torch.linspace(0.5, 1, 400, dtype=torch.float64).view(-1, 1, 1, 1)
    many = dataclasses.replace(few, inputs=few.inputs.repeat(20, 1, 1, 1) * sizes, labels=few.labels.repeat(20))
    ratios = []
    for seed in range(12):
        with monkeypatch.context() as patch:
            exact = loss_distances(dataclasses.replace(many, seed=seed))
            patch.setattr(module, "EXAMPLES", 100)
            ratios.append(float(loss_distances(dataclasses.replace(many, seed=seed)).sum() / exact.sum()))
    assert abs(np.mean(ratios) - 1) < 4 * np.std(ratios, ddof=1) / math.sqrt(len(ratios))
    assert np.std(ratios) < 0.25


@pytest.mark.slow
def test_see_rescaling_and_folding_but_not_permutation_and_shift():
    for measure in (trajectory_lifetime_sum, trajectory_loss_lifetime_sum):
        assert all(measure.invariant_to == each.invariant_to for each in ALL)
        assert_sees_only(measure, {"layer_rescaling", "batch_norm_folding"}, seed=1)


def test_a_path_that_does_not_move_has_no_length_and_is_one_point():
    still = linear_model([[1e5], [0.0]], [[1.0]], [0])
    assert [measure(still) for measure in ALL] == pytest.approx([0, 1, 0, 1], abs=1e-12)


@pytest.mark.parametrize("of_losses", [trajectory_loss_lifetime_sum, trajectory_loss_magnitude])
def test_a_network_without_parameters_has_no_trajectory(of_losses):
    trained = trained_model(nn.Flatten(), torch.eye(3).view(3, 1, 1, 3), torch.arange(3))
    with pytest.raises(NotApplicable, match="no parameters"):
        of_losses(trained)
