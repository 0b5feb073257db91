"""Random streams by name: the same for equal seed and purpose, independent otherwise; draws that follow a tensor."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.seeding import seeded_generator, standard_normal


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1000), st.text(max_size=5)), min_size=2, max_size=10, unique=True))
def test_generators_of_different_seeds_or_purposes_have_nothing_in_common(asked):
    draws = torch.stack([torch.rand(50, generator=seeded_generator(seed, purpose)) for seed, purpose in asked])
    assert len(draws.flatten().unique()) >= draws.numel() - 5  # float32 draws coincide by chance now and then


def test_generators_of_neighbouring_seeds_are_not_correlated():
    draws = torch.stack([torch.rand(1000, generator=seeded_generator(seed, "order0")) for seed in range(20)])
    correlations = torch.corrcoef(draws) - torch.eye(20)
    assert correlations.abs().max() < 6 / 1000**0.5  # six standard deviations


@settings(deadline=None)
@given(st.integers(0, 2**31), st.text(max_size=5))
def test_a_stream_is_a_function_of_seed_and_purpose(seed, purpose):
    one, other = (torch.rand(3, generator=seeded_generator(seed, purpose)) for _ in range(2))
    assert torch.equal(one, other)


def test_the_first_number_of_a_stream_is_the_one_that_recorded_values_rest_on():
    assert seeded_generator(0, "order").initial_seed() == 2774440215086976078


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(5,), (2, 3), torch.Size([4, 1])])
def test_normal_numbers_are_the_generator_s_in_the_shape_and_dtype_asked_for(shape, dtype):
    like = torch.zeros(1, dtype=dtype)
    drawn = standard_normal(shape, seeded_generator(3, "x"), like)
    assert drawn.dtype == dtype
    assert torch.equal(drawn, torch.randn(shape, generator=seeded_generator(3, "x"), dtype=dtype))


def test_normal_numbers_have_mean_0_and_variance_1_and_go_on_from_draw_to_draw():
    generator = seeded_generator(0, "x")
    first, second = (standard_normal((10_000,), generator, torch.zeros(1)) for _ in range(2))
    assert not torch.equal(first, second)
    assert abs(float(first.mean())) < 0.05
    assert float(first.var()) == pytest.approx(1, abs=0.1)
