"""What training leaves behind: losses and errors by epoch, and the network at the end of early epochs."""

import dataclasses
import math

import pytest
import torch
from torch import nn

from harness.training.batches import Examples
from harness.training.recipe import Recipe
from harness.training.train import fit
from measures.curvature.edge_of_stability import edge_of_stability
from measures.dynamics.area_under_margin import area_under_margin
from measures.dynamics.first_epoch_slowness import first_epoch_slowness
from measures.dynamics.steps_to_loss import steps_at_low_loss, steps_to_loss
from measures.dynamics.training_loss import training_loss_average, training_loss_sum
from measures.dynamics.trajectory_dimension import trajectory_dimension
from measures.errors import NotApplicable
from measures.function_space.input_loss_curvature import input_loss_curvature
from measures.gradients.gradient_dispersion import gradient_dispersion
from measures.history import SNAPSHOT_EPOCHS, flat_state, load_flat_state
from tests.builders.models import history_of, random_network


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet_bn"])
def test_a_flat_state_holds_the_whole_network(name: str) -> None:
    source, target = random_network(name, 0).model, random_network(name, 1).model
    load_flat_state(target, flat_state(source))
    x = torch.randn(3, 1, 6, 6, dtype=torch.float64)
    assert torch.equal(source(x), target(x))


def test_training_keeps_the_network_after_epochs_1_2_4_and_8() -> None:
    recipe = Recipe(data_set="digits", network="mlp_1x4", learning_rate=0.01, seed=0, batch_size=8, max_epochs=9)
    inputs = torch.randn(16, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(16) % 2
    history = fit(recipe, Examples(inputs, labels, 2)).history
    assert history.snapshot_epochs.tolist() == [1, 2, 4, 8]
    assert history.snapshots.dtype == torch.float16
    two_epochs = fit(dataclasses.replace(recipe, max_epochs=2), Examples(inputs, labels, 2))
    assert two_epochs.history.snapshot_epochs.tolist() == [1, 2]
    torch.testing.assert_close(history.snapshots[1].float(), flat_state(two_epochs.model), rtol=1e-3, atol=1e-6)


def test_epochs_and_steps_are_counted_from_what_was_written_down() -> None:
    history = history_of(steps=10, epochs=2)
    assert (history.epochs, history.steps) == (2, 10)
    assert SNAPSHOT_EPOCHS == (1, 2, 4, 8)


@pytest.mark.parametrize("loss", [torch.nan, torch.inf])
def test_a_loss_that_is_not_finite_is_said_by_what_reads_it(loss: float) -> None:
    trained = random_network("mlp_1x4", 0)
    losses = torch.tensor([0.5, loss])
    diverged = dataclasses.replace(trained, history=dataclasses.replace(trained.history, train_loss=losses))
    for measure in (training_loss_sum, training_loss_average, steps_to_loss, steps_at_low_loss):
        with pytest.raises(NotApplicable, match=rf"^the training loss of epoch 2 is {loss}: training diverged$"):
            measure(diverged)
    assert first_epoch_slowness(diverged) == 0.5 - math.log(3)


def test_a_history_without_an_epoch_is_said_by_what_reads_it() -> None:
    trained = random_network("mlp_1x4", 0)
    untrained = dataclasses.replace(trained, history=history_of(steps=0, epochs=1, num_train=20))
    for measure in (training_loss_sum, steps_to_loss, first_epoch_slowness, area_under_margin, edge_of_stability):
        with pytest.raises(NotApplicable, match="the history has 1 epochs and 0 steps: no training"):
            measure(untrained)
    for measure in (input_loss_curvature, gradient_dispersion, trajectory_dimension):
        with pytest.raises(NotApplicable, match="the history has 1 epochs and 0 steps: no training"):
            measure(untrained)


def test_a_flat_state_is_weights_and_running_statistics_in_the_order_of_the_state_dict() -> None:
    network = nn.Sequential(nn.Linear(1, 2), nn.BatchNorm1d(2))
    state = {
        "0.weight": torch.tensor([[1.0], [2.0]]),
        "0.bias": torch.tensor([3.0, 4.0]),
        "1.weight": torch.tensor([5.0, 6.0]),
        "1.bias": torch.tensor([7.0, 8.0]),
        "1.running_mean": torch.tensor([9.0, 10.0]),
        "1.running_var": torch.tensor([11.0, 12.0]),
        "1.num_batches_tracked": torch.tensor(100),
    }
    network.load_state_dict(state)
    assert flat_state(network).tolist() == [float(number) for number in range(1, 13)]
    load_flat_state(network, -flat_state(network))
    assert network[1].running_var.tolist() == [-11.0, -12.0]
    assert int(network[1].num_batches_tracked) == 100


def test_a_flat_state_of_another_size_is_refused() -> None:
    with pytest.raises(RuntimeError, match="split_with_sizes"):
        load_flat_state(nn.Linear(2, 2), torch.zeros(5))
