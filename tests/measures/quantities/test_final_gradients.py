import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.quantities import final_gradients as module
from measures.quantities.final_gradients import batches_along, final_gradients, mean_distances
from measures.quantities.per_example import forward_passes, gradient_norms, norms_and_sum
from tests.builders.models import random_network
from tests.measures.quantities.test_per_example import UNUSUAL
from tests.references.explicit_gradients import gradients_one_by_one


@pytest.mark.parametrize("name", ["mlp_2x8", "convnet_bn"])
def test_norms_and_mean_are_those_of_explicit_gradients(name):
    trained = random_network(name, seed=1, size=4)
    gradients = gradients_one_by_one(trained.model, trained.inputs, trained.labels)
    found = final_gradients(trained)
    torch.testing.assert_close(found.norms, gradients.norm(dim=1), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.mean, gradients.mean(dim=0), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", UNUSUAL)
def test_the_sum_is_autograds_for_layers_of_every_kind(name):
    torch.manual_seed(0)
    network, labels = UNUSUAL[name](), torch.arange(9) % 3
    inputs = torch.randn(9, 2, 6, 6, dtype=torch.float64)
    network(inputs)  # gives running statistics something to be
    gradients = gradients_one_by_one(network.eval(), inputs, labels)
    passes = zip(forward_passes(network, inputs.split(5)), labels.split(5), strict=True)
    found = [norms_and_sum(passed, y) for passed, y in passes]
    norms, sums = zip(*found, strict=True)
    torch.testing.assert_close(sum(sums), gradients.sum(dim=0), rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(torch.cat(norms), gradient_norms(network, inputs, labels), rtol=1e-9, atol=1e-12)


def test_examples_that_are_in_no_batch_count_in_norms_and_mean_alone(monkeypatch):
    monkeypatch.setattr(module, "BATCH", 3)
    trained = random_network("mlp_2x5", seed=2, size=4)
    every = final_gradients(trained)
    monkeypatch.setattr(module, "MOST_BATCHES", 2)
    some = final_gradients(dataclasses.replace(trained))
    torch.testing.assert_close(some.norms, every.norms, rtol=1e-9, atol=0)
    torch.testing.assert_close(some.mean, every.mean, rtol=1e-9, atol=1e-15)
    inputs, labels = trained.sample(6)
    gradients = gradients_one_by_one(trained.model, inputs, labels)
    first, second = gradients[:3].mean(dim=0), gradients[3:].mean(dim=0)
    assert some.distance == pytest.approx(float((first - second).norm()), rel=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.integers(2, 6), st.floats(1e-6, 10))
def test_distances_are_those_of_the_differences_however_close_vectors_are(seed, count, spread):
    generator = torch.Generator().manual_seed(seed)
    vectors = 1 + spread * torch.randn(count, 7, generator=generator, dtype=torch.float64)
    scales = 0.1 + torch.rand(2, count, generator=generator, dtype=torch.float64)
    scales[0] = 1
    expected = [float(torch.pdist(vectors * row[:, None]).mean()) for row in scales]
    assert mean_distances([*vectors], scales) == pytest.approx(expected, rel=1e-7)


def test_one_example_is_one_batch_and_has_no_distance():
    assert [len(batch) for batch in batches_along(torch.arange(1))] == [1]
    assert [len(batch) for batch in batches_along(torch.arange(5))] == [3, 2]
    assert mean_distances([torch.ones(3)], torch.ones(1, 1)) == pytest.approx([float("nan")], nan_ok=True)


def test_a_network_without_parameters_has_no_gradient():
    trained = dataclasses.replace(random_network("mlp_2x5", seed=0, size=4), model=torch.nn.Flatten().eval())
    with pytest.raises(NotApplicable, match="no parameters"):
        final_gradients(trained)
