import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.curvature.edge_of_stability import edge_of_stability
from measures.curvature.hessian_top_eigenvalue import hessian_top_eigenvalue
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import history_of, random_network
from tests.builders.small_networks import randomly_labelled_network, undecided


def at_rate(trained, *rates):
    history = dataclasses.replace(history_of(num_train=len(trained.labels)), learning_rates=torch.tensor(rates))
    return dataclasses.replace(trained, history=history)


def test_of_an_input_2_at_even_odds_and_a_rate_of_a_tenth_is_two_tenths():
    trained = undecided(
        [[2.0]], [0]
    )  # H = x² p (1 − p) [[1, −1], [−1, 1]] = [[1, −1], [−1, 1]], of eigenvalues 2 and 0
    assert edge_of_stability(at_rate(trained, 0.1)) == pytest.approx(0.2, rel=1e-6)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_is_the_rate_times_the_largest_eigenvalue_of_the_explicit_hessian(seed):
    trained = randomly_labelled_network("mlp", seed)
    named = {name: parameter.detach() for name, parameter in trained.model.named_parameters()}
    sizes = [parameter.numel() for parameter in named.values()]

    def loss(theta):
        pieces = zip(named, theta.split(sizes), strict=True)
        weights = {name: piece.view_as(named[name]) for name, piece in pieces}
        logits = torch.func.functional_call(trained.model, weights, (trained.inputs,))
        return torch.nn.functional.cross_entropy(logits, trained.labels)

    theta = torch.cat([parameter.flatten() for parameter in named.values()])
    eigenvalues = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, theta))
    assert edge_of_stability(at_rate(trained, 0.3)) == pytest.approx(0.3 * float(eigenvalues[-1]), rel=1e-5)


def test_the_rate_is_the_median_so_that_a_shortened_last_step_does_not_count():
    trained = random_network("mlp_2x5", seed=0, size=4)
    top = hessian_top_eigenvalue(trained)
    assert edge_of_stability(at_rate(trained, 0.5, 0.5, 0.5, 0.001)) == pytest.approx(0.5 * top, rel=1e-9)


def test_sees_what_the_largest_eigenvalue_sees():
    assert edge_of_stability.invariant_to == hessian_top_eigenvalue.invariant_to
    assert_sees_only(edge_of_stability, {"layer_rescaling", "batch_norm_folding"}, seed=1)
