import copy
import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.quantities.hold_out import hold_out
from measures.stability._noisy_inputs import mean_output_changes
from measures.stability.output_sensitivity import output_sensitivity, output_sensitivity_train
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.retraining import assert_sees_no_change_of_the_given_network
from tests.builders.small_networks import linear_model


def test_of_a_linear_network_is_about_a_hundredth_of_the_squared_mean_of_its_rows():
    inputs = torch.zeros(2000, 2).tolist()
    trained = linear_model([[4.0, 0.0], [2.0, 8.0]], inputs, [0] * 2000)  # the mean of the rows is 3, 4
    # 20,000 draws: the variance is known to a relative 1%.
    assert output_sensitivity_train(trained) == pytest.approx(0.01 * 25, rel=0.04)


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet_bn"])
def test_is_the_variance_over_draws_and_examples_taken_one_by_one(name):
    trained = random_network(name, seed=1, size=4)
    generator, order = trained.generator(), trained.random_order
    changes = []
    for _ in range(10):
        noise = 0.1 * torch.randn(trained.inputs.shape, generator=generator, dtype=torch.float64)
        for x, e in zip(trained.inputs[order], noise, strict=True):
            with torch.no_grad():
                changes.append(float((trained.model((x + e)[None]) - trained.model(x[None])).mean()))
    assert output_sensitivity_train(trained) == pytest.approx(np.var(changes), rel=1e-9)


def test_is_asked_of_the_network_trained_again_and_of_the_examples_that_it_has_not_seen():
    trained, other = random_network("mlp_2x5", seed=1), random_network("mlp_2x5", seed=2).model
    held_out, kept = hold_out(trained)

    def retrain(inputs, labels, reseed):
        assert torch.equal(inputs, trained.inputs[kept]) and torch.equal(labels, trained.labels[kept])
        return other

    again = dataclasses.replace(trained, retrain_function=retrain)
    expected = mean_output_changes(other, trained.inputs[held_out], trained.generator()).var(correction=0)
    assert output_sensitivity(again) == float(expected)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_scaling_the_last_layer_multiplies_it_by_the_square(seed, factor):
    trained = random_network("mlp_2x5", seed)
    model = copy.deepcopy(trained.model)
    with torch.no_grad():
        model[-1].weight *= factor
    scaled = dataclasses.replace(trained, model=model)
    assert output_sensitivity_train(scaled) == pytest.approx(factor**2 * output_sensitivity_train(trained), rel=1e-9)


def test_is_0_where_the_rows_of_the_last_layer_sum_to_0():
    trained = linear_model([[3.0, -1.0], [-3.0, 1.0]], [[1.0, 2.0]], [0])
    assert output_sensitivity_train(trained) == pytest.approx(0, abs=1e-20)


def test_another_order_of_the_examples_changes_rounding_only():
    trained = random_network("mlp_2x5", seed=1)
    turned = dataclasses.replace(trained, inputs=trained.inputs.flip(0), labels=trained.labels.flip(0))
    assert output_sensitivity_train(turned) == pytest.approx(output_sensitivity_train(trained), rel=1e-12)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_on_the_training_set_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(output_sensitivity_train, set(), seed)


def test_on_held_out_examples_does_not_see_the_given_network():
    assert_sees_no_change_of_the_given_network(output_sensitivity, seed=1)


def test_one_example_cannot_be_held_out():
    with pytest.raises(NotApplicable, match="1 training example"):
        output_sensitivity(linear_model([[1.0], [0.0]], [[1.0]], [0]))
