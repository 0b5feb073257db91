import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.dynamics.area_under_margin import area_under_margin
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import history_of, random_network, with_snapshots
from tests.builders.small_networks import linear_model, with_margins


def with_course(margins, epochs):
    """One example whose margin is the first of `margins` at epoch 1, then at 2, 4, 8 …; the last at the end."""
    networks = [with_margins(1.0).model for _ in margins]
    for network, margin in zip(networks, margins, strict=True):
        with torch.no_grad():
            network.weight.copy_(torch.tensor([[margin], [0.0]]))
    trained = dataclasses.replace(with_margins(1.0), model=networks[-1], history=history_of(epochs=epochs, num_train=1))
    return with_snapshots(trained, *networks[:-1])


def test_of_margins_1_3_and_7_after_epochs_1_2_and_4_is_minus_4():
    assert area_under_margin(with_course([1.0, 3.0, 7.0], epochs=4)) == pytest.approx(-(1 + 3 + 5 + 7) / 4, rel=1e-12)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=5), st.integers(0, 30))
def test_is_the_mean_over_epochs_of_what_lies_between_those_that_are_known(margins, later):
    known = [2**k for k in range(len(margins) - 1)]
    epochs = known[-1] + 1 + later
    places, total = [*known, epochs], 0.0
    for epoch in range(1, epochs + 1):
        after = next(i for i, place in enumerate(places) if place >= epoch)
        before = max(after - 1, 0) if places[after] != epoch else after
        share = (epoch - places[before]) / (places[after] - places[before]) if after != before else 0.0
        total += margins[before] + share * (margins[after] - margins[before])
    assert area_under_margin(with_course(margins, epochs)) == pytest.approx(-total / epochs, rel=1e-6, abs=1e-6)


def test_after_one_epoch_is_the_trained_networks_mean_margin():
    trained = dataclasses.replace(with_margins(1.0, 5.0, -3.0), history=history_of(epochs=1, num_train=3))
    assert area_under_margin(trained) == pytest.approx(-1, rel=1e-12)


def test_a_network_kept_at_the_last_epoch_does_not_count_twice():
    assert area_under_margin(with_course([2.0, 4.0, 10.0], epochs=2)) == pytest.approx(-(2 + 10) / 2, rel=1e-12)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_a_wrong_label_never_lowers_it(seed):
    fitted = random_network("mlp_2x5", seed, size=4)
    course = with_snapshots(fitted, fitted.model)
    wrong = dataclasses.replace(course, labels=(course.labels + 1) % 3)
    assert area_under_margin(course) <= area_under_margin(wrong)


def test_sees_no_change_that_keeps_the_function():
    start = random_network("mlp_3x8", seed=5, size=4).init

    def value(trained):
        early = start if not any(isinstance(m, nn.Conv2d) for m in trained.model.modules()) else trained.init
        return area_under_margin(with_snapshots(trained, early))

    assert_sees_only(dataclasses.replace(area_under_margin, function=value), set(), seed=1)


def test_one_logit_has_no_margin():
    with pytest.raises(NotApplicable, match="one logit"):
        area_under_margin(linear_model([[1.0]], [[1.0]], [0]))
