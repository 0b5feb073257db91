import itertools
import math

import pytest

from measures import NotApplicable
from measures.gradients.gradient_confusion import gradient_confusion
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, random_linear_model, small_network, undecided
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


def test_the_two_of_three_hundred_that_confuse_each_other_decide():
    trained = random_linear_model(1, num_train=300)  # one of them not among the first 200
    gradients = gradients_one_by_one(trained.model, trained.inputs, trained.labels)
    products = (gradients @ gradients.T).fill_diagonal_(float("inf"))
    assert gradient_confusion(trained) == pytest.approx(-float(products.min()), rel=1e-8)


def test_of_too_many_examples_those_with_large_residuals_are_compared(monkeypatch):
    monkeypatch.setattr("measures.gradients.gradient_confusion.PAIRED", 10)
    inputs = [[20.0]] * 400 + [[-20.0], [-10.0]] + [[20.0]] * 400
    trained = linear_model([[1.0], [0.0]], inputs=inputs, labels=[0] * 401 + [1] + [0] * 400)
    # of -20, not fitted, (20, -20); of -10 with the other label, nearly fitted, 10 e^-10 (-1, 1)
    assert gradient_confusion(trained) > -2 * 20 * 10 * math.exp(-10)


def test_sees_only_changes_of_the_scale_of_weights():
    assert_sees_only(gradient_confusion, {"layer_rescaling", "batch_norm_folding"}, seed=1)


def test_is_not_applicable_to_one_example():
    with pytest.raises(NotApplicable, match="one example"):
        gradient_confusion(undecided([[1.0]], [0]))
