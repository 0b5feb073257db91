import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.kernels._spectra import (
    centred,
    centred_labels,
    centred_tangent_spectrum,
    one_hot_labels,
    spectrum,
    tangent_spectrum,
)
from measures.quantities.gradient_gram import final_tangent_kernel, initial_tangent_kernel
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_a_centred_kernel_is_that_of_centred_features(seed):
    features = torch.randn(6, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    expected = features - features.mean(dim=0)
    torch.testing.assert_close(centred(features @ features.T), expected @ expected.T, rtol=1e-9, atol=1e-12)


def test_energies_are_squared_projections_on_the_eigenvectors():
    found = spectrum(torch.diag(torch.tensor([5.0, 1.0, 3.0], dtype=torch.float64)))
    assert found.values.tolist() == pytest.approx([1, 3, 5])
    columns = torch.tensor([[1.0, 2.0], [3.0, 0.0], [0.0, 7.0]], dtype=torch.float64)
    assert found.energies(columns).tolist() == pytest.approx([9, 49, 1 + 4])


def test_each_spectrum_is_of_its_own_kernel():
    trained = random_network("mlp_2x5", seed=0, size=4)
    for before, kernel in ((True, initial_tangent_kernel(trained)), (False, final_tangent_kernel(trained))):
        torch.testing.assert_close(tangent_spectrum(trained, before).values, torch.linalg.eigvalsh(kernel))
        values = centred_tangent_spectrum(trained, before).values
        torch.testing.assert_close(values, torch.linalg.eigvalsh(centred(kernel)))


def test_labels_are_those_of_the_sample_in_its_order():
    trained = random_network("mlp_2x5", seed=0)
    trained.labels.copy_(torch.arange(20) % 3)
    assert torch.equal(one_hot_labels(trained).argmax(dim=1), trained.labels[trained.random_order])
    assert centred_labels(trained).sum(dim=0).abs().max() < 1e-12


def test_labels_of_a_single_class_cannot_be_centred():
    with pytest.raises(NotApplicable, match="all 2 labels"):
        centred_labels(linear_model([[1.0], [0.0]], [[1.0], [2.0]], [1, 1]))
