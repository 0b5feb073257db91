import pytest

from measures import NotApplicable
from measures.gradients.gradient_alignment import gradient_alignment
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, with_snapshots
from tests.builders.small_networks import looking_back, random_linear_model, small_network, undecided
from tests.references.explicit_gradients import gradients_one_by_one


def test_an_outvoted_example_is_not_aligned_however_long_its_own_gradient():
    # The third is of the other class: the first two help each other less than it hinders them, and it is alone.
    assert gradient_alignment(undecided([[1.0], [1.0], [0.5]], [0, 0, 1])) == pytest.approx(-2 / 3, rel=1e-12)
    assert gradient_alignment(undecided([[1.0], [1.0], [9.0]], [0, 0, 1])) == 0


def test_an_example_without_a_component_along_the_others_is_not_aligned():
    assert gradient_alignment(undecided([[1.0, 0.0], [1.0, 0.0], [0.0, 5.0]], [0, 0, 1])) == pytest.approx(-2 / 3)


@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_equals_the_count_over_explicit_gradients_at_the_first_snapshot(kind):
    trained, other = small_network(kind, seed=0), small_network(kind, seed=1)
    gradients = gradients_one_by_one(other.model, trained.inputs, trained.labels)
    total = gradients.sum(dim=0)
    aligned = sum(bool(gradient @ (total - gradient) > 0) for gradient in gradients)
    found = gradient_alignment(with_snapshots(trained, other.model, trained.model))
    assert found == pytest.approx(-aligned / len(gradients), rel=1e-12)


def test_all_of_three_hundred_examples_are_counted():
    trained = random_linear_model(0, num_train=300)
    gradients = gradients_one_by_one(trained.model, trained.inputs, trained.labels)
    aligned = gradients @ gradients.sum(dim=0) > gradients.square().sum(dim=1)
    assert gradient_alignment(with_snapshots(trained, trained.model)) == pytest.approx(-float(aligned.double().mean()))


def test_does_not_see_the_weights_at_the_end():
    assert_sees_only(looking_back(gradient_alignment), set(), seed=1)


def test_is_not_applicable_without_a_network_from_early_in_training():
    with pytest.raises(NotApplicable, match="no network from early in training"):
        gradient_alignment(random_network("mlp_2x5", seed=0))
