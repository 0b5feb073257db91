import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from sklearn.datasets import load_digits
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from measures import NotApplicable
from measures.controls.neighbour_disagreement import neighbour_disagreement
from measures.quantities import nearest_others as module
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import digits_model, random_network, trained_model


def examples(inputs, labels):
    """A model of these inputs (n, size) and labels; its network is any."""
    network = torch.nn.Linear(inputs.shape[1], 10, dtype=inputs.dtype)
    return trained_model(network, inputs, torch.as_tensor(labels), num_classes=10)


def random_examples(seed, num_train=40, size=5, num_classes=3):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(num_train, size, generator=generator, dtype=torch.float64)
    return examples(inputs, torch.randint(num_classes, (num_train,), generator=generator))


def naive(trained):
    """For each example look at every other, and at the label of the nearest."""
    inputs, labels = trained.inputs.flatten(1).double().tolist(), trained.labels.tolist()
    wrong = 0
    for i, x in enumerate(inputs):
        others = [j for j in range(len(inputs)) if j != i]
        nearest = min(others, key=lambda j: sum((a - b) ** 2 for a, b in zip(x, inputs[j], strict=True)))
        wrong += labels[nearest] != labels[i]
    return wrong / len(inputs)


def test_on_a_line_is_counted_by_hand():
    # The nearest of 0 is 1, of 1 is 0, of 3 is 1, of 6.5 is 7.5, and of 7.5 is 6.5.
    trained = examples(torch.tensor([[0.0], [1.0], [3.0], [6.5], [7.5]]), [0, 0, 1, 0, 0])
    assert neighbour_disagreement(trained) == 1 / 5
    assert neighbour_disagreement(examples(trained.inputs, [0, 1, 1, 0, 1])) == 4 / 5


def test_distance_is_euclidean():
    # From the origin (1.9, 1.9) is 2.69 away, nearer than 2.8, though the sum of its coordinates is larger.
    points = torch.tensor([[0.0, 0.0], [1.9, 1.9], [2.8, 0.0], [1.9, 2.0], [2.8, -0.1]])
    assert neighbour_disagreement(examples(points, [0, 0, 1, 0, 1])) == 0
    # (2, 2) is 2.83 away, farther than 2.8, though its largest coordinate is smaller.
    points = torch.tensor([[0.0, 0.0], [2.0, 2.0], [2.8, 0.0], [2.0, 2.1], [2.8, -0.1]])
    assert neighbour_disagreement(examples(points, [0, 0, 1, 0, 1])) == 1 / 5


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.integers(2, 60), st.integers(1, 6), st.integers(2, 10))
def test_is_the_naive_share_whose_nearest_other_has_another_label(seed, num_train, size, num_classes):
    trained = random_examples(seed, num_train, size, num_classes)
    assert neighbour_disagreement(trained) == naive(trained)


@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_leave_one_out_error_of_scikit_learns_nearest_neighbour(seed):
    trained = random_examples(seed, num_train=100)
    inputs, labels = trained.inputs.numpy(), trained.labels.numpy()
    predicted = cross_val_predict(KNeighborsClassifier(n_neighbors=1), inputs, labels, cv=LeaveOneOut())
    expected = (predicted != labels).mean()
    assert 0.5 < expected < 0.8
    assert neighbour_disagreement(trained) == pytest.approx(expected, rel=1e-12)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.integers(1, 45))
def test_does_not_depend_on_how_many_distances_are_held_at_a_time(seed, block):
    trained = random_examples(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        assert neighbour_disagreement(trained) == naive(trained)


def test_on_all_digits_is_the_error_of_scikit_learns_nearest_other():
    digits = load_digits()
    trained = examples(torch.from_numpy(digits.data), digits.target)
    _, nearest = KNeighborsClassifier(n_neighbors=1).fit(digits.data, digits.target).kneighbors(n_neighbors=1)
    expected = (digits.target[nearest[:, 0]] != digits.target).mean()
    assert 0.005 < expected < 0.03
    assert neighbour_disagreement(trained) == pytest.approx(expected, abs=2 / 1797)  # pixels are whole: there are ties


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.floats(0.01, 100), st.floats(-5, 5))
def test_is_unmoved_by_scale_shift_rotation_order_and_names_of_classes(seed, scale, shift):
    trained = random_examples(seed)
    generator = torch.Generator().manual_seed(seed)
    rotation = torch.linalg.qr(torch.randn(5, 5, generator=generator, dtype=torch.float64)).Q
    order = torch.randperm(40, generator=generator)
    moved = examples((scale * trained.inputs @ rotation + shift)[order], ((trained.labels + 4) % 10)[order])
    assert neighbour_disagreement(moved) == pytest.approx(neighbour_disagreement(trained), rel=1e-12)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_every_example_beside_its_own_copy_is_0_and_beside_a_copy_of_another_label_1(seed):
    trained = random_examples(seed)
    twice = torch.cat([trained.inputs, trained.inputs])
    assert neighbour_disagreement(examples(twice, torch.cat([trained.labels, trained.labels]))) == 0
    assert neighbour_disagreement(examples(twice, torch.cat([trained.labels, trained.labels + 1]))) == 1


def test_is_the_same_for_float32_images_with_channels():
    trained = random_network("convnet", seed=0, size=4)
    trained = dataclasses.replace(trained, labels=torch.arange(20) % 3)
    in_float32 = dataclasses.replace(trained, inputs=trained.inputs.float())
    assert neighbour_disagreement(in_float32) == neighbour_disagreement(trained) == naive(trained) > 0


def test_far_from_the_origin_near_examples_are_still_told_apart():
    trained = random_examples(0)
    assert neighbour_disagreement(examples(trained.inputs + 1e8, trained.labels)) == naive(trained)


def test_random_labels_raise_it_to_chance():
    natural, randomized = digits_model("true_labels"), digits_model("random_labels")
    assert neighbour_disagreement(natural) < 0.1
    assert neighbour_disagreement(randomized) == pytest.approx(0.9, abs=0.07)


@pytest.mark.parametrize("seed", [0, 1])
def test_sees_no_change_of_the_network(seed):
    assert_sees_only(neighbour_disagreement, set(), seed)


def test_a_single_example_has_no_neighbour() -> None:
    trained = random_network("mlp_1x8", seed=0, num_train=1)
    with pytest.raises(NotApplicable, match="a single example has no neighbour"):
        neighbour_disagreement(trained)
