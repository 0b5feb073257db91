import dataclasses
import hashlib
import struct

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures.controls.coin_flip import coin_flip
from tests.builders.equivalent_networks import CHANGES, assert_sees_only
from tests.builders.models import random_network, trained_model


def with_weight(value, seed=0):
    network = nn.Linear(1, 1)
    with torch.no_grad():
        network.weight.fill_(value)
        network.bias.fill_(0.5)
    return trained_model(network, torch.ones(1, 1), torch.tensor([0]), seed=seed)


def test_is_the_number_drawn_with_the_digest_of_weight_and_bias():
    digest = hashlib.sha256(struct.pack("<ff", 3.0, 0.5)).digest()
    (seed,) = struct.unpack(">Q", digest[:8])
    expected = torch.rand(1, generator=torch.Generator().manual_seed(seed // 2), dtype=torch.float64).item()
    assert coin_flip(with_weight(3.0)) == expected


def test_twins_share_the_seed_and_fall_differently():
    assert coin_flip(with_weight(1.0, seed=7)) != coin_flip(with_weight(2.0, seed=7))


def test_the_seed_does_not_matter():
    assert coin_flip(with_weight(1.0, seed=7)) == coin_flip(with_weight(1.0, seed=8))


def test_trained_generator_is_not_asked(monkeypatch):
    monkeypatch.setattr("measures.trained_model.TrainedModel.generator", lambda self: pytest.fail("asked"))
    coin_flip(with_weight(1.0))


@pytest.mark.slow
def test_heads_and_tails_are_equally_frequent():
    flips = torch.tensor([coin_flip(with_weight(float(i))) for i in range(1000)])
    assert 0 <= flips.min() < 0.01 and 0.99 < flips.max() < 1
    assert flips.mean().item() == pytest.approx(0.5, abs=0.04)  # four standard errors
    assert (flips[1:] > flips[:-1]).double().mean().item() == pytest.approx(0.5, abs=0.06)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_falls_differently_for_every_change_of_the_weights(seed):
    assert_sees_only(coin_flip, set(CHANGES), seed)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_weights_of_every_type_are_read(dtype):
    trained = random_network("convnet_bn", seed=1)
    flip = coin_flip(dataclasses.replace(trained, model=trained.model.to(dtype)))
    assert 0 <= flip < 1


def test_the_global_random_state_is_left_alone():
    trained = with_weight(1.0)
    before = torch.get_rng_state()
    coin_flip(trained)
    assert torch.equal(torch.get_rng_state(), before)
