import dataclasses

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import nn

from measures.stability.uniform_stability import uniform_stability
from tests.builders.equivalent_networks import CHANGES
from tests.builders.models import history_of, random_network, trained_model


def two_classes(weight):
    network = nn.Linear(1, 2, bias=False, dtype=torch.float64)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[weight], [0.0]]))
    return network


def with_rates(trained, *rates):
    history = dataclasses.replace(trained.history, learning_rates=torch.tensor(rates))
    return dataclasses.replace(trained, history=history)


def naive_uniform_stability(trained):
    """Theorem 3.8, the supremum over both networks and all examples one by one."""
    lipschitz = 0.0
    for network in (trained.init, trained.model):
        for x, y in zip(trained.inputs, trained.labels, strict=True):
            gradients = torch.autograd.grad(F.cross_entropy(network(x[None]), y[None]), list(network.parameters()))
            lipschitz = max(lipschitz, sum(float(g.square().sum()) for g in gradients) ** 0.5)
    total = 0.0
    for rate in trained.history.learning_rates.tolist():
        total += 2 * lipschitz**2 / len(trained.labels) * rate
    return total


def test_is_4_and_a_half_on_a_network_that_starts_undecided():
    # Undecided, an input x has a gradient of norm |x| / √2; once fitted, all gradients are smaller. So L² = 9 / 2.
    inputs, labels = torch.tensor([[3.0], [-1.0]]).double(), torch.tensor([0, 1])
    history = history_of(steps=10, rate=0.1, num_train=2)
    trained = trained_model(two_classes(5.0), inputs, labels, history=history)
    assert uniform_stability(trained) == pytest.approx(2 * 4.5 / 2 * 1, rel=1e-6)


def test_the_larger_of_initial_and_final_gradient_counts():
    # The final network is certain, and wrong: a gradient of norm √2 |x|, against |x| / √2 at the start.
    inputs, labels = torch.tensor([[3.0]]).double(), torch.tensor([1])
    history = history_of(steps=10, rate=0.1, num_train=1)
    trained = trained_model(two_classes(1000.0), inputs, labels, history=history)
    assert uniform_stability(trained) == pytest.approx(2 * 18 / 1 * 1, rel=1e-6)


@pytest.mark.parametrize("name", ["mlp_1x16", "mlp_3x4", "convnet", "convnet_bn"])
@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_theorems_sum_over_steps_with_gradients_taken_one_by_one(name, seed):
    trained = with_rates(random_network(name, seed), 0.3, 0.2, 0.2, 0.05)
    assert uniform_stability(trained) == pytest.approx(naive_uniform_stability(trained), rel=1e-5)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.lists(st.floats(0.001, 1), min_size=1, max_size=20), st.floats(0.5, 10))
def test_is_proportional_to_the_sum_of_the_learning_rates(seed, rates, factor):
    trained = random_network("mlp_1x5", seed)
    once = uniform_stability(with_rates(trained, *rates))
    assert once >= 0
    assert uniform_stability(with_rates(trained, sum(rates))) == pytest.approx(once, rel=1e-5)
    scaled = [factor * rate for rate in rates]
    assert uniform_stability(with_rates(trained, *scaled)) == pytest.approx(factor * once, rel=1e-5)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_the_training_set_twice_over_halves_it(seed):
    trained = random_network("convnet_bn", seed)
    doubled = dataclasses.replace(trained, inputs=trained.inputs.repeat(2, 1, 1, 1), labels=trained.labels.repeat(2))
    assert uniform_stability(doubled) == pytest.approx(uniform_stability(trained) / 2, rel=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_is_moved_by_rescaling_and_folding_but_not_by_permutation_and_shift(seed):
    assert uniform_stability.invariant_to == {"unit_permutation", "logit_shift"}
    for name, change in CHANGES.items():
        network = "convnet_bn" if name == "batch_norm_folding" or seed % 4 == 0 else "mlp_3x16"
        trained = random_network(network, seed, size=4)
        # Starting where it ends, so that the network that is changed is the one whose gradients count.
        before = dataclasses.replace(trained, init=trained.model)
        after = change(before, seed)
        after = dataclasses.replace(after, init=after.model)
        same = uniform_stability(after) == pytest.approx(uniform_stability(before), rel=1e-7)
        assert same == (name in uniform_stability.invariant_to), name
