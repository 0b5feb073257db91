import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.representation.neural_collapse_geometry import (
    neural_collapse_angles,
    neural_collapse_lengths,
    neural_collapse_widest,
)
from tests.builders.features import NETWORKS, assert_sees_no_change, labelled_network, model_with_features
from tests.references.layer_inputs import naive_layers

ALL = [neural_collapse_lengths, neural_collapse_angles, neural_collapse_widest]


def test_means_at_3_and_4_and_minus_7_on_a_line_are_worked_out_by_hand():
    # Lengths 3, 4, 7 around 0; cosines 1, -1, -1.
    trained = model_with_features(torch.tensor([[3.0, 0.0], [4.0, 1.0], [4.0, -1.0], [-7.0, 0.0]]), [0, 1, 1, 2])
    deviation = np.sqrt((25 + 4 + 49) / 9 / 2)  # from 14/3, over 2 degrees of freedom
    assert neural_collapse_lengths(trained) == pytest.approx(deviation / (14 / 3), rel=1e-12)
    assert neural_collapse_angles(trained) == pytest.approx(np.sqrt(8) / 3, rel=1e-12)
    assert neural_collapse_widest(trained) == pytest.approx((1.5 + 0.5 + 0.5) / 3, rel=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_are_the_formulas_class_by_class(name, seed):
    trained = labelled_network(name, seed)
    features, labels = naive_layers(trained)[-1].numpy(), trained.labels.numpy()
    means = [features[labels == label].mean(axis=0) for label in range(3)]
    centred = [mean - sum(means) / 3 for mean in means]
    lengths = [np.linalg.norm(m) for m in centred]
    cosines = [centred[a] @ centred[b] / lengths[a] / lengths[b] for a in range(3) for b in range(3) if a != b]
    assert neural_collapse_lengths(trained) == pytest.approx(np.std(lengths, ddof=1) / np.mean(lengths), rel=1e-9)
    assert neural_collapse_angles(trained) == pytest.approx(np.std(cosines), rel=1e-9)
    assert neural_collapse_widest(trained) == pytest.approx(np.mean(np.abs(np.add(cosines, 1 / 2))), rel=1e-9)


@pytest.mark.parametrize("measure", ALL)
def test_of_the_corners_of_a_regular_simplex_is_0(measure):
    assert measure(model_with_features(torch.eye(4).repeat(2, 1), [0, 1, 2, 3] * 2)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("measure", ALL)
@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_a_rotation_a_shift_and_a_scale_of_the_features_do_not_move_it(measure, seed, factor):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(12, 3, generator=generator, dtype=torch.float64)
    rotation = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))[0]
    shift = torch.randn(3, generator=generator, dtype=torch.float64)
    labels = torch.arange(12) % 4
    moved = model_with_features(factor * points @ rotation + shift, labels)
    assert measure(moved) == pytest.approx(measure(model_with_features(points, labels)), rel=1e-6)


@pytest.mark.parametrize("measure", ALL)
def test_two_classes_are_always_a_simplex(measure):
    points = torch.tensor([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]])
    assert measure(model_with_features(points, [0, 1, 1])) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("measure", ALL)
@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(measure, seed):
    assert_sees_no_change(measure, seed)


@pytest.mark.parametrize("measure", ALL)
def test_is_not_applicable_to_one_class_or_to_equal_means(measure):
    with pytest.raises(NotApplicable, match="1 class"):
        measure(model_with_features(torch.eye(3), [1, 1, 1]))
    with pytest.raises(NotApplicable, match="no direction"):
        measure(model_with_features(torch.tensor([[1.0], [-1.0], [1.0], [-1.0]]), [0, 0, 1, 1]))
