import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures.controls.seed_control import seed_control
from measures.seeding import seeded_generator
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import trained_model


def with_seed(seed, value=1.0):
    network = nn.Linear(1, 1)
    with torch.no_grad():
        network.weight.fill_(value)
    return trained_model(network, torch.full((1, 1), value), torch.tensor([0]), seed=seed)


def test_is_the_first_number_of_the_stream_that_measures_draw_from():
    expected = torch.rand(1, generator=seeded_generator(7, "measure"), dtype=torch.float64).item()
    assert seed_control(with_seed(7)) == expected


def test_ties_on_twins_which_share_the_seed_and_nothing_else():
    assert seed_control(with_seed(7, value=1.0)) == seed_control(with_seed(7, value=2.0))


@pytest.mark.slow
def test_differs_between_seeds_and_is_uniform_over_them():
    trained = with_seed(0)
    draws = torch.tensor([seed_control(dataclasses.replace(trained, seed=seed)) for seed in range(1000)])
    assert len(draws.unique()) == 1000
    assert 0 <= draws.min() < 0.01 and 0.99 < draws.max() < 1
    assert draws.mean().item() == pytest.approx(0.5, abs=0.04)  # four standard errors


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(seed_control, set(), seed)
