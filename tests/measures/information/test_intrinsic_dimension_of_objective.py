import copy
import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from measures import NotApplicable
from measures.information import intrinsic_dimension_of_objective as module
from measures.information.intrinsic_dimension_of_objective import (
    intrinsic_dimension_of_objective,
    share_solved,
)
from measures.quantities.random_subspace import random_basis
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.measures.left_as_found import assert_leaves_all_as_found


def dense_basis(size, d, generator):
    column, entry = random_basis(size, d, generator)
    basis = torch.zeros(size, d, dtype=torch.float64)
    for row in range(size):
        basis[row, column[row]] = entry[row].double()
    return basis


def naive_share_solved(trained, d, steps):
    """Weights written into a copy, `backward` through it, and Adam as in its paper (Kingma & Ba 2015, algorithm 1)."""
    network, theta_0 = copy.deepcopy(trained.init), parameters_to_vector(trained.init.parameters()).detach()
    basis = dense_basis(len(theta_0), d, trained.generator())
    z, m, v, best = torch.zeros(d).double(), torch.zeros(d).double(), torch.zeros(d).double(), 0.0
    for t in range(1, steps + 2):  # the last weights are looked at, and not moved again
        vector_to_parameters(theta_0 + basis @ z, network.parameters())
        network.zero_grad()
        logits = network(trained.inputs)
        right = sum(int(row.argmax()) == int(label) for row, label in zip(logits, trained.labels, strict=True))
        best = max(best, right / len(logits))
        if best >= 0.9:
            return best
        F.cross_entropy(logits, trained.labels).backward()
        g = basis.T @ parameters_to_vector([weight.grad for weight in network.parameters()])
        m = 0.9 * m + (1 - 0.9) * g
        v = 0.999 * v + (1 - 0.999) * g * g
        z = z - 1 / math.sqrt(d) * (m / (1 - 0.9**t)) / (torch.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return best


def test_the_weights_after_the_last_step_count(monkeypatch):
    """Of one step as of many: what a step reaches is seen, were it the last."""
    monkeypatch.setattr(module, "STEPS", 0)
    trained = random_network("mlp_2x5", seed=3, num_train=30, size=4)
    start = share_solved(trained, 32)
    reached = []
    for steps in range(1, 40):
        monkeypatch.setattr(module, "STEPS", steps)
        reached.append(share_solved(trained, 32))
    assert reached == sorted(reached) and reached[-1] > start
    monkeypatch.setattr(module, "STEPS", 1)
    assert share_solved(trained, 32) == pytest.approx(naive_share_solved(trained, 32, 1), abs=1e-9)
    first = next(step for step, share in enumerate(reached, start=1) if share > start)
    monkeypatch.setattr(module, "STEPS", first - 1)
    assert share_solved(trained, 32) == start


def all_alike(labels, classes=2):
    """Examples that no network tells apart, with these labels."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, classes)).double()
    return trained_model(network, torch.ones(len(labels), 1, 2, 2).double(), torch.tensor(labels), init=network)


@settings(deadline=None, max_examples=5)
@given(st.integers(1, 100), st.integers(1, 40), st.integers(0, 1000))
def test_the_basis_is_orthonormal_and_has_an_entry_in_every_row(size, d, seed):
    d = min(size, d)
    basis = dense_basis(size, d, torch.Generator().manual_seed(seed))
    assert (basis.T @ basis - torch.eye(d).double()).abs().max() < 1e-6
    assert bool(((basis != 0).sum(dim=1) == 1).all())


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet_bn"])
@pytest.mark.parametrize("d", [4, 32])
def test_the_share_is_that_of_adam_in_the_dense_subspace(name, d, monkeypatch):
    monkeypatch.setattr(module, "STEPS", 20)
    trained = random_network(name, seed=d, num_train=30, size=4)
    labels = torch.randint(3, (30,), generator=torch.Generator().manual_seed(d))
    trained = dataclasses.replace(trained, labels=labels)
    assert share_solved(trained, d) == pytest.approx(naive_share_solved(trained, d, 20), abs=1e-9)


def test_one_label_for_all_takes_the_smallest_subspace_and_nine_in_ten_are_enough():
    assert intrinsic_dimension_of_objective(all_alike([1] * 20)) == 4
    assert intrinsic_dimension_of_objective(all_alike([1] * 18 + [0] * 2)) == 4


def test_labels_that_no_network_can_tell_apart_have_no_dimension():
    # 58 weights: subspaces of 4, 8, 16 and 32 dimensions are tried.
    with pytest.raises(NotApplicable, match="up to 32 dimensions gets 90%"):
        intrinsic_dimension_of_objective(all_alike([1] * 17 + [0] * 3))


@pytest.mark.parametrize("smallest", [4, 8, 64, 2048])
def test_the_smallest_dimension_that_solves_is_found_by_halving(smallest, monkeypatch):
    tried = []
    monkeypatch.setattr(module, "share_solved", lambda _, d: tried.append(d) or (0.95 if d >= smallest else 0.85))
    assert intrinsic_dimension_of_objective(random_network("mlp_1x300", seed=0)) == smallest
    assert len(tried) <= 4


def test_random_labels_take_more_dimensions_than_bright_and_dark():
    trained = random_network("mlp_1x64", seed=1, num_train=40, size=8)
    labels = torch.randint(2, (40,), generator=torch.Generator().manual_seed(1))
    hard = dataclasses.replace(trained, labels=labels)
    easy = dataclasses.replace(hard, inputs=trained.inputs + 2 * labels[:, None, None, None] - 1)
    assert 2 * intrinsic_dimension_of_objective(easy) <= intrinsic_dimension_of_objective(hard)


def test_does_not_see_the_trained_network(monkeypatch):
    monkeypatch.setattr(module, "STEPS", 2)
    monkeypatch.setattr(module, "SOLVED", 0.1)
    assert_sees_only(intrinsic_dimension_of_objective, set(), seed=1)


def test_leaves_all_as_found(monkeypatch):
    monkeypatch.setattr(module, "STEPS", 2)
    trained = random_network("convnet_bn", seed=0, size=4)
    before = copy.deepcopy(trained.init.state_dict())
    assert_leaves_all_as_found(lambda model: share_solved(model, 8), trained)
    assert all(torch.equal(value, before[name]) for name, value in trained.init.state_dict().items())
