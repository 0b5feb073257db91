"""1 / γ² of the closest tenth: by hand, against a naive percentile, and its refusals."""

import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.quantities.margin_percentile import inverse_squared_margin
from tests.builders.models import random_network
from tests.builders.small_networks import with_margins
from tests.references.dense_networks import tenth_percentile_of_margins


@pytest.mark.parametrize(
    ("margins", "gamma"),
    [
        ([4.0], 4.0),
        ([2.0, 4.0], 2.2),  # a tenth of the way from the smallest to the next
        ([float(margin) for margin in range(1, 12)], 2.0),  # the second of eleven
        ([-1.0] + [3.0] * 20, 3.0),  # one in twenty-one is misclassified
    ],
)
def test_is_the_inverse_square_of_the_tenth_percentile(margins, gamma):
    assert inverse_squared_margin(with_margins(*margins)) == pytest.approx(1 / gamma**2, rel=1e-12)


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet_bn"])
def test_is_that_of_naive_margins_taken_one_by_one(name):
    trained = random_network(name, seed=0)
    fitted = dataclasses.replace(trained, labels=trained.logits.argmax(dim=1))
    gamma = tenth_percentile_of_margins(fitted)
    assert inverse_squared_margin(fitted) == pytest.approx(1 / gamma**2, rel=1e-6)


@settings(deadline=None, max_examples=10)
@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=20), st.floats(0.1, 10), st.randoms())
def test_scaling_margins_divides_it_by_the_square_and_their_order_does_not_matter(margins, factor, random):
    expected = inverse_squared_margin(with_margins(*margins)) / factor**2
    shuffled = random.sample(margins, len(margins))
    assert inverse_squared_margin(with_margins(*(factor * margin for margin in shuffled))) == pytest.approx(expected)


@pytest.mark.parametrize("margins", [[0.0], [-1.0, -1.0, 5.0], [0.0] * 3 + [1.0] * 7])
def test_is_not_applicable_until_the_training_set_is_fitted(margins):
    with pytest.raises(NotApplicable, match="not above 0: undefined until the training set is fitted"):
        inverse_squared_margin(with_margins(*margins))


def test_is_not_applicable_where_margins_are_not_numbers():
    with pytest.raises(NotApplicable, match="γ = nan"):
        inverse_squared_margin(with_margins(float("nan"), 1.0))


def test_is_computed_in_float64():
    trained = random_network("mlp_1x4", seed=0)
    single = dataclasses.replace(trained, model=trained.model.float(), inputs=trained.inputs.float())
    single = dataclasses.replace(single, labels=single.logits.argmax(dim=1))
    gamma = float(torch.quantile(single.margins.double(), 0.1))
    assert inverse_squared_margin(single) == 1 / gamma**2
