import math

import pytest

from measures.gradients.gradient_norm import gradient_norm
from measures.quantities.per_example import gradient_norms
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, small_network, undecided
from tests.references.explicit_gradients import gradients_one_by_one


def test_is_the_mean_length_of_the_inputs_over_the_root_of_two_where_the_classes_tie():
    trained = undecided([[3.0, 4.0], [0.0, 1.0]], [0, 1])
    assert gradient_norm(trained) == pytest.approx((5 + 1) / 2 / math.sqrt(2), rel=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_equals_the_mean_of_explicit_norms_and_of_gradient_norms(kind):
    trained = small_network(kind, seed=0)
    gradients = gradients_one_by_one(trained.model, trained.inputs, trained.labels)
    assert gradient_norm(trained) == pytest.approx(float(gradients.norm(dim=1).mean()), rel=1e-8)
    norms = gradient_norms(trained.model, trained.inputs, trained.labels)
    assert gradient_norm(trained) == pytest.approx(float(norms.mean()), rel=1e-8)


def test_of_a_margin_of_60_it_still_has_a_length_in_float32():
    trained = linear_model([[30.0], [-30.0]], [[1.0]], [0])
    trained.model.float()
    object.__setattr__(trained, "inputs", trained.inputs.float())
    assert gradient_norm(trained) == pytest.approx(math.sqrt(2) * math.exp(-60), rel=1e-5, abs=0)


def test_one_example_in_a_thousand_that_is_not_fitted_has_its_share():
    inputs = [[20.0]] * 999 + [[-20.0]]
    trained = linear_model([[1.0], [0.0]], inputs=inputs, labels=[0] * 1000)
    assert gradient_norm(trained) == pytest.approx(math.sqrt(2) * 20 / 1000, rel=1e-5)


def test_sees_only_changes_of_the_scale_of_weights():
    assert_sees_only(gradient_norm, {"layer_rescaling", "batch_norm_folding"}, seed=1)
