import itertools

import pytest

from measures import NotApplicable
from measures.gradients.gradient_confusion import gradient_confusion
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import small_network, undecided
from tests.references.explicit_gradients import gradients_one_by_one


def test_is_half_the_largest_product_of_inputs_whose_labels_differ():
    assert gradient_confusion(undecided([[1.0], [2.0], [3.0]], [0, 0, 1])) == pytest.approx(3, rel=1e-12)


def test_is_negative_where_all_agree():
    assert gradient_confusion(undecided([[1.0], [2.0], [3.0]], [0, 0, 0])) == pytest.approx(-1, rel=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_equals_the_least_of_the_explicit_products(kind):
    trained = small_network(kind, seed=0)
    gradients = gradients_one_by_one(trained.model, trained.inputs, trained.labels)
    least = min(float(a @ b) for a, b in itertools.combinations(gradients, 2))
    assert gradient_confusion(trained) == pytest.approx(-least, rel=1e-8)


def test_sees_only_changes_of_the_scale_of_weights():
    assert_sees_only(gradient_confusion, {"layer_rescaling", "batch_norm_folding"}, seed=1)


def test_is_not_applicable_to_one_example():
    with pytest.raises(NotApplicable, match="one example"):
        gradient_confusion(undecided([[1.0]], [0]))
