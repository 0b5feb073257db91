import copy
import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.representation.neural_collapse_duality import neural_collapse_duality
from tests.builders.features import NETWORKS, assert_sees_no_change, labelled_network, model_with_features
from tests.builders.models import trained_model
from tests.references.layer_inputs import naive_layers


@pytest.mark.parametrize(("weight", "expected"), [([[2.0], [-2.0]], 0), ([[-1.0], [1.0]], 4), ([[1.0], [1.0]], 2)])
def test_weights_along_against_and_across_the_means_give_0_4_and_2(weight, expected):
    trained = model_with_features(torch.tensor([[5.0], [3.0]]), [0, 1], torch.tensor(weight))
    assert neural_collapse_duality(trained) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_formula_entry_by_entry(name, seed):
    trained = labelled_network(name, seed)
    features, labels = naive_layers(trained)[-1].numpy(), trained.labels.numpy()
    means = np.stack([features[labels == label].mean(axis=0) for label in range(3)])
    means = means - means.mean(axis=0)
    weight = trained.model[-1].weight.detach().numpy()
    difference = weight / np.sqrt((weight**2).sum()) - means / np.sqrt((means**2).sum())
    assert neural_collapse_duality(trained) == pytest.approx((difference**2).sum(), rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_lies_between_0_and_4(seed):
    assert 0 <= neural_collapse_duality(labelled_network("mlp_2x5", seed)) <= 4


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_no_change(neural_collapse_duality, seed)


def test_a_1x1_convolution_before_the_average_is_a_last_layer_too():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    inputs = torch.randn(6, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    trained = trained_model(network, inputs, torch.tensor([0, 1] * 3))
    assert 0 < neural_collapse_duality(trained) < 4
    wider = nn.Sequential(*network[:2], nn.Conv2d(4, 2, 3), *network[3:])
    with pytest.raises(NotApplicable, match=r"\(2, 4, 3, 3\)"):
        neural_collapse_duality(dataclasses.replace(trained, model=wider.eval()))


def test_is_not_applicable_to_weights_of_zero():
    trained = labelled_network("mlp_2x5", seed=0)
    model = copy.deepcopy(trained.model)
    with torch.no_grad():
        model[-1].weight.zero_()
    with pytest.raises(NotApplicable, match="zero"):
        neural_collapse_duality(dataclasses.replace(trained, model=model))


class Cosine(nn.Linear):
    """Its rows count by their directions alone."""

    def forward(self, x):
        return nn.functional.linear(x, nn.functional.normalize(self.weight))


def test_the_weights_of_a_layer_with_a_forward_of_its_own_are_those_that_it_works_with():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), Cosine(5, 3, bias=False)).double()
    inputs = torch.randn(12, 4, dtype=torch.float64)
    before = neural_collapse_duality(trained_model(network, inputs, torch.arange(12) % 3))
    with torch.no_grad():
        network[2].weight[1] *= 10
    assert neural_collapse_duality(trained_model(network, inputs, torch.arange(12) % 3)) == pytest.approx(before)
