import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.representation import graph_roughness as module
from measures.representation.graph_roughness import graph_roughness
from tests.builders.features import NETWORKS, assert_sees_no_change, labelled_network, model_with_features
from tests.references.layer_inputs import naive_layers


def test_three_features_at_45_and_90_degrees():
    # Cosines: 1/√2 from the diagonal to both axes, 0 between the axes; one of the two edges crosses classes.
    points = torch.tensor([[1.0, 0.0], [2.0, 2.0], [0.0, 5.0]])
    assert graph_roughness(model_with_features(points, [0, 0, 1])) == pytest.approx(0.5, rel=1e-12)


def test_opposite_features_have_no_edge():
    points = torch.tensor([[1.0, 0.0], [1.0, 1.0], [-1.0, 0.0]])
    assert graph_roughness(model_with_features(points, [0, 0, 1])) == 0


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("similar", [3, 20])
def test_is_the_trace_of_the_laplacian_between_the_label_vectors(name, similar, monkeypatch):
    monkeypatch.setattr(module, "SIMILAR", similar)
    trained = labelled_network(name, seed=0)
    features, n = naive_layers(trained)[-1].numpy(), len(trained.labels)
    norms = np.linalg.norm(features, axis=1)
    lengths = [[a * b for a in norms] for b in norms]
    cosines = [[features[i] @ features[j] / lengths[i][j] if lengths[i][j] else 0 for j in range(n)] for i in range(n)]
    similar_to = [sorted({*range(n)} - {i}, key=lambda j: -cosines[i][j])[:similar] for i in range(n)]
    weights = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if j in similar_to[i] or i in similar_to[j]:
                weights[i, j] = max(cosines[i][j], 0)
    laplacian = np.diag(weights.sum(axis=1)) - weights
    indicators = np.eye(3)[trained.labels.numpy()]
    expected = np.trace(indicators.T @ laplacian @ indicators) / weights.sum()
    assert graph_roughness(trained) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_is_0_where_classes_lie_in_different_dimensions(seed):
    points = torch.rand(12, 4, generator=torch.Generator().manual_seed(seed))
    points[:6, :2] = points[6:, 2:] = 0
    assert graph_roughness(model_with_features(points, [0] * 6 + [1] * 6)) == 0
    assert graph_roughness(model_with_features(points, [0, 1] * 6)) > 0.3


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_no_change(graph_roughness, seed)


def test_is_not_applicable_to_a_graph_without_edges():
    with pytest.raises(NotApplicable, match="no edge"):
        graph_roughness(model_with_features(torch.eye(4), [0, 0, 1, 1]))
