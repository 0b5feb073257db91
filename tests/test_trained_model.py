"""What a measure receives: samples, snapshots, hidden features, and what measures share."""

import dataclasses

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import nn

from harness.history import flat_state, load_flat_state
from harness.purity import Witness
from harness.recipe import Recipe
from harness.seeding import seeded_generator
from harness.shared import once_per_model
from harness.train import fit
from harness.trained_model import TrainedModel
from measures import NotApplicable
from tests.models import random_network, trained_model, with_snapshots


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_the_random_order_takes_the_same_examples_however_they_are_stored(seed: int) -> None:
    trained = random_network("mlp_1x4", seed)
    stored = torch.randperm(20, generator=torch.Generator().manual_seed(seed))
    shuffled = dataclasses.replace(trained, inputs=trained.inputs[stored], labels=trained.labels[stored])
    assert torch.equal(trained.inputs[trained.random_order], shuffled.inputs[shuffled.random_order])
    assert sorted(trained.random_order.tolist()) == list(range(20))


def test_the_beginning_of_the_random_order_is_a_fair_sample() -> None:
    trained = random_network("mlp_1x4", 0, num_train=2000)
    direction = torch.randn(36, generator=seeded_generator(0, "order"), dtype=torch.float64)
    projections = trained.inputs.flatten(1) @ direction
    sample = projections[trained.random_order[:400]]
    assert abs(float(sample.mean() - projections.mean())) < 4 * float(projections.std()) / 20
    assert float(sample.std() / projections.std()) == pytest.approx(1, abs=0.15)


def test_another_seed_gives_another_random_order() -> None:
    trained = random_network("mlp_1x4", 0)
    assert not torch.equal(trained.random_order, dataclasses.replace(trained, seed=1).random_order)


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
    history = fit(recipe, inputs, labels, 2).history
    assert history.snapshot_epochs.tolist() == [1, 2, 4, 8]
    assert history.snapshots.dtype == torch.float16
    two_epochs = fit(dataclasses.replace(recipe, max_epochs=2), inputs, labels, 2)
    assert two_epochs.history.snapshot_epochs.tolist() == [1, 2]
    torch.testing.assert_close(history.snapshots[1].float(), flat_state(two_epochs.model), rtol=1e-3, atol=1e-6)


def test_snapshots_are_networks_and_leave_init_alone() -> None:
    trained = random_network("convnet_bn", 0)
    before = flat_state(trained.init)
    snapped = with_snapshots(trained, trained.init, trained.model)
    (one, first), (two, last) = snapped.snapshots
    assert (one, two) == (1, 2)
    assert torch.equal(first(trained.inputs), trained.init(trained.inputs))
    assert torch.equal(last(trained.inputs), trained.model(trained.inputs))
    assert torch.equal(flat_state(trained.init), before)
    assert trained.snapshots == ()


def test_hidden_features_are_what_each_layer_but_the_first_receives() -> None:
    trained = random_network("mlp_2x5", 0)
    flatten, first, relu, second, _, last = trained.model
    one = relu(first(flatten(trained.inputs)))
    two = relu(second(one))
    assert [each.tolist() for each in trained.hidden_features] == [one.tolist(), two.tolist()]
    assert torch.equal(trained.hidden_features[-1], trained.features)
    assert torch.equal(last(trained.features), trained.logits)


def test_large_feature_maps_are_averaged_to_4x4() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(108, 2))
    inputs = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    maps, flat = trained_model(network, inputs, torch.zeros(5, dtype=torch.int64)).hidden_features
    expected = F.avg_pool2d(network[:2](inputs), 2).flatten(1)
    torch.testing.assert_close(maps, expected.detach())
    assert flat.shape == (5, 108)


@once_per_model
def counted(trained: TrainedModel, power: int = 1) -> torch.Tensor:
    calls.append(power)
    return trained.inputs**power


calls: list[int] = []


def test_a_shared_quantity_is_computed_once_per_model_and_argument() -> None:
    calls.clear()
    trained = random_network("mlp_1x4", 0)
    assert counted(trained) is counted(trained)
    assert counted(trained, 2) is counted(trained, power=2)
    assert counted(trained, 1) is counted(trained)
    assert counted(dataclasses.replace(trained)) is not counted(trained)
    assert calls == [1, 2, 1]


def test_what_a_shared_quantity_raises_is_raised_again() -> None:
    @once_per_model
    def refused(trained: TrainedModel) -> float:
        raise NotApplicable("always")

    trained = random_network("mlp_1x4", 0)
    for _ in range(2):
        with pytest.raises(NotApplicable, match="always"):
            refused(trained)


def test_the_witness_sees_a_change_of_any_shared_quantity() -> None:
    trained = with_snapshots(random_network("mlp_1x4", 0), random_network("mlp_1x4", 1).model)
    changes = {
        "the shared counted(power=1) of": lambda: counted(trained).zero_(),
        "the shared hidden_features[0]": lambda: trained.hidden_features[0].zero_(),
        "the shared random_order": lambda: trained.random_order.zero_(),
        "the shared singular_values of layer 1": lambda: trained.layers[0].singular_values.zero_(),
        "1.weight of the shared snapshots[0][1]": lambda: trained.snapshots[0][1][1].weight.data.zero_(),
    }
    counted(trained), trained.hidden_features, trained.random_order, trained.layers[0].singular_values
    trained.snapshots  # noqa: B018
    for name, change in changes.items():
        witness = Witness(trained)
        witness.look()
        change()
        (found,) = witness.changes()
        assert found.startswith(f"it changed {name}"), found


@once_per_model
def without_numbers(trained: TrainedModel) -> torch.Tensor:
    return torch.tensor([torch.nan, 1.0])


def test_no_number_in_a_shared_quantity_is_no_change_until_it_becomes_one() -> None:
    trained = random_network("mlp_1x4", 0)
    without_numbers(trained)
    witness = Witness(trained)
    witness.look()
    assert witness.changes() == []
    without_numbers(trained)[0] = 1
    (found,) = witness.changes()
    assert found.startswith("it changed the shared without_numbers() of")


def test_a_quantity_shared_for_several_arguments_is_not_taken_for_one_that_changed() -> None:
    trained = random_network("mlp_1x4", 0)
    counted(trained, 1), counted(trained, 2)
    witness = Witness(trained)
    witness.look()
    assert witness.changes() == []
    counted(trained, 2).zero_()
    (found,) = witness.changes()
    assert found.startswith("it changed the shared counted(power=2) of")


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet_bn"])
def test_singular_values_are_of_the_dense_operator_and_the_change_is_from_init(name: str) -> None:
    for layer in random_network(name, 0).layers:
        assert float(layer.singular_values[0]) == pytest.approx(layer.operator_norm, rel=1e-10)
        assert float(layer.singular_values.norm()) == pytest.approx(layer.frobenius_norm, rel=1e-10)
        assert torch.equal(layer.change, layer.weight - layer.init_weight)
        moved = dataclasses.replace(layer, weight=layer.change)
        assert layer.change_operator_norm == moved.operator_norm
        assert layer.change_frobenius_norm == moved.frobenius_norm
