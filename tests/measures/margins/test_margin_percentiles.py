import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from measures.margins.margin_percentiles import margin_10th_percentile, margin_median
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import with_margins


def test_of_margins_1_to_11_are_minus_2_and_minus_6():
    trained = with_margins(*range(1, 12))
    assert margin_10th_percentile(trained) == pytest.approx(-2, rel=1e-12)
    assert margin_median(trained) == pytest.approx(-6, rel=1e-12)


def test_a_margin_below_zero_is_as_good_as_any():
    trained = with_margins(-4.0, -4.0, -1.0, 5.0, 5.0)
    assert margin_10th_percentile(trained) == 4
    assert margin_median(trained) == 1


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet_bn"])
@pytest.mark.parametrize("measure, share", [(margin_10th_percentile, 0.1), (margin_median, 0.5)])
def test_is_minus_the_naive_percentile_of_margins_taken_one_by_one(name, measure, share):
    trained = random_network(name, seed=1, num_train=14)
    margins = []
    for logits, label in zip(trained.logits.tolist(), trained.labels.tolist(), strict=True):
        margins.append(logits[label] - max(logits[j] for j in range(3) if j != label))
    margins.sort()
    below = int(share * 13)
    percentile = margins[below] + (share * 13 - below) * (margins[below + 1] - margins[below])
    assert measure(trained) == pytest.approx(-percentile, rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.lists(st.floats(-10, 10), min_size=2, max_size=20), st.integers(0, 19))
def test_a_larger_margin_never_raises_them(margins, which):
    larger = [*margins]
    larger[which % len(margins)] += 1
    for measure in (margin_10th_percentile, margin_median):
        assert measure(with_margins(*larger)) <= measure(with_margins(*margins))


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_see_the_function_only(seed):
    assert_sees_only(margin_10th_percentile, set(), seed)
    assert_sees_only(margin_median, set(), seed)
