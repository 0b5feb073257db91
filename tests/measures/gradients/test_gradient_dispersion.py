import dataclasses

import pytest
import torch

from measures.gradients.gradient_dispersion import gradient_dispersion
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import history_of, with_snapshots
from tests.builders.small_networks import linear_model, small_network
from tests.references.explicit_gradients import gradients_one_by_one


def trace_of_covariance(network, trained):
    return float(gradients_one_by_one(network, trained.inputs, trained.labels).var(dim=0, correction=0).sum())


def test_with_a_constant_variance_of_a_half_it_is_half_the_sum_of_squared_rates():
    trained = linear_model([[0.0], [0.0]], [[1.0], [3.0]], [0, 0])  # `init` is zero as well
    trained = dataclasses.replace(trained, history=history_of(steps=10, rate=0.2))
    assert gradient_dispersion(trained) == pytest.approx(10 * 0.2**2 / 2, rel=1e-6)


@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_the_variance_between_the_networks_that_are_known_is_interpolated(kind):
    trained, other = small_network(kind, seed=0), small_network(kind, seed=1)
    history = dataclasses.replace(history_of(steps=5, epochs=3), learning_rates=torch.arange(1.0, 6.0))
    trained = with_snapshots(dataclasses.replace(trained, init=small_network(kind, seed=2).model), other.model)
    trained = dataclasses.replace(
        trained,
        history=dataclasses.replace(
            history, snapshot_epochs=trained.history.snapshot_epochs, snapshots=trained.history.snapshots
        ),
    )
    start, early, end = (trace_of_covariance(net, trained) for net in (trained.init, other.model, trained.model))
    # Two steps an epoch: the network of the first epoch's end takes step 2, and the last one would take step 5.
    variances = [start, (start + early) / 2, early, (2 * early + end) / 3, (early + 2 * end) / 3]
    expected = sum(rate**2 * variance for rate, variance in enumerate(variances, start=1))
    assert gradient_dispersion(trained) == pytest.approx(expected, rel=1e-6)


def test_grows_with_the_square_of_the_rates():
    trained = small_network("mlp", seed=0)
    slow, fast = (dataclasses.replace(trained, history=history_of(rate=rate)) for rate in (0.1, 0.3))
    assert gradient_dispersion(fast) == pytest.approx(9 * gradient_dispersion(slow), rel=1e-6)


def test_sees_only_changes_of_the_scale_of_weights():
    assert_sees_only(gradient_dispersion, {"layer_rescaling", "batch_norm_folding"}, seed=1)
