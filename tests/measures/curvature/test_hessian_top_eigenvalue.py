import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import nn

from measures import NotApplicable
from measures.curvature import hessian_top_eigenvalue as file
from measures.curvature.hessian_top_eigenvalue import hessian_top_eigenvalue
from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.losses import hessian_times
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found
from tests.references.loss_surfaces import exact_hessian

KINDS = ["mlp", "convnet", "convnet_bn"]


def confidently_wrong(hidden, seed):
    """A small tanh network with a wrong label on its only example: it sits near the top of its loss."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, 2)).double()
        inputs = torch.randn(1, 2, dtype=torch.float64)
    with torch.no_grad():
        network[2].weight *= 8
        labels = 1 - network(inputs).argmax(dim=1)
    return trained_model(network, inputs, labels, seed=seed)


def test_of_two_equal_logits_on_the_input_3_is_half_of_9():
    trained = linear_model([[0.0], [0.0]], inputs=[[3.0]], labels=[0])  # 9/4 [[1, -1], [-1, 1]]
    assert hessian_top_eigenvalue(trained) == pytest.approx(4.5, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_is_the_last_eigenvalue_of_the_exact_hessian(kind, seed):
    trained = small_network(kind, seed)
    exact = torch.linalg.eigvalsh(exact_hessian(trained))[-1].item()
    assert hessian_top_eigenvalue(trained) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("hidden", [2, 12])  # 12 and 62 parameters
def test_is_not_the_most_negative_eigenvalue_even_where_that_is_larger(hidden):
    trained = confidently_wrong(hidden, seed=12)
    eigenvalues = torch.linalg.eigvalsh(exact_hessian(trained))
    assert -eigenvalues[0] > 1.5 * eigenvalues[-1]
    assert hessian_top_eigenvalue(trained) == pytest.approx(eigenvalues[-1].item(), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp_2x32", "convnet", "convnet_bn"])
def test_of_a_network_of_full_size_is_what_arpack_finds(name):
    trained = random_network(name, seed=6)

    def product(v):
        return hessian_times(trained, torch.from_numpy(v)[None])[0].numpy()

    start = np.random.default_rng(0).standard_normal(len(flat_parameters(trained.model)))
    operator = LinearOperator((len(start), len(start)), matvec=product, dtype=np.float64)
    (top,) = eigsh(operator, k=1, which="LA", v0=start, tol=1e-8, return_eigenvectors=False)
    assert hessian_top_eigenvalue(trained) == pytest.approx(top, rel=1e-6)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.sampled_from(KINDS))
def test_no_direction_curves_more(seed, kind):
    trained = small_network(kind, seed)
    generator = torch.Generator().manual_seed(seed)
    v = torch.randn(20, len(flat_parameters(trained.model)), generator=generator, dtype=torch.float64)
    v = hessian_times(trained, v)  # nearer to the top than random directions
    v /= v.norm(dim=1, keepdim=True)
    curvatures = (v * hessian_times(trained, v)).sum(dim=1)
    assert float(curvatures.max()) <= hessian_top_eigenvalue(trained) * (1 + 1e-6)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.sampled_from(KINDS))
def test_is_the_same_from_another_start(seed, kind):
    trained = small_network(kind, seed)
    other = dataclasses.replace(trained, seed=seed + 1)
    assert hessian_top_eigenvalue(other) == pytest.approx(hessian_top_eigenvalue(trained), rel=1e-6)


@pytest.mark.parametrize("size", [3, 40])  # 6 and 80 parameters
def test_of_a_loss_that_no_weight_changes_is_zero(size):
    trained = random_linear_model(7, size=size)
    trained.inputs.zero_()
    assert hessian_top_eigenvalue(trained) == 0


@pytest.mark.parametrize("num_train", [1, 2, 5])
def test_of_a_hessian_of_low_rank_ends_with_its_range(num_train):
    trained = random_linear_model(8, num_train=num_train, size=30)
    exact = torch.linalg.eigvalsh(exact_hessian(trained))[-1].item()
    assert hessian_top_eigenvalue(trained) == pytest.approx(exact, rel=1e-12)


def test_is_not_applicable_when_lanczos_does_not_converge(monkeypatch):
    monkeypatch.setattr(file, "MOST_PRODUCTS", 1)
    with pytest.raises(NotApplicable, match="converge"):
        hessian_top_eigenvalue(small_network("convnet", seed=9))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_sees_neither_the_order_of_units_nor_a_shift_of_the_logits(seed):
    assert_sees_only(hessian_top_eigenvalue, {"layer_rescaling", "batch_norm_folding"}, seed)


@pytest.mark.parametrize("kind", KINDS)
def test_leaves_the_model_its_gradients_and_the_random_state_as_found(kind):
    assert_leaves_all_as_found(hessian_top_eigenvalue, small_network(kind, seed=10))
