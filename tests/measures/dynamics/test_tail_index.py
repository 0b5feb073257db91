import copy
import itertools
import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from scipy.stats import levy_stable

from measures import NotApplicable
from measures.dynamics._sgd_iterates import STEPS
from measures.dynamics.tail_index import stable_index, tail_index
from tests.builders.small_networks import linear_model, small_network
from tests.measures.dynamics.test_sgd_iterates import points_visited


def index_of(samples, block):
    """The estimate for samples (n, width) that need no centring."""
    sums = samples.unflatten(0, (-1, block)).sum(dim=1)
    return stable_index(samples.norm(dim=1), sums.norm(dim=1), block)


@pytest.mark.parametrize("alpha", [1.2, 1.5, 1.8])
def test_planted_stable_samples_have_their_index(alpha):
    samples = levy_stable.rvs(alpha, 0, size=40_000, random_state=np.random.default_rng(0))
    assert index_of(torch.from_numpy(samples)[:, None], block=100) == pytest.approx(alpha, abs=0.12)


def test_gaussian_vectors_have_index_2():
    samples = torch.randn(STEPS, 1000, generator=torch.Generator().manual_seed(0)).double()
    assert index_of(samples, block=12) == pytest.approx(2, abs=0.03)


def test_equal_steps_in_one_direction_have_index_1():
    assert index_of(torch.ones(24, 3), block=12) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_is_the_papers_estimate_from_the_steps_one_by_one(kind):
    trained = small_network(kind, seed=5)
    start = torch.cat([weight.detach().flatten() for weight in copy.deepcopy(trained.model).parameters()])
    points = torch.cat([start[None], points_visited(trained, 0.1)])
    steps = [after - before for before, after in itertools.pairwise(points)]
    mean = sum(steps) / len(steps)
    noise = [step - mean for step in steps]
    singles = sum(math.log(u.norm()) for u in noise) / 144
    sums = sum(math.log(sum(noise[12 * i : 12 * (i + 1)]).norm()) for i in range(12)) / 12
    assert tail_index(trained) == pytest.approx(math.log(12) / (sums - singles), rel=1e-5)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_does_not_depend_on_the_scale(seed, factor):
    samples = torch.randn(48, 5, generator=torch.Generator().manual_seed(seed)).double()
    assert index_of(factor * samples, 12) == pytest.approx(index_of(samples, 12), rel=1e-9)


def test_not_applicable_without_steps_or_where_they_cancel():
    with pytest.raises(NotApplicable, match="no logarithm"):
        tail_index(linear_model([[1e5], [0.0]], [[1.0]], [0]))
    back_and_forth = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, -0.5]).double()[:, None]
    with pytest.raises(NotApplicable, match="no longer than one step"):
        index_of(back_and_forth, block=3)
