import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.quantities.random_subspace import random_basis, random_subspace
from tests.builders.models import random_network


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 100))
def test_the_columns_of_the_basis_are_orthonormal(size, d, seed):
    if d > size:
        size, d = d, size
    column, entry = random_basis(size, d, torch.Generator().manual_seed(seed))
    basis = torch.zeros(size, d, dtype=torch.float64)
    basis[torch.arange(size), column] = entry.double()
    assert torch.allclose(basis.T @ basis, torch.eye(d).double(), atol=1e-6)


def test_a_point_and_a_pulled_gradient_are_those_of_the_dense_basis():
    trained = random_network("mlp_1x4", seed=1, size=2)
    subspace = random_subspace(trained, 5)
    size = len(subspace.start)
    basis = torch.zeros(size, 5, dtype=torch.float64)
    basis[torch.arange(size), subspace.column] = subspace.entry
    z, gradient = torch.randn(5).double(), torch.randn(size).double()
    assert torch.allclose(subspace.at(z), subspace.start + basis @ z)
    assert torch.allclose(subspace.along(gradient), basis.T @ gradient)


@pytest.mark.parametrize("d", [1, 3])
def test_twins_have_the_same(d):
    one, other = (random_subspace(random_network("mlp_1x4", seed=1, size=2), d) for _ in range(2))
    assert torch.equal(one.column, other.column) and torch.equal(one.entry, other.entry)
